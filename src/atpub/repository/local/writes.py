"""The effect of one apply_writes on the tables of a local repository, checked as the reference PDS checks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from atpub.atproto.data import Blob, JsonObject, NotInDataModel, blobs_in, encode
from atpub.atproto.repo.block import cid_of
from atpub.atproto.syntax import Cid, RecordPath
from atpub.errors import BlobNotFound, BlobRejected, InvalidInput, RecordConflict, RequestTooLarge
from atpub.problems import Problem
from atpub.repository.interface import Limits
from atpub.repository.local.tables import Tables
from atpub.repository.model import Create, Delete, Update, Write


@dataclass(frozen=True, slots=True)
class Content:
    """A record about to be written: its binary CID, its block, and the blobs that it refers to."""

    cid: bytes
    block: bytes
    blobs: tuple[Blob, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """The effect of a batch: each key's new binary CID (None: deleted), and the blobs without references."""

    tree: Mapping[bytes, bytes | None]
    unused: frozenset[Cid]

    @property
    def cids(self) -> tuple[Cid | None, ...]:
        """The CID of each write's record, in their order."""
        return tuple(None if cid is None else Cid.of_bytes(cid) for cid in self.tree.values())


Batch: TypeAlias = tuple[tuple[Write, Content | None], ...]


def prepare(writes: Sequence[Write], limits: Limits) -> Batch:
    """Return the writes with what each will store (None for a delete).

    Raises RequestTooLarge, RecordConflict for two writes of one record, and InvalidInput. The limit of the JSON body is
    held against the DAG-CBOR, which is never longer.
    """
    if len(writes) > limits.writes:
        raise RequestTooLarge(f"{len(writes)} writes in one commit; {limits.writes} are allowed")
    paths = {write.path for write in writes}
    if len(paths) != len(writes):
        twice = next(path for path in paths if sum(write.path == path for write in writes) > 1)
        raise RecordConflict(f"{twice} is written twice in one commit")
    batch = tuple((write, _content(write)) for write in writes)
    size = sum(len(content.block) for _, content in batch if content)
    if size > limits.body:
        raise RequestTooLarge(f"the records of one commit have {size:,} bytes; {limits.body:,} are allowed")
    return batch


def carry_out(batch: Batch, tables: Tables) -> Changes:
    """Write the batch into the tables; raises RecordConflict, BlobNotFound or BlobRejected, for the caller to undo."""
    tree: dict[bytes, bytes | None] = {}
    released = set[Cid]()
    for write, content in batch:
        key = str(write.path).encode()
        _check_presence(write, tables.has_record(key))
        released |= tables.release(key)
        if content is None:
            tables.delete_record(key)
        else:
            _store(write.path, key, content, tables)
        tree[key] = content.cid if content else None
    # Only now: a blob may have moved from one record of the batch to another.
    unused = frozenset(cid for cid in released if not tables.is_referred_to(cid))
    for cid in unused:
        tables.delete_blob(cid)
    return Changes(tree, unused)


def _store(path: RecordPath, key: bytes, content: Content, tables: Tables) -> None:
    for blob in content.blobs:
        _check_blob(path, blob, tables.blob(blob.cid))
        tables.refer(key, blob.cid)
    tables.put_record(key, content.cid, content.block)


def _content(write: Write) -> Content | None:
    if isinstance(write, Delete):
        return None
    value = _with_type(write.path, write.value)
    try:
        block = encode(value)
    except NotInDataModel as error:
        raise _invalid(write.path, "not-in-data-model", str(error)) from None
    return Content(cid_of(block), block, tuple(blobs_in(value)))


def _with_type(path: RecordPath, value: JsonObject) -> JsonObject:
    """Return the record with a `$type`: its collection. The PDS, too, adds one that is absent and refuses any other."""
    found = value.get("$type", path.collection)
    if found != path.collection:
        raise _invalid(path, "wrong-type", f"$type is {found!r}; in this collection it is {path.collection!r}")
    return {"$type": path.collection, **value}


def _check_presence(write: Write, there: bool) -> None:
    match write:
        case Create():
            if there:
                raise RecordConflict(f"cannot create {write.path}: it is there already")
        case Update() | Delete():
            if not there:
                raise RecordConflict(f"cannot {type(write).__name__.lower()} {write.path}: it is not there")


def _check_blob(path: RecordPath, said: Blob, stored: Blob | None) -> None:
    if stored is None:
        message = f"{path} refers to the blob {said.cid}, which is not there"
        error = BlobNotFound(message, hint="upload it first")
        error.cids = frozenset({said.cid})
        raise error
    if said != stored:  # the PDS looks at the first reference only, so that later ones may say anything
        raise BlobRejected(
            f"{path} says that the blob {said.cid} is {said.mime_type} of {said.size:,} bytes; "
            f"it is {stored.mime_type} of {stored.size:,}"
        )


def _invalid(path: RecordPath, code: str, message: str) -> InvalidInput:
    return InvalidInput((Problem(code, f"{path}: {message}"),))
