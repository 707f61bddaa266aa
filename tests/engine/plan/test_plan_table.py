"""What was applied, what is live and what the manifest wants decide each record's action, by tables of cases."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from tests.atproto.lexicon.tables import read_yaml
from tests.engine.plan.worlds import Wanted, by_address, cid, live, owning, plan, read, records, result

from atpub.atproto.syntax import RecordPath
from atpub.engine.inventory import Inventory
from atpub.engine.plan.model import Drift, Options, Plan
from atpub.engine.plan.resolve import sort_by_references
from atpub.repository.model import Live, Record
from atpub.shards.file_facts import FileFacts
from atpub.shards.measure import measure_files

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


def cases() -> Iterator[Any]:
    for file in CASES:
        for case in read_yaml(file):
            yield pytest.param(case, id=f"{file.stem}: {case['case']}")


class World:
    """A case, with what it says made real."""

    def __init__(self, case: Mapping[str, Any], folder: Path) -> None:
        self.case = case
        self.inventory = owning("ours", self._read(folder, "inventory").desired)
        self.present: Mapping[RecordPath, Record] = records(sort_by_references(self._read(folder, "live").desired))
        theirs = self._read(folder, "theirs").desired
        self.state: Live = live(self.present, self.inventory, owning("theirs", theirs))
        self.wanted: Wanted = self._read(folder, "manifest")
        given: dict[str, Any] = dict(case.get("options", {}))
        names: dict[str, Any] = {key: frozenset(given.pop(key, ())) for key in ("forget", "only", "exclude")}
        self.options = Options(**names, **given)
        self.plan: Plan = plan(self.wanted, self.state, options=self.options)

    def _read(self, folder: Path, column: str) -> Wanted:
        wanted = read(folder, _filled_in(self.case.get(column, {}), folder))
        return wanted if column == "manifest" else Wanted(sort_by_references(wanted.desired), wanted.policy)


def _filled_in(sections: Any, folder: Path) -> Any:
    """The sections with the CID of the file where they say so."""
    text = json.dumps(sections)
    if "AJSON" in text:
        (facts,) = measure_files([folder / "data/a.json"], tar=False).values()
        assert isinstance(facts, FileFacts)
        text = text.replace("AJSON", facts.cid)
    return json.loads(text)


@pytest.fixture(params=cases())
def world(request: pytest.FixtureRequest, folder: Path) -> World:
    return World(request.param, folder)


def test_table(world: World) -> None:
    check_changes(world)
    check_drift(world)
    check_refusals(world)
    check_ownership(world)
    check_values(world)
    check_uploads(world)
    check_cost(world)


def check_changes(world: World) -> None:
    found = {address: change.action for address, change in by_address(world.plan).items()}
    if "summary" in world.case:
        assert {action: count for action, count in world.plan.summary.items() if count} == world.case["summary"]
    else:
        assert found == world.case["changes"]
    assert [*world.plan.left_out] == world.case.get("left out", [])
    if "order" in world.case:
        assert [*found] == world.case["order"]


def check_drift(world: World) -> None:
    drift = {address: change.drift for address, change in by_address(world.plan).items() if change.drift}
    paths = {address: change.path for address, change in by_address(world.plan).items()}
    owned = world.inventory.owned
    expected = {
        address: Drift(owned[paths[address]].cid, cid(world.present, paths[address]))
        for address in world.case.get("drift", drift if "summary" in world.case else ())
    }
    assert drift == expected


def check_refusals(world: World) -> None:
    found = world.plan.refusals
    if "refusals" in world.case:
        assert sorted(item.code for item in found) == world.case["refusals"]
        return
    assert {item.address: item.code for item in found} == world.case.get("refused", {})
    for item in found:
        assert item.message
        assert re.search(world.case.get("hint", "."), item.hint, re.DOTALL), item.hint


def check_ownership(world: World) -> None:
    if "summary" in world.case or world.plan.refusals:
        return
    addresses = {change.path: address for address, change in by_address(world.plan).items()}
    changes = world.plan.inventory_changes
    assert {addresses[path] for path, now in changes.items() if now is not None} == {*world.case.get("owned", ())}
    assert {addresses[path] for path, now in changes.items() if now is None} == {*world.case.get("disowned", ())}


def check_values(world: World) -> None:
    changes = by_address(world.plan)
    for address, moment in world.case.get("created", {}).items():
        after = changes[address].after
        assert after is not None
        assert after.get("createdAt") == moment
    unknown = {address: change.unknown for address, change in changes.items() if change.unknown}
    assert unknown == world.case.get("unknown", {})
    assert all(change.after_cid is None for change in changes.values() if change.unknown)
    assert all(changes[address].after_cid for address in world.case.get("known", ()))


def check_uploads(world: World) -> None:
    found = {upload.file.name: upload.mime_type for upload in world.plan.uploads}
    assert len(found) == len(world.plan.uploads)
    assert found == world.case.get("uploads", {})


def check_cost(world: World) -> None:
    cost = asdict(world.plan.cost)
    expected = world.case.get("cost", {})
    assert {name: cost[name] for name in expected} == expected


@pytest.mark.slow
def test_the_next_plan_is_empty(world: World) -> None:
    """Where nothing is refused, and nothing is unknown: what the plan leaves behind is what it wants."""
    if world.plan.refusals or any(change.unknown for change in world.plan.changes):
        return
    gone = {change.address for change in world.plan.changes if change.action in ("delete", "forget")}
    options = replace(world.options, only=world.options.only - gone, exclude=world.options.exclude - gone)
    if world.options.only and not options.only:
        return  # what was asked for is gone, and no longer owned
    again = plan(world.wanted, result(world.state, world.plan), options=options)
    assert not again.pending
    assert again.left_out == world.plan.left_out
    assert (again.uploads, again.refusals, again.cost.points) == ((), (), 0)
    assert {change.action for change in again.changes} <= {"unchanged", "keep"}


def test_only_known_words_are_used() -> None:
    known = {
        *("case", "inventory", "live", "theirs", "manifest", "options", "changes", "summary", "order", "drift"),
        *(
            "refused",
            "refusals",
            "hint",
            "owned",
            "disowned",
            "created",
            "unknown",
            "known",
            "uploads",
            "cost",
            "left out",
            "unmanaged",
        ),
    }
    for file in CASES:
        for case in read_yaml(file):
            assert set(case) <= known, case["case"]


def test_a_repository_that_is_not_there_yet(folder: Path) -> None:
    wanted = read(folder, {"a": "x"})
    absent = Live(live({}).did, None, {})
    made = plan(wanted, absent)
    assert (made.head, made.inventory) == (None, Inventory("ours"))
    assert [(change.action, str(change.uri)) for change in made.changes] == [
        ("create", "at://did:plc:aliceaaaaaaaaaaaaaaaaaaa/org.test.note/a")
    ]
