"""An inventory that is made anew: what was listed stays, what is as wanted is listed, and others' are left alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.audit.inventories import at, desired, listing, live, note, owned, written

from atpub.atproto.data import JsonObject, encode
from atpub.atproto.syntax import RecordPath
from atpub.engine.audit.rebuild import rebuild
from atpub.engine.audit.verify import verify
from atpub.engine.inventory import COLLECTION, LARGEST, Inventory, Owned, read_inventories, survey_inventories
from atpub.engine.plan.build import plan_manifest
from atpub.repository.model import Live, Record

NOW = datetime(2024, 5, 1, tzinfo=UTC)
A, B = note("a"), note("b")


def listed(state: Live, project: str = "ours") -> Mapping[RecordPath, Owned]:
    found = read_inventories(state.records.values()).get(project) or Inventory(project)
    return found.owned


def rebuilt(state: Live, *names: str) -> Live:
    """What is live once the inventory is rebuilt for a manifest with these notes."""
    found = rebuild(state, "ours", tuple(map(desired, names)))
    assert all(write.path.collection == COLLECTION for write in found.writes)
    after = written(state, found.writes)
    assert len(listed(after)) == found.owned
    again = rebuild(after, "ours", tuple(map(desired, names)))
    assert again.writes == ()
    assert not again.damaged
    return after


def test_an_inventory_that_is_right_is_left_as_it_is() -> None:
    layouts = [listing("x", owned("a")), listing("ours:7", owned("b"))]
    found = rebuild(live(A, B, *layouts), "ours", (desired("a"), desired("b")))
    assert found.writes == ()
    assert found.listed == found.dropped == found.drifted == ()


def test_a_deleted_inventory_comes_back_from_the_manifest() -> None:
    state = live(A, B, note("c", "edited"), note("d"))
    after = rebuilt(state, "a", "b", "c", "gone")
    assert dict(listed(after)) == {at("a"): owned("a"), at("b"): owned("b")}
    plan = plan_manifest((desired("a"), desired("b")), after, project="ours", account="local", now=NOW)
    assert not plan.pending


def test_what_is_missing_is_dropped_and_drift_stays_visible() -> None:
    state = live(note("a", "edited"), B, listing("ours", owned("a"), owned("b"), owned("gone")))
    found = rebuild(state, "ours", (desired("a"), desired("b")))
    assert [item.path for item in found.dropped] == [at("gone")]
    assert found.drifted == (owned("a"),)
    assert dict(listed(rebuilt(state, "a", "b"))) == {at("a"): owned("a"), at("b"): owned("b")}


def test_a_record_that_is_as_wanted_is_listed_as_it_is() -> None:
    state = live(A, listing("ours", owned("a", "older")))
    assert listed(rebuilt(state, "a")) == {at("a"): owned("a")}
    protected = rebuild(state, "ours", (desired("a", protect=True),))
    assert protected.listed == (owned("a", protect=True),)


def test_records_that_are_gone_from_the_manifest_stay_listed() -> None:
    state = live(A, B, listing("ours", owned("a"), owned("b", protect=True)))
    assert listed(rebuilt(state, "a")) == listed(state)


def test_another_projects_records_are_never_listed() -> None:
    theirs = listing("theirs", owned("a"), project="theirs")
    after = rebuilt(live(A, B, theirs), "a", "b")
    assert listed(after).keys() == {at("b")}
    assert after.records[theirs.path] == theirs


DAMAGED = {
    "an entry": (listing("ours", owned("a"), {"id": "b"}), {at("a")}, 1),
    "all of it": (listing("ours", {}, {"collection": "org.test.note", "rkey": "b"}), set[RecordPath](), 2),
    "the project": (listing("ours", owned("a"), project=""), {at("a")}, 0),
    "no list": (listing("ours", entries="none"), set[RecordPath](), 0),
    "one shard": (listing("ours:7", owned("a"), {"cid": "x"}), {at("a")}, 1),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_record_is_replaced_by_what_can_be_read_of_it(name: str) -> None:
    damaged, kept, lost = DAMAGED[name]
    state = live(A, B, note("c"), damaged, listing("ours:c", owned("c")))
    found = rebuild(state, "ours", ())
    assert [(item.record, len(item.lost)) for item in found.damaged] == [(damaged, lost)]
    after = rebuilt(state)
    assert listed(after).keys() == {*kept, at("c")}
    assert verify(after, "ours").exact


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_record_and_the_manifest_give_all_of_it_again(name: str) -> None:
    state = live(A, B, DAMAGED[name][0])
    assert listed(rebuilt(state, "a", "b")).keys() == {at("a"), at("b")}


def test_lost_is_what_is_in_no_other_place() -> None:
    broken: list[JsonObject] = [{"collection": "org.test.note", "rkey": name} for name in "abc"]
    state = live(A, B, listing("ours", *broken))
    assert rebuild(state, "ours", (desired("a"), desired("b", "other"))).lost == ("org.test.note/b", "org.test.note/c")


def test_another_projects_damaged_record_is_left_alone() -> None:
    theirs = listing("theirs", owned("a"), {}, project="theirs")
    found = rebuild(live(A, B, theirs), "ours", (desired("a"), desired("b")))
    assert found.damaged == ()
    assert [item.path for item in found.listed] == [at("b")]
    assert theirs.path not in {write.path for write in found.writes}


def test_of_two_listings_the_live_one_stays() -> None:
    state = live(A, listing("ours:1", owned("a")), listing("ours:2", owned("a", "older")))
    after = rebuilt(state)
    assert listed(after) == {at("a"): owned("a")}
    assert verify(after, "ours").exact


def test_nothing_is_unlisted_between_the_commits_of_a_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of a server may put each write in a commit of its own."""
    monkeypatch.setattr("atpub.engine.inventory.LARGEST", 450)  # four entries
    names = "abcdefgh"
    state = live(*map(note, names), listing("ours", *map(owned, "aceg")), listing("ours:7", owned("h"), {}))
    found = rebuild(state, "ours", tuple(map(desired, names)))
    assert len(found.writes) > 2
    before = survey_inventories(state.records.values()).inventories["ours"].owned.keys()
    for count in range(len(found.writes)):
        between = survey_inventories(written(state, found.writes[: count + 1]).records.values())
        assert before <= between.inventories["ours"].owned.keys()


