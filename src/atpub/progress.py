"""Progress of long work on files, as typed values: hashing, uploads, downloads.

A step of a run sends one `Started`, then for each file `Advanced` and one `Completed` or `Failed`, then `Ended`. Files
that are at work at the same time send theirs from several threads. `str` of a value is one line for people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from atpub.suggest import pluralize, size

Step: TypeAlias = Literal["hash", "upload", "download", "lock", "verify", "pack", "read"]


@dataclass(frozen=True, slots=True)
class Started:
    """A step begins: the number of its files, and their bytes in all (None: not known)."""

    step: Step
    files: int
    size: int | None = None

    def __str__(self) -> str:
        of = "" if self.size is None else f", {size(self.size)}"
        return f"{self.step}: {pluralize(self.files, 'file')}{of}"


@dataclass(frozen=True, slots=True)
class Advanced:
    """The first `done` bytes of a file are done, of `size` bytes (None: not known).

    The first `known` of them were done before this run, as those of a download that it continues.
    """

    step: Step
    file: str
    done: int
    size: int | None = None
    known: int = 0

    def __str__(self) -> str:
        of = "" if self.size is None else f" of {size(self.size)}"
        return f"{self.step}: {self.file}, {size(self.done)}{of}"


@dataclass(frozen=True, slots=True)
class Completed:
    """A file is done, with so many bytes; `is_known` where none of them had to be read or sent in this run."""

    step: Step
    file: str
    size: int
    is_known: bool = False

    def __str__(self) -> str:
        return f"{self.step}: {self.file}, {size(self.size)}, {'known' if self.is_known else 'done'}"


@dataclass(frozen=True, slots=True)
class Failed:
    """A file is given up; the step reports its error."""

    step: Step
    file: str

    def __str__(self) -> str:
        return f"{self.step}: {self.file}, failed"


@dataclass(frozen=True, slots=True)
class Ended:
    """A step has ended, with or without success."""

    step: Step

    def __str__(self) -> str:
        return f"{self.step}: ended"


Progress: TypeAlias = Started | Advanced | Completed | Failed | Ended
OnProgress: TypeAlias = Callable[[Progress], object]
"""A callback for progress; it is called from any thread, and must return soon."""


def ignore(_: Progress) -> None:
    """Do nothing."""
