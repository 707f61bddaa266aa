"""Records, heads, writes and commits: plain values that plan, apply and all repositories share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from atpub.atproto.data import Encoded, JsonObject
from atpub.atproto.syntax import Cid, Did, RecordPath, Tid
from atpub.repository.local_account import LOCAL_DID as LOCAL_DID
from atpub.repository.local_account import is_local as is_local


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
    """The records of a repository at one head; `head` is None where the repository is not there yet.

    `lost_blobs` are blobs of the records whose bytes are gone from the disk, or of another size. Only a repository in a
    folder can tell.
    """

    did: Did
    head: Head | None
    records: Mapping[RecordPath, Record]
    lost_blobs: Set[Cid] = frozenset()


@dataclass(frozen=True, slots=True)
class BlobFault:
    """A blob file that is missing, or that has other bytes; `is_visible` if its presence or its size shows it."""

    code: Literal["blob-missing", "blob-damaged"]
    file: Path
    is_visible: bool


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
    encoded: Encoded | None = field(default=None, repr=False, compare=False)
    """The encoding of `value`, where it is known."""


@dataclass(frozen=True, slots=True)
class Update:
    """Write a record over the one that is there."""

    path: RecordPath
    value: JsonObject
    encoded: Encoded | None = field(default=None, repr=False, compare=False)
    """The encoding of `value`, where it is known."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the record that is there."""

    path: RecordPath


Write: TypeAlias = Create | Update | Delete


@dataclass(frozen=True, slots=True)
class Commit:
    """The result of one apply_writes: the new head, and for each write in order the record's CID (None for a delete).

    Not `alone` where the reply was lost, and the writes were found at a head that may include others' commits.
    """

    head: Head
    cids: tuple[Cid | None, ...]
    alone: bool = True
