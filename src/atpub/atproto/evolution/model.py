"""What changes between two versions of lexicons, and whom each change breaks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from atpub.atproto.data import Json
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.violation import Path, json_path
from atpub.atproto.syntax import Nsid

Direction: TypeAlias = Literal["readers-of-old", "writers", "readers-of-new"]
"""Who a change breaks: NEW code that reads data written under OLD, code that writes after OLD to what checks by NEW,
and OLD code that reads data written under NEW."""
Bump: TypeAlias = Literal["major", "minor", "patch"]
Gap: TypeAlias = Literal["old", "new"]
"""The version that accepts a value which the other one refuses."""
Use: TypeAlias = Literal["record", "input", "output"]
"""Where values of a definition are: kept in repositories, sent to a server, or sent by one."""

DIRECTIONS: Final[tuple[Direction, ...]] = ("readers-of-old", "writers", "readers-of-new")

EFFECTS: Final[Mapping[tuple[Use, Gap], tuple[Bump, tuple[Direction, ...]]]] = {
    ("record", "old"): ("major", ("readers-of-old", "writers")),
    ("record", "new"): ("major", ("readers-of-new",)),
    ("input", "old"): ("major", ("writers",)),
    ("input", "new"): ("minor", ("readers-of-new",)),
    ("output", "old"): ("minor", ("readers-of-old",)),
    ("output", "new"): ("major", ("readers-of-new",)),
}
"""What a gap means by use. Servers are upgraded before clients: what these alone would meet needs no major version."""


@dataclass(frozen=True, slots=True)
class LexiconVersion:
    """Lexicons at one time: the JSON of those that are compared, and these linked with all that they refer to."""

    documents: Mapping[Nsid, Json]
    lexicons: Lexicons


@dataclass(frozen=True, slots=True)
class Example:
    """A value that one version accepts and the other refuses, with the words of the refusal.

    `of` names what it is a value of: a definition, a part of a method, or a record key.
    """

    accepted_by: Gap
    of: str
    value: Json
    refusal: str


@dataclass(frozen=True, slots=True)
class LexiconChange:
    """One change at a path of a lexicon; the path is one of the new file unless only the old file has it.

    `before` and `after` are the JSON at the path. Each direction has a proof in `examples` unless `is_proven` is False.
    """

    code: str
    nsid: Nsid
    path: Path
    message: str
    way_out: str
    bump: Bump
    breaks: tuple[Direction, ...] = ()
    examples: tuple[Example, ...] = ()
    is_proven: bool = True
    is_in_new: bool = True
    before: Json = None
    after: Json = None

    @property
    def is_breaking(self) -> bool:
        """Whether the change needs a new major version: for a lexicon, a new NSID."""
        return self.bump == "major"

    @property
    def id(self) -> str:
        """The change's name by its content: another change at the same path has another one."""
        said = [self.code, self.nsid, json_path(self.path), _text(self.before), _text(self.after)]
        return hashlib.sha256("\n".join(said).encode(errors="surrogatepass")).hexdigest()[:12]

    @property
    def approval(self) -> str:
        """The line that approves the change, and no other one: it ends with its id."""
        return f"{self.code} {self.nsid} {json_path(self.path)} {self.id}"


def parse_approvals(lines: Iterable[str]) -> frozenset[str]:
    """Return lines that approve changes as `LexiconChange.approval` has them: with single spaces."""
    return frozenset(" ".join(line.split()) for line in lines)


WORDS: Final[Mapping[Direction, str]] = {
    "readers-of-old": "readers of old records",
    "writers": "writers",
    "readers-of-new": "readers of new records",
}


def breaks_words(change: LexiconChange) -> str:
    """Return whom a change breaks; empty where it breaks no one."""
    *others, last = [WORDS[direction] for direction in change.breaks] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def largest(bumps: Iterable[Bump]) -> Bump:
    """Return the largest of some bumps; patch where there is none."""
    found = {*bumps}
    if "major" in found:
        return "major"
    return "minor" if "minor" in found else "patch"


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
