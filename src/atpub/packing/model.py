"""The files of samples before they are packed: their keys and extensions, and where their bytes are."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from atpub.problems import Problem
from atpub.shards.sample_groups import split_name

_LITTER: Final = frozenset(("thumbs.db", "desktop.ini"))
_CONTROL: Final = re.compile(r"[\0-\x1f\x7f]")
_KEPT_NAMES: Final = "rename it: readers take KEY.EXTENSION, as 000001.jpg"


class SourceFile(NamedTuple):
    """A file of a sample: `size` bytes at `start` of the tar at `path`; without `start`, all of the file there."""

    key: str
    extension: str
    path: str
    start: int | None
    size: int

    @property
    def name(self) -> str:
        """The name in a shard."""
        return f"{self.key}.{self.extension}"

    def __str__(self) -> str:
        return self.path if self.start is None else f"{self.path}: {self.name} at byte {self.start:,}"


def parse_name(name: str, where: str) -> tuple[str, str] | Problem | None:
    """Return the key and the extension of a sample's file; None for a file that readers skip or that is hidden.

    `where` is what a problem calls the file. The name is relative, with `/`; `./` before it is dropped.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        return Problem("outside-name", f"{where}: the name leads out of the shard", hint=_KEPT_NAMES)
    if is_hidden(name):
        return None
    split = split_name("/".join(parts))
    if split is None:
        return None
    if not _is_utf8(name):
        return Problem("not-utf8", f"{where}: the name is not UTF-8", hint=_KEPT_NAMES)
    if _CONTROL.search(name):
        return Problem("bad-name", f"{where}: the name has control characters", hint=_KEPT_NAMES)
    if not split[1] or split[1].startswith("__"):
        return Problem("bad-name", f"{where}: {split[1]!r} is not the extension of a member", hint=_KEPT_NAMES)
    return split


def is_hidden(name: str) -> bool:
    """Return whether a file is hidden or in a hidden folder, or a file that Windows leaves in folders."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return any(part.startswith(".") for part in parts) or bool(parts and parts[-1].lower() in _LITTER)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
