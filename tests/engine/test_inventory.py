"""The inventory: what a project owns, in records of its own, however they are laid out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atpub.atproto.data import Json, JsonObject, cid_of, encode
from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.engine.inventory import (
    COLLECTION,
    FORMAT,
    LARGEST,
    Inventory,
    Owned,
    read_inventories,
    survey_inventories,
)
from atpub.errors import InvalidRecord, NewerInventory
from atpub.repository.model import Create, Delete, Record, Update, Write

NOTE = Nsid("org.test.note")
Shards = Mapping[str, Iterable[Owned]]


def at(name: str) -> RecordPath:
    return RecordPath(NOTE, Rkey(name))


def item(name: str, text: str = "", *, protect: bool = False) -> Owned:
    return Owned(name, at(name), cid_of(text), protect)


def many(count: int, text: str = "") -> dict[RecordPath, Owned | None]:
    return {at(f"r{number}"): item(f"r{number}", text) for number in range(count)}


def entry(owned: Owned) -> JsonObject:
    protect: JsonObject = {"protect": True} if owned.protect else {}
    return {"id": owned.id, "collection": owned.path.collection, "rkey": owned.path.rkey, "cid": owned.cid, **protect}


def record(rkey: str, *items: Owned, project: str = "lab", **extra: Json) -> Record:
    value: JsonObject = {"$type": COLLECTION, "project": project, "entries": [entry(owned) for owned in items], **extra}
    return Record(RecordPath(COLLECTION, Rkey(rkey)), cid_of(value), value)


class Repository:
    """The inventory records of a repository, changed by writes as a server would."""

    def __init__(self, *records: Record) -> None:
        self.records = {record.path: record for record in records}

    def write(self, writes: Iterable[Write]) -> None:
        for write in writes:
            assert (write.path in self.records) == (not isinstance(write, Create)), write
            if isinstance(write, Delete):
                del self.records[write.path]
            else:
                self.records[write.path] = Record(write.path, cid_of(write.value), write.value)

    def inventory(self, project: str = "lab") -> Inventory:
        return read_inventories(self.records.values()).get(project) or Inventory(project)

    def change(self, changes: Mapping[RecordPath, Owned | None]) -> tuple[Write, ...]:
        """Write these changes, and see that what is read afterwards is what was foretold."""
        before = self.inventory()
        writes = before.writes(changes)
        self.write(writes)
        assert self.inventory().shards == before.after(changes).shards
        return writes


LAYOUTS: dict[str, Shards] = {
    "one record": {"lab": [item("a"), item("b"), item("c", protect=True)]},
    "one for each": {"lab:0": [item("a")], "lab:1": [item("b")], "lab:2": [item("c", protect=True)]},
    "root and parts": {"lab": [item("a")], "lab:00": [item("b")], "lab:ffff": [item("c", protect=True)]},
    "keys that another client made": {"x": [item("a")], "lab:zz~": [item("b"), item("c", protect=True)]},
    "an empty one beside it": {"lab": [], "lab:7": [item("a"), item("b"), item("c", protect=True)]},
    "some listed twice": {"lab": [item("a"), item("b")], "lab:7": [item("b"), item("c", protect=True)]},
}


@pytest.fixture(params=LAYOUTS)
def repository(request: pytest.FixtureRequest) -> Repository:
    """Three records, listed in one layout or another."""
    layout: str = request.param
    return Repository(*(record(rkey, *items) for rkey, items in LAYOUTS[layout].items()))


def test_readers_take_the_union(repository: Repository) -> None:
    expected = {at("a"): item("a"), at("b"): item("b"), at("c"): item("c", protect=True)}
    assert repository.inventory().owned == expected


def test_any_layout_can_be_changed(repository: Repository) -> None:
    repository.change({at("a"): item("a", "new"), at("b"): None, at("d"): item("d")})
    expected = {at("a"): item("a", "new"), at("c"): item("c", protect=True), at("d"): item("d")}
    assert repository.inventory().owned == expected


def test_any_layout_can_be_emptied(repository: Repository) -> None:
    repository.change({at("a"): None, at("b"): None, at("c"): None})
    assert repository.inventory().owned == {}


def test_nothing_is_written_for_what_is_listed_already(repository: Repository) -> None:
    owned = repository.inventory().owned
    assert repository.inventory().writes({}) == ()
    assert repository.inventory().writes({at("a"): owned[at("a")], at("unowned"): None}) == ()


def test_of_two_entries_for_one_record_none_stays_behind() -> None:
    twice = Repository(record("lab", item("a", "old"), item("b")), record("lab:7", item("a", "older")))
    twice.change({at("a"): item("a", "new")})
    assert twice.inventory().owned == {at("a"): item("a", "new"), at("b"): item("b")}
    assert [path.rkey for path in twice.records] == ["lab"]


def test_projects_do_not_mix() -> None:
    both = Repository(record("lab", item("a")), record("lab-data", item("b"), project="lab-data"))
    assert both.inventory("lab").owned == {at("a"): item("a")}
    both.change({at("c"): item("c")})
    assert both.inventory("lab-data").owned == {at("b"): item("b")}
    assert both.inventory("absent").shards == {}


def test_other_records_are_no_inventories() -> None:
    note = Record(at("a"), cid_of("a"), {"$type": NOTE, "project": "lab", "entries": []})
    assert read_inventories([note]) == {}


DAMAGES: list[tuple[str, JsonObject, str]] = [
    ("no entries", {"project": "lab"}, "entries"),
    ("an entry without a CID", {"project": "lab", "entries": [{"id": "a", "collection": NOTE, "rkey": "a"}]}, "cid"),
    ("not a CID", {"project": "lab", "entries": [{"id": "a", "collection": NOTE, "rkey": "a", "cid": "x"}]}, "cid"),
    ("not a key", {"project": "lab", "entries": [{**entry(item("a")), "rkey": "a b"}]}, "rkey"),
    ("no project", {"entries": []}, "project"),
]


@pytest.mark.parametrize(("value", "field"), [damage[1:] for damage in DAMAGES], ids=[damage[0] for damage in DAMAGES])
def test_a_damaged_record_is_named(value: JsonObject, field: str) -> None:
    path = RecordPath(COLLECTION, Rkey("lab:3f"))
    damaged = Record(path, cid_of(value), {"$type": COLLECTION, **value})
    with pytest.raises(InvalidRecord, match=r"dev\.atpub\.inventory/lab:3f is damaged") as caught:
        read_inventories([record("lab", item("a")), damaged])
    assert all(field in problem.message and problem.hint for problem in caught.value.problems)


# Large inventories


@pytest.fixture(scope="module")
def large() -> Repository:
    """Ten thousand records; every test leaves it as it was."""
    repository = Repository()
    repository.change(many(10_000))
    return repository


@pytest.mark.slow
def test_what_is_written_is_read(large: Repository) -> None:
    assert large.inventory().owned == many(10_000)


@pytest.mark.slow
def test_no_record_is_large(large: Repository) -> None:
    sizes = [len(encode(record.value)) for record in large.records.values()]
    assert max(sizes) <= LARGEST
    assert 60 < len(sizes) < 120


@pytest.mark.slow
def test_each_record_holds_a_range(large: Repository) -> None:
    ranges = sorted((min(shard), max(shard)) for shard in large.inventory().shards.values())
    assert all(last < first for (_, last), (first, _) in pairwise(ranges))


@pytest.mark.slow
@pytest.mark.parametrize("changed", [1, 3, 10])
def test_a_change_touches_few_records(large: Repository, changed: int) -> None:
    paths = [at(f"r{number * 997}") for number in range(changed)]
    assert 1 <= len(large.change({path: item(path.rkey, "new") for path in paths})) <= changed
    assert 1 <= len(large.change({path: item(path.rkey) for path in paths})) <= changed


@pytest.mark.slow
def test_changes_in_the_order_of_paths_touch_few_records(large: Repository) -> None:
    """Two hundred records, of ten thousand in more than sixty inventory records, are in a few of these."""
    paths = sorted(many(10_000))[5_000:5_200]
    assert len(large.inventory().writes({path: item(path.rkey, "new") for path in paths})) <= 4


@pytest.mark.slow
def test_records_come_and_go(large: Repository) -> None:
    untouched = dict(large.records)
    writes = large.change({at("r17"): None})
    assert [type(write) for write in writes] == [Update]
    assert at("r17") not in large.inventory().owned
    large.change({at("r17"): item("r17")})
    assert large.records == untouched


@pytest.mark.parametrize("fits", [True, False])
def test_an_inventory_is_split_when_it_would_be_too_large(fits: bool) -> None:
    count = 1
    while _size(count + 1) <= LARGEST:
        count += 1
    repository = Repository()
    writes = repository.change(many(count if fits else count + 1))
    assert all(isinstance(write, Create) for write in writes)
    rkeys = {path.rkey for path in repository.records}
    assert rkeys == {"lab"} if fits else "lab" in rkeys and len(rkeys) > 1


def _size(count: int) -> int:
    owned = [item(f"r{number}") for number in range(count)]
    return len(encode(record("lab", *owned).value))


def test_growing_past_the_limit_splits_the_record() -> None:
    repository = Repository()
    repository.change(many(90))
    (write, *others) = repository.change(many(200))
    assert isinstance(write, Update)
    assert write.path == RecordPath(COLLECTION, Rkey("lab"))
    assert {type(other) for other in others} == {Create}
    assert repository.inventory().owned == many(200)


def test_a_split_among_overlapping_records_loses_no_entry() -> None:
    """What another client laid out may overlap; each entry is still found, and changed in its place."""
    spread = Repository(*(record(f"lab:{n}", *(item(f"r{m}") for m in range(n, 300, 3))) for n in range(3)))
    spread.change({at(f"s{number}"): item(f"s{number}") for number in range(200)})
    spread.change({at(f"r{number}"): item(f"r{number}", "new") for number in range(300)})
    assert sum(len(shard) for shard in spread.inventory().shards.values()) == 500
    spread.change({at(f"r{number}"): None for number in range(300)})
    assert {*spread.inventory().owned} == {at(f"s{number}") for number in range(200)}


def test_what_is_added_after_a_split_goes_to_its_part() -> None:
    """Never to a new record with the project's bare name."""
    repository = Repository(record("lab:0", item("zero")))
    repository.change(many(40))
    assert "lab" not in {path.rkey for path in repository.records}
    assert repository.inventory().owned == {at("zero"): item("zero"), **many(40)}


