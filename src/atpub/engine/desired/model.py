"""Desired records: what a manifest describes, except for what only the live state or the server decides."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from atpub.atproto.data import Blob, Encoded, JsonObject, put
from atpub.atproto.mime_types import accepts
from atpub.atproto.syntax import Nsid, RecordPath, Rkey, deterministic_tid
from atpub.generated.com.atproto.repo import strong_ref
from atpub.manifest.kinds import KINDS, collection_of
from atpub.manifest.model import Address, Entry, Manifest
from atpub.problems import Problem
from atpub.storage.parts import WHOLE, Part

Steps: TypeAlias = tuple[str | int, ...]

VERSIONED: Final = frozenset(kind.collection for kind in KINDS if kind.versioned and kind.collection)
"""Collections whose records stay published when they leave the manifest."""

CID_FIELD: Final = strong_ref.StrongRef.WIRE["cid"]
"""The field of a strong reference that holds the CID."""

TYPE_HINT: Final = "publish the file in a format that the lexicon accepts, or let the lexicon accept the type"

_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9._:~-]")


@dataclass(frozen=True, slots=True)
class CreatedAt:
    """A required createdAt that the manifest leaves open; later than those of the other records of its series."""

    field: str
    series: str | None = None


@dataclass(frozen=True, slots=True)
class StrongRef:
    """A reference by URI and CID to another record of the manifest, whose CID is known once that record is."""

    steps: Steps
    target: RecordPath


@dataclass(frozen=True, slots=True)
class BlobFile:
    """A blob that a record holds, and the file with its bytes; `sniffed` where the server decides its MIME type.

    `accept` are the MIME types that the record's lexicon takes there; none where it takes all. `named` is a blob whose
    type comes from the file's name alone. `target` is where the file really is, if a symlink leads out of the
    manifest's folder.
    """

    steps: Steps
    blob: Blob
    file: Path
    sniffed: bool
    accept: tuple[str, ...] = ()
    named: bool = False
    target: Path | None = None

    def rejection(self, mime_type: str) -> Problem | None:
        """Return the problem of this type as the server's; None where the lexicon accepts it."""
        if accepts(self.accept, mime_type):
            return None
        message = (
            f"{self.file} is {self.blob.mime_type} here and {mime_type} on the server; "
            f"the record's lexicon accepts {', '.join(self.accept)}"
        )
        return Problem("type-not-accepted", message, hint=TYPE_HINT)


@dataclass(frozen=True, slots=True)
class Desired:
    """One record that the manifest describes; the parts of a dataset have the same address and id.

    `value` has no createdAt where `created_at` leaves it open, no CID in its strong references, and a guessed MIME type
    in its sniffed blobs.
    """

    address: Address
    id: str
    path: RecordPath
    value: JsonObject
    created_at: CreatedAt | None = None
    strong_refs: tuple[StrongRef, ...] = ()
    blobs: tuple[BlobFile, ...] = ()
    refers_to: frozenset[RecordPath] = frozenset()
    immutable: frozenset[str] = frozenset()  # the fields that a published version may not change
    protect: bool = False
    adopt: bool = False
    part: Part = WHOLE
    encoded: Encoded | None = field(default=None, repr=False, compare=False)
    """The encoding of `portable_value`, where the record has been checked already."""

    @property
    def portable_value(self) -> JsonObject:
        """The value without the MIME types that a server may decide differently."""
        value = self.value
        for item in self.blobs:
            if item.sniffed:
                value = put(value, item.steps, Blob(item.blob.cid, "", item.blob.size).to_json())
        return value


def entry_path(item: Entry, manifest: Manifest) -> RecordPath | None:
    """Return the path of an entry's record; None where its identity gives no record key."""
    collection = collection_of(item)
    rkey = item.common.rkey or record_key(manifest.key_type(collection), collection, item.common.id)
    return None if rkey is None else RecordPath(collection, rkey)


def record_key(key: str, collection: Nsid, id: str) -> Rkey | None:
    """Return an entry's record key for a key type (tid, nsid, any or literal:…); None where there is none.

    The same identity gets the same key on every account (specification: Record Key).
    """
    kind, _, literal = key.partition(":")
    match kind:
        case "literal":
            return Rkey(literal) if Rkey.accepts(literal) else None
        case "tid":
            return Rkey(deterministic_tid(collection, id))
        case "nsid":
            return Rkey(id) if Nsid.accepts(id) else None
        case _:
            readable = _NOT_IN_KEYS.sub("-", id)[:512]
            return Rkey(readable) if Rkey.accepts(readable) else None
