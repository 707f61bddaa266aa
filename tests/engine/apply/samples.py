"""Parts of manifests: notes, datasets of blobs, and one of everything."""

from __future__ import annotations

from collections.abc import Mapping

from tests.engine.apply.publishing import NOTE

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import RecordPath, Rkey

FOREIGN_SCHEMA = "at://did:plc:another/org.test.schema/x"


def note(text: str, **fields: Json) -> JsonObject:
    return {"collection": NOTE, "value": {"text": text, **fields}}


def notes(texts: Mapping[str, str]) -> JsonObject:
    """A manifest of notes."""
    return {"policy": {"max_delete": "100%"}, "records": {key: note(text) for key, text in texts.items()}}


def numbered(count: int, text: str = "x") -> JsonObject:
    return notes({f"n{number}": text for number in range(count)})


def at(key: str) -> RecordPath:
    """Where a note is."""
    return RecordPath(NOTE, Rkey(key))


def holders(held: Mapping[str, str]) -> JsonObject:
    """A manifest of datasets with these shards, each a digit: `{"a": "01"}`."""
    datasets: JsonObject = {}
    for key, shards in held.items():
        files: list[Json] = [f"data/{digit}.tar" for digit in shards]
        datasets[key] = {"schema": FOREIGN_SCHEMA, "blobs": files}
    return {"policy": {"max_delete": "100%"}, "datasets": datasets}


EVERYTHING: JsonObject = {
    "schemas": {
        "image": {"nsid": "org.test.image", "version": "1.0.0", "fields": {"image": "ndarray", "label": "integer"}},
        "text": {"nsid": "org.test.text", "version": "1.0.0", "fields": {"text": "string"}},
    },
    "datasets": {
        "digits": {"schema": "image", "blobs": ["data/0.tar", "data/1.tar"]},
        "cats": {"schema": "image", "blobs": ["data/1.tar", "data/2.tar"]},
        "web": {"schema": "text", "urls": "https://a.test/{0..3}.tar", "checksums": "none"},
    },
    "labels": {"digits-1": {"name": "digits", "dataset": "digits", "version": "1.0.0"}},
    "lenses": {
        "lens": {
            "source": "image",
            "target": "text",
            "getter": {"repository": "https://git.test/x", "commit": "c", "path": "p:get"},
            "putter": {"repository": "https://git.test/x", "commit": "c", "path": "p:put"},
        }
    },
    "records": {
        "about": {"collection": "org.test.self", "value": {"text": "x", "pins": [{"$strongRef": "records/pinned"}]}},
        "pinned": note("x", pins=[{"$strongRef": "records/file"}], about={"$ref": "records/about"}),
        "file": note("x", file={"$blob": "data/a.txt"}),
        "event": {"collection": "org.test.event", "value": {"name": "x"}},
    },
}
"""Every kind of entry, references of every kind, and a blob of which the server decides the MIME type."""

LATER: JsonObject = {
    "policy": {"max_delete": "100%"},
    "schemas": {
        "image": {"nsid": "org.test.image", "version": "1.1.0", "fields": {"image": "ndarray", "label": "integer"}},
    },
    "datasets": {
        "digits": {"schema": "image", "blobs": ["data/1.tar", "data/3.tar"]},
        "dogs": {"schema": "image", "blobs": ["data/2.tar", "data/0.tar"]},
    },
    "labels": {"digits-2": {"name": "digits", "dataset": "dogs", "version": "2.0.0"}},
    "records": {
        "about": {"collection": "org.test.self", "value": {"text": "y", "pins": [{"$strongRef": "records/file"}]}},
        "file": note("y", file={"$blob": "data/a.txt"}, pins=[{"$strongRef": "labels/digits-2"}]),
        "more": note("z", about={"$ref": "datasets/dogs"}),
    },
}
"""What becomes of it: versions that stay, blobs that move, records that come, change and go."""
