"""A rule of a lexicon that a value breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from atpub.atproto.lexicon.json_node import step
from atpub.problems import Problem

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that a value breaks: where (keys and indexes from the root), which, what was found, whose rule.

    `detail` names the case where one rule has several: the name of a format, `float`, a type (`string`, `blob`), or
    the MIME types of `accept`.
    """

    path: Path
    rule: str
    message: str
    schema: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{json_path(self.path)}: {self.message} ({self.rule}; {self.schema})"

    def problem(self) -> Problem:
        """Return the violation as a problem without a place."""
        return Problem("invalid-record", str(self), path=self.path)


def json_path(path: Path) -> str:
    """Return a path as text: `$.parts[1].width`."""
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else step(key) for key in path)
