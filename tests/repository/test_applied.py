"""The store of applied records: by CID, checked, bounded, and never in the way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from atpub.atproto.data import JsonObject, cid_of
from atpub.atproto.syntax import Cid
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
    store = AppliedRecords(tmp_path, largest=1000)  # less than an empty database has
    for number in range(30):
        store.add([note(f"{number:0100}")])
    found = [number for number in range(30) if store.find(note(f"{number:0100}")[0])]
    assert found == [*range(30 - len(found), 30)]
    assert 2 < len(found) < 6


def test_another_block_under_the_cid_is_not_returned(tmp_path: Path) -> None:
    store, (cid, value) = AppliedRecords(tmp_path), note("a")
    store.add([(cid, value)])
    with closing(sqlite3.connect(tmp_path / "applied.sqlite")) as db, db:
        db.execute("update applied set block = ?", (b"\xa0",))
    assert store.find(cid) is None


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    store, (cid, value) = AppliedRecords(tmp_path), note("a")
    (tmp_path / "applied.sqlite").write_bytes(b"no database" * 1000)
    store.add([(cid, value)])
    assert store.find(cid) is None
    store.add([(cid, value)])
    assert store.find(cid) == value


def test_a_full_store_keeps_its_newer_half(tmp_path: Path) -> None:
    store = AppliedRecords(tmp_path, largest=400_000)
    notes = [note(f"{number:01000}") for number in range(400)]
    for first in range(0, 400, 20):
        store.add(notes[first : first + 20])
        assert (tmp_path / "applied.sqlite").stat().st_size < 500_000
    found = [number for number, (cid, _) in enumerate(notes) if store.find(cid)]
    assert found == [*range(400 - len(found), 400)]
    assert 180 < len(found) < 380
