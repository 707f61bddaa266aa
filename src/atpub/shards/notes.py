"""What is odd in shards that can be read: notes, and the warnings that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from atpub.problems import Problem

FIRST_SHARD_NOTE: Final = "huggingface-cannot-read"
"""The code of the note that matters only for the first shard of a dataset."""
NOTES: Final = ("scattered-samples", "link-member", FIRST_SHARD_NOTE)
"""The codes of notes."""


class Note(NamedTuple):
    """What is odd in a shard, as the code of a problem, and the first member that shows it."""

    code: str
    member: str


_ODDITIES: Final[Mapping[str, tuple[str, str]]] = {
    "scattered-samples": (
        "the files of the sample {!r} are not side by side: every reader takes them for several broken samples",
        "write it again in order: tar --sort=name",
    ),
    "link-member": (
        "{!r} is a link, whose content readers leave out",
        "write the file itself: tar --dereference --hard-dereference",
    ),
    FIRST_SHARD_NOTE: (
        "Hugging Face's reader refuses a dataset that begins with it: {!r} has other members than the first sample",
        "give each of the first five samples the same members, their extensions in one case",
    ),
}


def note_problem(name: str, note: Note) -> Problem:
    """Return the warning that a note on a shard of this name stands for."""
    message, hint = _ODDITIES[note.code]
    return Problem(note.code, f"{name}: {message.format(note.member)}", None, hint, "warning")
