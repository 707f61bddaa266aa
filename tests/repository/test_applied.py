"""The store of applied records: by CID, checked, bounded, and never in the way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from atpub.atproto.data import JsonObject, cid_of
from atpub.atproto.syntax import Cid
from atpub.repository import applied
from atpub.repository.applied import AppliedRecords


def note(text: str) -> tuple[Cid, JsonObject]:
    value: JsonObject = {"$type": "org.test.note", "text": text}
    return cid_of(value), value


def test_a_record_is_found_by_its_cid(tmp_path: Path) -> None:
    store, (cid, value) = AppliedRecords(tmp_path / "new"), note("a")
    store.add([(cid, value), note("b")])
    store.add([(cid, value)])
    assert store.find(cid) == value
    assert store.find(note("c")[0]) is None


def test_reading_creates_nothing(tmp_path: Path) -> None:
    store = AppliedRecords(tmp_path / "new")
    store.add([])
    assert store.find(note("a")[0]) is None
    assert not (tmp_path / "new").exists()


def test_without_a_folder_it_keeps_nothing() -> None:
    store, (cid, value) = AppliedRecords(None), note("a")
    store.add([(cid, value)])
    assert store.find(cid) is None


def test_the_oldest_go_first(tmp_path: Path) -> None:
    store = AppliedRecords(tmp_path, largest=1000)
    for number in range(30):
        store.add([note(f"{number:0100}")])
    found = [number for number in range(30) if store.find(note(f"{number:0100}")[0])]
    assert found == [*range(30 - len(found), 30)]
    assert 5 < len(found) < 10


def test_another_block_under_the_cid_is_not_returned(tmp_path: Path) -> None:
    store, (cid, value) = AppliedRecords(tmp_path), note("a")
    store.add([(cid, value)])
    with closing(sqlite3.connect(tmp_path / "applied.sqlite")) as db, db:
        db.execute("update record set block = ?", (b"\xa0",))
    assert store.find(cid) is None


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    store, (cid, value) = AppliedRecords(tmp_path), note("a")
    (tmp_path / "applied.sqlite").write_bytes(b"no database" * 1000)
    store.add([(cid, value)])
    assert store.find(cid) is None
    store.add([(cid, value)])
    assert store.find(cid) == value


def test_adding_looks_at_few_of_many_records(tmp_path: Path) -> None:
    """A client that publishes one record at a time adds to the store with each of them."""
    store = AppliedRecords(tmp_path)
    store.add([note("a")])
    with closing(sqlite3.connect(tmp_path / "applied.sqlite")) as db:
        for statement, values in ((applied.HELD, ("[]",)), (applied.INSERT, ("c", b"")), (applied.SURPLUS, (1,))):
            steps = [row[3] for row in db.execute(f"explain query plan {statement}", values)]
            assert not [step for step in steps if step.startswith("SCAN record")], steps
