"""The shards of a record that are looked at: its own, and those of its mirrors."""

from __future__ import annotations

from pathlib import Path

from atpub.atproto.data import JsonObject, cid_of
from atpub.atproto.syntax import AtUri, RecordPath
from atpub.repository.model import LOCAL_DID, Record
from atpub.verifying.listing import list_held
from atpub.verifying.model import PublishedRecord

DIGEST = "0" * 64
ENTRY: JsonObject = {
    "$type": "science.alt.dataset.entry",
    "name": "x",
    "schemaRef": "at://did:web:lab.example/science.alt.dataset.schema/org.lab.x:1.0.0",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "storage": {
        "$type": "science.alt.dataset.storageHttp",
        "shards": [{"url": "https://a.test/d-0.tar", "checksum": {"algorithm": "sha256", "digest": DIGEST}}],
    },
    "contentMetadata": {"dev.atpub.mirrors": {"urls": ["https://m.test/x/", "gs://b"]}},
}


def test_mirrors_are_asked_for_each_shard() -> None:
    record = Record(RecordPath.parse("science.alt.dataset.entry/3jzfcijpj2z2a"), cid_of(ENTRY), ENTRY)
    item = PublishedRecord(AtUri.of(LOCAL_DID, record.path), record)
    shards, others = list_held(item, lambda _: Path(), None, deep=False)
    assert [held.location.source for held in shards] == ["https://a.test/d-0.tar"]
    assert [(held.location.source, held.kind, held.sha256, held.path) for held in others] == [
        ("https://m.test/x/d-0.tar", "shard", DIGEST, ("contentMetadata", "dev.atpub.mirrors", "urls", 0)),
        ("gs://b/d-0.tar", "shard", DIGEST, ("contentMetadata", "dev.atpub.mirrors", "urls", 1)),
    ]
