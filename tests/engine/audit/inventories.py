"""Repositories with inventories in every state, as plain values."""

from __future__ import annotations

from collections.abc import Iterable

from atpub.atproto.data import Json, JsonObject, cid_of
from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.engine.desired.model import Desired
from atpub.engine.inventory import COLLECTION, Owned
from atpub.manifest.model import Address
from atpub.repository.model import LOCAL_DID, Create, Delete, Live, Record, Write

NOTE = Nsid("org.test.note")


def at(name: str) -> RecordPath:
    return RecordPath(NOTE, Rkey(name))


def value(name: str, text: str = "x") -> JsonObject:
    return {"$type": str(NOTE), "name": name, "text": text}


def note(name: str, text: str = "x") -> Record:
    return Record(at(name), cid_of(value(name, text)), value(name, text))


def owned(name: str, text: str = "x", *, protect: bool = False) -> Owned:
    """A listing of the note with that text."""
    return Owned(name, at(name), cid_of(value(name, text)), protect)


def entry(item: Owned) -> JsonObject:
    protect: JsonObject = {"protect": True} if item.protect else {}
    return {"id": item.id, "collection": item.path.collection, "rkey": item.path.rkey, "cid": item.cid, **protect}


def listing(rkey: str, *items: Owned | JsonObject, project: str = "ours", **extra: Json) -> Record:
    """An inventory record; an item that is no listing stands in it as it is."""
    entries: list[Json] = [entry(item) if isinstance(item, Owned) else item for item in items]
    whole: JsonObject = {"$type": str(COLLECTION), "project": project, "entries": entries, **extra}
    return Record(RecordPath(COLLECTION, Rkey(rkey)), cid_of(whole), whole)


def live(*records: Record) -> Live:
    return Live(LOCAL_DID, None, {record.path: record for record in records})


def desired(name: str, text: str = "x", *, protect: bool = False) -> Desired:
    return Desired(Address("records", name), name, at(name), value(name, text), protect=protect)


def written(before: Live, writes: Iterable[Write]) -> Live:
    """What is live once these writes are made."""
    records = dict(before.records)
    for write in writes:
        assert (write.path in records) == (not isinstance(write, Create)), write
        if isinstance(write, Delete):
            del records[write.path]
        else:
            records[write.path] = Record(write.path, cid_of(write.value), write.value)
    return Live(before.did, before.head, records)