def test_the_largest_entries_there_can_be() -> None:
    """Ten of them fill a record."""
    paths = [RecordPath(NOTE, Rkey(f"{number:02}" + "k" * 510)) for number in range(40)]
    repository = Repository()
    repository.change({path: Owned("i" * 1024, path, cid_of("")) for path in paths})
    assert {*repository.inventory().owned} == {*paths}
    assert all(len(encode(record.value)) <= LARGEST for record in repository.records.values())


NAMES = st.sampled_from([f"n{number}" for number in range(400)])
CHANGES = st.dictionaries(NAMES, st.sampled_from(["one", "two", None]), max_size=300)


@settings(max_examples=40, deadline=None)
@given(st.lists(CHANGES, max_size=4))
def test_any_changes(steps: list[dict[str, str | None]]) -> None:
    """Whatever is written is read back, in records that are small; the rest is not written."""
    repository = Repository()
    expected: dict[RecordPath, Owned] = {}
    for step in steps:
        changes = {at(name): None if text is None else item(name, text) for name, text in step.items()}
        before = dict(repository.records)
        written = {write.path for write in repository.change(changes)}
        expected = {path: owned for path, owned in {**expected, **changes}.items() if owned is not None}
        assert repository.inventory().owned == expected
        assert written == {
            path for path in {*before, *repository.records} if before.get(path) != repository.records.get(path)
        }
        assert all(len(encode(record.value)) <= LARGEST for record in repository.records.values())


