"""The embedded repository: commits of 200 records up to 10,000, against a bare loop that only encodes and stores."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from atpub.atproto import data
from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import Nsid, RecordPath, Rkey, Tid
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create
from tests.benchmarks.harness import compare

COUNT, BATCH = 10_000, 200
COLLECTION = Nsid("org.example.note")


def record(number: int) -> JsonObject:
    """A record of a usual size."""
    return {"$type": COLLECTION, "text": f"note {number}", "tags": ["a", "b"], "createdAt": "2026-01-01T00:00:00.000Z"}


RECORDS = [(Rkey(Tid.of(1_700_000_000_000_000 + number)), record(number)) for number in range(COUNT)]
BATCHES = [RECORDS[start : start + BATCH] for start in range(0, COUNT, BATCH)]


def ours() -> None:
    """Commit every batch, durably."""
    with tempfile.TemporaryDirectory() as folder, closing(LocalRepository(Path(folder) / "repository")) as repository:
        head = None
        for batch in BATCHES:
            writes = [Create(RecordPath(COLLECTION, rkey), value) for rkey, value in batch]
            head = repository.apply_writes(writes, head).head.cid


def bare() -> None:
    """Encode and store every batch, durably, with no tree and no signature."""
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "bare.sqlite")) as base:
        base.executescript(
            "pragma journal_mode=wal; pragma synchronous=full; create table record(key primary key, value)"
        )
        for batch in BATCHES:
            with base:
                rows = [(f"{COLLECTION}/{rkey}", data.encode(value)) for rkey, value in batch]
                base.executemany("insert into record values (?, ?)", rows)


def bench() -> None:
    """Ours, and the rate that it comes to (bound: 5,000 records a second)."""
    found = compare(f"{COUNT:,} records in commits of {BATCH}", ours, "encode and store only", bare)
    print(f"  {COUNT / sorted(found.ours)[len(found.ours) // 2]:,.0f} records/s (bound: 5,000)")
