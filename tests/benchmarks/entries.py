"""Datasets at URLs, as their records and as desired by a plan."""

import hashlib

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.engine.desired.model import Desired
from atpub.manifest.model import Address

ENTRY = Nsid("science.alt.dataset.entry")
SCHEMA = "at://did:plc:aliceaaaaaaaaaaaaaaaaaaa/science.alt.dataset.schema/org.lab.image:1.0.0"


def digest(number: int) -> str:
    """Return a checksum."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def entry(number: int) -> JsonObject:
    """Return the record of a dataset of one shard."""
    checksum: JsonObject = {"algorithm": "sha256", "digest": digest(number)}
    url = f"https://cdn.example.org/{number}.tar"
    return {
        "$type": ENTRY,
        "name": f"n{number}",
        "schemaRef": SCHEMA,
        "storage": {"$type": "science.alt.dataset.storageHttp", "shards": [{"url": url, "checksum": checksum}]},
        "size": {"shards": 1},
        "createdAt": "2026-01-01T00:00:00.000Z",
    }


def desired(number: int) -> Desired:
    """Return the same as a plan wants it."""
    name = f"n{number}"
    return Desired(Address("datasets", name), name, RecordPath(ENTRY, Rkey(name)), entry(number))
