"""Tables of records: as dicts, and what a publish visits of them."""

from collections.abc import Iterator, Set
from datetime import UTC, datetime
from random import Random
from typing import Any

from tests.repository.samples import at

from atpub.atproto.data import Blob, JsonObject, blobs_in, cid_of
from atpub.atproto.syntax import RAW, Cid, Nsid, RecordPath, Rkey, Tid
from atpub.engine.inventory import COLLECTION, Inventory, Owned
from atpub.engine.owned_records import listed_records
from atpub.engine.ownership import OwnershipView
from atpub.engine.plan.created_at import CreatedAtClock
from atpub.repository.filter import RecordFilter
from atpub.repository.model import LOCAL_DID, Create, Delete, Head, Live, Record
from atpub.repository.pds.records import Recent
from atpub.repository.pds.writes import prepare
from atpub.repository.record_table import Overlay, RecordTable, records_of_collection

ENTRY = Nsid("science.alt.dataset.entry")
LABEL = Nsid("science.alt.dataset.label")
WANTED = RecordFilter(frozenset([ENTRY, COLLECTION]))
HEAD = Head(cid_of({}), Tid("3jzfcijpj2z2a"))


class Visited(dict[RecordPath, Record]):
    """Records that count how many of them an iteration visits."""

    count = 0

    def __iter__(self) -> Iterator[RecordPath]:
        for path in super().__iter__():
            self.count += 1
            yield path

    def values(self) -> Any:
        return [self[path] for path in self]

    def items(self) -> Any:
        return [(path, self[path]) for path in self]

    def keys(self) -> Any:
        return [*self]


def record(path: RecordPath, value: JsonObject) -> Record:
    return Record(path, cid_of(value), value)


def owned(name: str) -> Owned:
    return Owned(name, at(name, ENTRY), cid_of({"name": name}))


def test_an_overlay_is_as_the_dict_after_the_same_changes() -> None:
    random, expected = Random(1), dict.fromkeys(range(50), "old")
    overlay: Overlay[int, str] = Overlay(dict(expected))
    for number in range(200):
        before, held = dict(overlay), overlay
        key, value = random.randrange(80), random.choice(("new", f"{number}", None))
        overlay = overlay.after({key: value})
        if value is None:
            expected.pop(key, None)
        else:
            expected[key] = value
        assert dict(overlay) == expected
        assert len(overlay) == len(expected)
        assert dict(held) == before


def digits(text: str) -> Set[str]:
    return {*text}


def test_values_are_found_by_their_keys_after_any_changes() -> None:
    random = Random(2)
    overlay: Overlay[int, str] = Overlay({number: f"{number}" for number in range(100)})
    for _ in range(100):
        wanted = digits(f"{random.randrange(100)}")
        assert sorted(overlay.find(digits, wanted)) == sorted(text for text in overlay.values() if wanted & {*text})
        overlay = overlay.after({random.randrange(120): random.choice((f"{random.randrange(999)}", None))})


def test_keys_are_looked_up_once_of_all_but_the_changes() -> None:
    entries = Visited({at(f"n{number}", ENTRY): record(at(f"n{number}", ENTRY), {}) for number in range(400)})
    table = RecordTable({ENTRY: Overlay(entries)})
    for number in range(20):
        blob = Blob(Cid.of_digest(bytes([number] * 32), RAW), "application/x-tar", number + 1)
        made = record(at(f"b{number}", ENTRY), {"blob": blob.to_json()})
        table = table.after({made.path: made})
        assert [*table.find(_cids, {blob.cid})] == [made]
        assert not [*table.after({made.path: None}).find(_cids, {blob.cid})]
    assert entries.count == 400


def _cids(item: Record) -> Set[Cid]:
    return {blob.cid for blob in blobs_in(item.value)}


