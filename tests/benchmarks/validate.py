"""Validating a record: the generated class and the lexicon's model, against the lexrpc package."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from atpub.generated import LEXICONS
from atpub.generated.science.alt.dataset.entry import Entry
from atpub.lexicon.data import JsonObject
from atpub.lexicon.validate import validate_record
from tests.benchmarks.harness import compare

LEXICON_FILES = sorted((Path(__file__).parent.parent.parent / "lexicons").rglob("*.json"))
DIGEST = {"algorithm": "sha256", "digest": "0" * 64}
RECORD = {
    "$type": "science.alt.dataset.entry",
    "name": "Handwritten digits",
    "schemaRef": "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/science.alt.dataset.schema/org.example.digit:1.0.0",
    "storage": {
        "$type": "science.alt.dataset.storageHttp",
        "shards": [{"url": f"https://cdn.example.org/digits-{n:06}.tar", "checksum": DIGEST} for n in range(6)],
    },
    "tags": ["digits", "images"],
    "license": "CC-BY-4.0",
    "size": {"shards": 6},
    "createdAt": "2026-01-01T00:00:00.000Z",
}
TIMES = 2_000


def bench() -> None:
    """The same record, many times."""
    lexrpc: Any = import_module("lexrpc.base")  # it has no types
    base = lexrpc.Base([json.loads(file.read_bytes()) for file in LEXICON_FILES])

    def repeat(check: object) -> None:
        assert callable(check)
        for _ in range(TIMES):
            check(RECORD)

    def peer(record: object) -> None:
        base.validate("science.alt.dataset.entry", "record", record)

    found = compare("Entry.from_json", lambda: repeat(Entry.from_json), "lexrpc", lambda: repeat(peer))
    print(f"  {TIMES / sorted(found.ours)[len(found.ours) // 2]:,.0f} records/s")
    compare("validate_record", lambda: repeat(by_model), "lexrpc", lambda: repeat(peer))


def by_model(record: JsonObject) -> object:
    """Judge without generated code."""
    return validate_record(LEXICONS.lexicons, record)
