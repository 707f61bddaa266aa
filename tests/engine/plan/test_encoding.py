"""A plan encodes each record once, and a second time only where its digest covers something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.apply.publishing import NOTE
from tests.engine.plan.worlds import live, plan, read, records

from atpub.atproto import data
from atpub.atproto.data import Encoded, Json, JsonObject

COUNT = 20


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[Json]:
    """Every value that is encoded from now on, in order."""
    values: list[Json] = []
    encode = data.encode

    def record(value: Json) -> bytes:
        values.append(value)
        return encode(value)

    monkeypatch.setattr(data, "encode", record)
    return values


def notes(**fields: Json) -> JsonObject:
    return {f"n{index}": {"text": f"note {index}", **fields} for index in range(COUNT)}


def records_in(values: list[Json]) -> list[Json]:
    return [value for value in values if isinstance(value, dict) and "$type" in value and "entries" not in value]


def check_once(folder: Path, sections: JsonObject, encoded: list[Json], *, most: int) -> None:
    """Each final value is encoded once, and the records of the plan at most `most` times in all."""
    made = plan(read(folder, sections), live({}))
    values = records_in(encoded)
    assert len(made.changes) > 1
    for change in made.changes:
        assert change.after is not None
        assert values.count(change.after) == 1
    assert len(values) <= most


def test_a_complete_record_is_encoded_once(folder: Path, encoded: list[Json]) -> None:
    check_once(folder, notes(), encoded, most=COUNT)


def test_an_open_created_at_takes_a_second_encoding(folder: Path, encoded: list[Json]) -> None:
    schema: JsonObject = {"nsid": "org.test.one", "version": "1.0.0", "fields": {"x": "integer"}}
    urls = "https://a.example/{0..9}.tar"
    sets: JsonObject = {
        f"set{index}": {"schema": "one", "name": f"Set {index}", "urls": urls, "checksums": "none"}
        for index in range(COUNT)
    }
    check_once(folder, {"schemas": {"one": schema}, "datasets": sets}, encoded, most=2 * (COUNT + 1))


def test_a_sniffed_blob_takes_a_second_encoding(folder: Path, encoded: list[Json]) -> None:
    check_once(folder, notes(file={"$blob": "data/a.json"}), encoded, most=2 * COUNT)


def test_a_strong_reference_takes_an_encoding_for_the_check_and_one_for_the_digest(
    folder: Path, encoded: list[Json]
) -> None:
    sections = notes()
    sections["last"] = {"collection": NOTE, "text": "x", "pins": [{"$strongRef": "records/n0"}]}
    check_once(folder, sections, encoded, most=COUNT + 3)


def test_unchanged_records_are_encoded_once(folder: Path, encoded: list[Json]) -> None:
    wanted = read(folder, notes())
    present = records(wanted.desired)
    encoded.clear()
    wanted = read(folder, notes())
    made = plan(wanted, live(present))
    assert len(made.changes) == 0 or {change.after_cid for change in made.changes} <= {r.cid for r in present.values()}
    assert len(records_in(encoded)) == COUNT


def test_an_encoding_is_only_reused_for_the_very_same_value() -> None:
    first = Encoded.of({"text": "a"})
    assert Encoded.of(first.value, first) is first
    changed = Encoded.of({"text": "b"}, first)
    assert (changed.cid, changed.size) == (data.cid_of({"text": "b"}), len(data.encode({"text": "b"})))
