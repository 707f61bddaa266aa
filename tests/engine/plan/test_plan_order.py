"""The order in which records are written: what refers after what it refers to, and no blob without a holder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.apply.publishing import NOTE
from tests.engine.plan.worlds import ALICE, Wanted, live, owning, plan, read, records

from atpub.atproto.data import Blob, Json, JsonObject, blobs_in
from atpub.atproto.repo import mst
from atpub.atproto.repo.block import cid_of
from atpub.atproto.syntax import RAW, AtUri, Cid, RecordPath, Rkey
from atpub.engine.desired.model import CID_FIELD, Desired, StrongRef
from atpub.engine.plan.model import Options, Plan
from atpub.engine.plan.order import Group, commit_order, references, targets_first
from atpub.manifest.model import Address, Policy
from atpub.repository.model import Live

Graph = Mapping[int, Sequence[int]]
Holders = Mapping[str, frozenset[int]]


def at(name: str) -> RecordPath:
    return RecordPath(NOTE, Rkey(name))


# Any graph


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    nodes = st.integers(0, draw(st.integers(0, 8)))
    found = draw(st.dictionaries(nodes, st.lists(nodes, max_size=4), max_size=9))
    return {node: [target for target in targets if target in found] for node, targets in found.items()}


def reachable(graph: Graph, start: int) -> set[int]:
    found: set[int] = set()
    stack = [*graph[start]]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack.extend(graph[node])
    return found


@given(graphs())
def test_targets_come_first_as_far_as_they_can(graph: Graph) -> None:
    ordered = targets_first(graph, graph)
    assert sorted(ordered) == sorted(graph)
    for node, targets in graph.items():
        for target in targets:
            if node not in reachable(graph, target):
                assert ordered.index(target) < ordered.index(node)


def test_nodes_without_references_stay_as_they_come() -> None:
    assert targets_first("cab", {"a": "", "b": "", "c": ""}) == ["c", "a", "b"]
    assert targets_first("cab", {"a": "", "b": "", "c": "b"}) == ["b", "c", "a"]


def test_a_long_chain_is_no_trouble() -> None:
    chain = {number: [number + 1] if number < 20_000 else [] for number in range(20_001)}
    assert targets_first(chain, chain) == [*range(20_000, -1, -1)]


def test_references_are_whole_strings_at_any_depth() -> None:
    value: JsonObject = {"a": [{"uri": "at://x/1"}, "at://x/2", "see at://x/3", 4, None], "at://x/5": True}
    assert references(value, {f"at://x/{number}": number for number in range(6)}) == {1, 2}


# The order of a plan


def addresses(groups: Sequence[Group]) -> list[str]:
    return [change.address for group in groups for change in group]


MANY: JsonObject = {
    "labels": {"label": {"dataset": "digits", "version": "1.0.0"}},
    "lenses": {
        "lens": {
            "source": "image",
            "target": "image",
            "getter": {"repository": "https://git.test/x", "commit": "c", "path": "p"},
            "putter": {"repository": "https://git.test/x", "commit": "c", "path": "p"},
        }
    },
    "records": {
        "first": {"collection": NOTE, "value": {"text": "x", "about": {"$ref": "records/second"}}},
        "second": {"collection": NOTE, "value": {"text": "x", "about": {"$ref": "labels/label"}}},
        "free": {"collection": NOTE, "value": {"text": "x"}},
    },
    "datasets": {"digits": {"schema": "image", "urls": "https://a.test/0.tar", "checksums": "none"}},
    "schemas": {"image": {"nsid": "org.test.image", "version": "1.0.0", "fields": {"x": "integer"}}},
}
CHAIN = ["schemas/image", "datasets/digits", "labels/label", "records/second", "records/first"]


def test_creates_follow_references(folder: Path) -> None:
    found = addresses(commit_order(plan(read(folder, MANY), live({}))))
    assert [address for address in found if address in CHAIN] == CHAIN
    assert found.index("lenses/lens") > found.index("schemas/image")


def test_deletes_go_the_other_way_round(folder: Path) -> None:
    """Last, and what refers before what it refers to, in the plan as it is shown and as it is carried out."""
    applied = read(folder, MANY)
    ordered = records(sorted(applied.desired, key=lambda item: item.path.collection, reverse=True))
    state = live(ordered, owning("ours", sorted(applied.desired, key=lambda item: item.path.collection, reverse=True)))
    options = Options(prune_versions=True, allow_replace_all=True)
    made = plan(read(folder, {"policy": {"max_delete": "100%"}, "new": "x"}), state, options=options)
    shown = [change.path for change in made.changes]
    found = [change.path for group in commit_order(made) for change in group]
    for paths in (shown, found):
        assert len(paths) == 8
        assert paths[0] == at("new")
        chain = [next(item.path for item in applied.desired if str(item.address) == address) for address in CHAIN]
        assert [path for path in paths if path in chain] == chain[::-1]


def test_the_rest_is_in_the_order_of_paths(folder: Path) -> None:
    """So that a batch touches few inventory records and few nodes of the tree; also where every record pins one."""
    pinned: JsonObject = {"collection": NOTE, "value": {"text": "x", "pins": [{"$strongRef": "records/pinned"}]}}
    notes: JsonObject = {f"n{number}": pinned for number in range(50)}
    sections: JsonObject = {"records": {**notes, "pinned": {"collection": NOTE, "value": {"text": "x"}}}}
    first, *others = [change.path for group in commit_order(plan(read(folder, sections), live({}))) for change in group]
    assert first == at("pinned")
    assert others == sorted(others)


@pytest.mark.slow
@pytest.mark.parametrize("count", [500, 3_000])
def test_deletes_keep_the_tree_of_the_repository_high(count: int) -> None:
    """No node of it grows long, however many there are."""
    made = plan(Wanted((), Policy(1.0)), deletable(count))
    paths = [change.path for group in commit_order(made) for change in group]
    assert len(paths) == count
    keys = [str(path).encode() for path in paths]
    tree = mst.update(mst.EMPTY, {key: cid_of(key) for key in keys})
    known, written = dict(mst.blocks(tree)), 0
    for start in range(0, count, 50):
        tree = mst.update(tree, dict.fromkeys(keys[start : start + 50]))
        new = {cid: block for cid, block in mst.blocks(tree) if cid not in known}
        assert all(len(block) < 4_000 for block in new.values())
        known |= new
        written += sum(map(len, new.values()))
    assert written < 900 * count


def deletable(count: int) -> Live:
    """Notes that the manifest no longer names."""
    applied = [holder(f"n{number}", frozenset()) for number in range(count)]
    return live(records(applied), owning("ours", applied))


def test_what_is_not_written_has_no_place(folder: Path) -> None:
    wanted = read(folder, {"a": "x", "b": "x", "c": {"text": "x", "protect": True}, "d": {"text": "x", "adopt": True}})
    applied = read(folder, {"a": "x", "c": "x"})
    state = live(records(wanted.desired), owning("ours", applied.desired))
    assert sorted(addresses(commit_order(plan(wanted, state)))) == ["records/c", "records/d"]


# Blobs that move


def blob(number: int) -> Blob:
    return Blob(Cid.of_digest(bytes([number]) * 32, RAW), "application/x-tar", 10)


def holder(name: str, blobs: frozenset[int], pins: Sequence[str] = ()) -> Desired:
    """A record that holds blobs, and pins other records."""
    held: JsonObject = {"held": [blob(number).to_json() for number in sorted(blobs)]}
    refs: list[Json] = [{"uri": str(AtUri.of(ALICE, at(pin))), CID_FIELD: ""} for pin in pins]
    value: JsonObject = {"$type": NOTE, "text": "x", **held, "pins": refs}
    strong = tuple(StrongRef(("pins", index), at(pin)) for index, pin in enumerate(pins))
    return Desired(
        Address("records", name), name, at(name), value, strong_refs=strong, refers_to=frozenset(map(at, pins))
    )


BLOBS = st.frozensets(st.integers(1, 4), max_size=3)
NAMES = "abcdef"


@st.composite
def moves(draw: st.DrawFn) -> tuple[list[Desired], list[Desired]]:
    """Records before and after: blobs come, go and change hands, records that pin others come later in the alphabet."""
    before = {name: draw(BLOBS) for name in NAMES if draw(st.booleans())}
    after = {name: draw(BLOBS) for name in NAMES if draw(st.integers(0, 3))}
    wanted: list[Desired] = []
    for name, blobs in after.items():
        earlier = [other for other in after if other < name]
        pins = draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True)) if earlier else []
        wanted.append(holder(name, blobs, pins))
    return [holder(name, blobs) for name, blobs in before.items()], wanted


def planned(before: list[Desired], after: list[Desired]) -> Plan:
    state = live(records(before), owning("ours", before))
    return plan(Wanted(tuple(after), Policy(1.0)), state)


@pytest.mark.slow
@settings(max_examples=300)
@given(moves())
def test_no_blob_is_ever_without_a_holder(given: tuple[list[Desired], list[Desired]]) -> None:
    """As long as a blob that was there is still to be gained, a record holds it."""
    before, after = given
    made = planned(before, after)
    held = {item.path: {found.cid for found in blobs_in(item.value)} for item in before}
    there = {cid for cids in held.values() for cid in cids}
    groups = commit_order(made)
    for index, group in enumerate(groups):
        for change in group:
            held.pop(change.path, None)
            if change.after is not None:
                held[change.path] = {found.cid for found in blobs_in(change.after)}
        rest = [change for later in groups[index + 1 :] for change in later if change.after is not None]
        wanted = {found.cid for change in rest for found in blobs_in(change.after)}
        assert wanted & there <= {cid for cids in held.values() for cid in cids}


@pytest.mark.slow
@settings(max_examples=300)
@given(moves())
def test_what_is_pinned_is_written_first(given: tuple[list[Desired], list[Desired]]) -> None:
    ordered = [change for group in commit_order(planned(*given)) for change in group]
    place = {change.path: index for index, change in enumerate(ordered)}
    assert len(place) == len(ordered)
    for change in ordered:
        assert all(place.get(pin.target, -1) < place[change.path] for pin in change.strong_refs)
    kinds = [change.action == "delete" for change in ordered]
    assert kinds == sorted(kinds)


@pytest.mark.slow
@settings(max_examples=300)
@given(moves())
def test_only_what_must_be_together_is_a_group(given: tuple[list[Desired], list[Desired]]) -> None:
    """Records that need each other: each gains what the other loses, or pins it."""
    groups = commit_order(planned(*given))
    changes = [change for group in groups for change in group if change.action != "delete"]
    holds = {
        change.path: (
            {found.cid for found in blobs_in(change.before.value)} if change.before else set[Cid](),
            {found.cid for found in blobs_in(change.after)},
        )
        for change in changes
        if change.after is not None
    }
    needs: dict[RecordPath, set[RecordPath]] = {}
    for change in changes:
        before, after = holds[change.path]
        gainers = {path for path, (had, has) in holds.items() if (before - after) & (has - had)}
        needs[change.path] = gainers | {pin.target for pin in change.strong_refs if pin.target in holds}
    names = {path: index for index, path in enumerate(needs)}
    graph: Graph = {names[path]: [names[other] for other in others] for path, others in needs.items()}
    exchanging = any((had - has) & (gained - lost) for had, has in holds.values() for lost, gained in holds.values())
    for group in groups:
        together = {names[change.path] for change in group if change.path in names}
        for one in together:
            others = {other for other in graph if other in reachable(graph, one) and one in reachable(graph, other)}
            assert together == ({one} | others if exchanging else {one})


def test_a_thousand_blobs_change_hands_at_once() -> None:
    """One long ring, in one group, without recursion."""
    count = 1_000
    names = [f"r{number}" for number in range(count)]

    def ring(shift: int) -> list[Desired]:
        made: list[Desired] = []
        for number, name in enumerate(names):
            held = Blob(Cid.of_digest(((number + shift) % count).to_bytes(32, "big"), RAW), "application/x-tar", 1)
            value: JsonObject = {"$type": NOTE, "text": "x", "held": held.to_json()}
            made.append(Desired(Address("records", name), name, at(name), value))
        return made

    (group,) = commit_order(planned(ring(0), ring(1)))
    assert {change.address for change in group} == {f"records/{name}" for name in names}