@pytest.mark.slow
def test_ten_thousand_records() -> None:
    notes = [note(f"n{number}") for number in range(10_000)]
    state = live(*notes)
    found = rebuild(state, "ours", tuple(desired(f"n{number}") for number in range(10_000)))
    after = written(state, found.writes)
    assert len(listed(after)) == 10_000
    assert verify(after, "ours").exact
    shards = [record for path, record in after.records.items() if path.collection == COLLECTION]
    assert all(len(encode(record.value)) <= LARGEST for record in shards)
    # One of them is lost: what it listed takes one write, and the others stay as they are.
    left = live(*(record for path, record in after.records.items() if path != shards[7].path))
    again = rebuild(left, "ours", tuple(desired(f"n{number}") for number in range(10_000)))
    assert len(again.writes) == 1
    assert listed(written(left, again.writes)) == listed(after)


NAMES = st.sampled_from("abcdef")
ITEMS = st.builds(owned, NAMES, st.sampled_from(["x", "older"]), protect=st.booleans())
BROKEN: st.SearchStrategy[Owned | JsonObject] = st.just({})
SHARDS = st.dictionaries(
    st.sampled_from(["ours", "ours:0", "ours:a", "x"]), st.lists(st.one_of(ITEMS, ITEMS, BROKEN), max_size=4)
)


@pytest.mark.slow
@settings(max_examples=200)
@given(st.dictionaries(NAMES, st.sampled_from(["x", "edited"])), st.sets(NAMES), SHARDS)
def test_whatever_state_it_is_in(
    texts: dict[str, str], names: set[str], shards: dict[str, list[Owned | JsonObject]]
) -> None:
    records: list[Record] = [note(name, text) for name, text in texts.items()]
    state = live(*records, *(listing(rkey, *items) for rkey, items in shards.items()))
    after = rebuilt(state, *sorted(names))
    findings = verify(after, "ours").findings
    assert {item.code for item in findings} <= {"changed"}
    wanted = {at(name) for name in names if texts.get(name) == "x"}
    assert wanted <= listed(after).keys()
