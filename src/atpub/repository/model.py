"""What a repository holds, and what can be asked of it: plain values that plan, apply and both repositories share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import Cid, Did, RecordPath, Tid

LOCAL_DID: Final = Did("did:web:local.invalid")
"""Whose a local repository is where nobody says; known before it is there, so that a plan knows every URI."""


def is_local(account: str) -> bool:
    """Whether an account is a repository in a folder: `local`, or `local:PATH`."""
    return account == "local" or account.startswith("local:")


@dataclass(frozen=True, slots=True)
class Head:
    """The newest commit of a repository: its CID and revision."""

    cid: Cid
    rev: Tid


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a repository holds it."""

    path: RecordPath
    cid: Cid
    value: JsonObject


@dataclass(frozen=True, slots=True)
class Live:
    """The records of a repository at one head; `head` is None where the repository is not there yet."""

    did: Did
    head: Head | None
    records: Mapping[RecordPath, Record]


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a collection, the newest record key first; `cursor` leads to more, if there is any, else None."""

    records: Sequence[Record]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Create:
    """Write a record where none is."""

    path: RecordPath
    value: JsonObject


@dataclass(frozen=True, slots=True)
class Update:
    """Write a record over the one that is there."""

    path: RecordPath
    value: JsonObject


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the record that is there."""

    path: RecordPath


Write: TypeAlias = Create | Update | Delete


@dataclass(frozen=True, slots=True)
class Commit:
    """What one apply_writes did: the new head, and for each write in its order the record's CID (None for a delete).

    Not `alone` where the reply was lost and the writes were found at a head on which others' commits may be, too.
    """

    head: Head
    cids: tuple[Cid | None, ...]
    alone: bool = True