LISTED = st.lists(st.lists(st.sampled_from("abcdefghijkl"), max_size=5, unique=True), max_size=4)
FEW_CHANGES = st.dictionaries(st.sampled_from("abcdefghijkl"), st.sampled_from(["one", "two", None]), max_size=6)


@settings(max_examples=200, deadline=None)
@given(LISTED, st.lists(FEW_CHANGES, min_size=2, max_size=4))
def test_successive_changes_of_any_layout(listed: list[list[str]], steps: list[dict[str, str | None]]) -> None:
    """A change follows another without a reading in between; each changed record is then listed once, or not at all."""
    repository = Repository(*(record(f"lab:{n}", *map(item, names)) for n, names in enumerate(listed)))
    inventory = repository.inventory()
    expected = dict(inventory.owned)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("atpub.engine.inventory.LARGEST", 450)  # four entries
        for step in steps:
            changes = {at(name): None if text is None else item(name, text) for name, text in step.items()}
            inventory, writes = (change := inventory.change(changes)).after, change.writes
            repository.write(writes)
            expected = {path: owned for path, owned in {**expected, **changes}.items() if owned is not None}
            assert repository.inventory().shards == inventory.shards
            assert inventory.owned == expected
            lists = [path for shard in inventory.shards.values() for path in shard if path in changes]
            assert len(lists) == len({*lists})


def test_a_record_of_a_later_version_stops_every_reader() -> None:
    with pytest.raises(NewerInventory, match="has format 2, and this version of atpub knows 1"):
        survey_inventories([record("lab", item("a"), version=FORMAT + 1)])
    assert survey_inventories([record("lab", item("a"), version=FORMAT)]).inventories


def test_fields_that_are_not_known_stay() -> None:
    later: Json = {**entry(item("a")), "until": "then"}
    value: JsonObject = {"$type": COLLECTION, "project": "lab", "entries": [later], "later": 1}
    found = survey_inventories([Record(RecordPath(COLLECTION, Rkey("lab")), cid_of(value), value)]).inventories["lab"]
    for state in (found, found.after({at("b"): item("b")})):
        (write,) = state.writes({at("a"): item("a", "new")})
        assert isinstance(write, Update)
        assert write.value["later"] == 1
        assert {**entry(item("a", "new")), "until": "then"} in (write.value["entries"] or ())  # type: ignore[operator]