def test_the_time_of_a_new_label_looks_at_no_other_collection() -> None:
    entries = Visited({at("x", ENTRY): record(at("x", ENTRY), {})})
    times = ("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "damaged")
    labels = {
        at(f"l{n}", LABEL): record(at(f"l{n}", LABEL), {"name": "l", "createdAt": t}) for n, t in enumerate(times)
    }
    table = RecordTable({ENTRY: Overlay(entries), LABEL: Overlay(labels)})
    clock = CreatedAtClock(datetime(2026, 1, 1, tzinfo=UTC), table)
    assert [clock.next(LABEL, "l") for _ in range(2)] == ["2031-01-01T00:00:01.000Z", "2031-01-01T00:00:02.000Z"]
    assert clock.next(LABEL, "other") == "2026-01-01T00:00:00.000Z"
    assert entries.count == 0


def test_a_table_finds_the_records_of_a_collection() -> None:
    records = {path: record(path, {}) for path in (at("a", ENTRY), at("b", COLLECTION), at("c", ENTRY))}
    table = RecordTable.of(records).after({at("a", ENTRY): None, at("d"): record(at("d"), {})})
    assert [*records_of_collection(table, ENTRY)] == [records[at("c", ENTRY)]]
    assert not [*records_of_collection(table, Nsid("org.example.none"))]
    assert {*table} == {at("b", COLLECTION), at("c", ENTRY), at("d")}
    assert len(table) == 3
    assert [*records_of_collection(records, ENTRY)] == [records[at("a", ENTRY)], records[at("c", ENTRY)]]


def test_publishes_on_a_warm_client_visit_no_record_of_the_account() -> None:
    names = [f"n{number:05}" for number in range(5_000)]
    entries = Visited({item.path: record(item.path, {"name": item.id}) for item in map(owned, names)})
    made = Inventory("ours").change({item.path: item for item in map(owned, names)})
    shards = {write.path: record(write.path, write.value) for write in made.writes if isinstance(write, Create)}
    table = RecordTable({ENTRY: Overlay(entries), COLLECTION: Overlay(shards)})
    recent: Recent | None = Recent(HEAD, WANTED, listed_records, table)
    for number in range(20):
        item = owned(f"m{number}")
        assert recent is not None
        assert recent.holds(WANTED, listed_records)
        live = Live(LOCAL_DID, recent.head, recent.records)
        view = OwnershipView.of(live, "ours", {item.path})
        assert not view.owned
        listed = view.inventory.writes({item.path: item})
        recent = recent.after(prepare([Create(item.path, {"name": item.id}), *listed]), HEAD)
    assert entries.count == 0
    assert recent is not None
    whole = OwnershipView.of(Live(LOCAL_DID, HEAD, recent.records), "ours")
    assert {*whole.owned} == {*entries, *(at(f"m{number}", ENTRY) for number in range(20))}


def test_a_commit_that_lists_what_was_not_read_leaves_nothing_to_recall() -> None:
    recent = Recent(HEAD, WANTED, listed_records, {})
    other = at("x")
    entry: JsonObject = {"id": "x", "collection": other.collection, "rkey": other.rkey, "cid": cid_of({})}
    shard = Create(RecordPath(COLLECTION, Rkey("ours")), {"$type": COLLECTION, "project": "ours", "entries": [entry]})
    assert recent.after(prepare([shard]), HEAD) is None
    after = recent.after(prepare([Create(other, {"a": 1}), shard]), HEAD)
    assert after is not None
    assert after.holds(RecordFilter(paths=frozenset([other])))
    assert not after.holds(RecordFilter(paths=frozenset([at("y")])))
    gone = after.after(prepare([Delete(other)]), HEAD)
    assert gone is not None
    assert gone.holds(RecordFilter(paths=frozenset([other])))
    assert other not in gone.records


def test_strays_are_found_among_what_changes() -> None:
    listed = {Rkey("p"): {item.path: item for item in map(owned, "abz")}, Rkey("p:1"): {owned("m").path: owned("m")}}
    view = Inventory("p", listed).after({at("z", ENTRY): Owned("z", at("z", ENTRY), Cid("new"))})
    assert [*view.shards[Rkey("p")].values()][-1].cid == "new"
    assert at("z", ENTRY) not in view.shards[Rkey("p:1")]
    assert view.strays is None
