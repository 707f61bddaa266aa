"""Watching: which events lead to a new plan, and what of it is news."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from atpub.atproto.repo.events import Connected, Lost, RepoEvent, Tick
from atpub.engine.inventory import COLLECTION
from atpub.engine.plan.model import Plan
from atpub.errors import Unavailable
from atpub.watching import DriftNews, watch_drift
from tests.engine.plan.worlds import ALICE, Wanted, live, owning, plan, read, records, write_data


class World:
    """A project of one note, whose live text a test changes."""

    def __init__(self, folder: Path) -> None:
        write_data(folder)
        self.folder = folder
        self.wanted: Wanted = read(folder, {"note": "ours"})
        self.text: str | None = "ours"
        self.plans = 0
        self.is_reachable = True

    def replan(self) -> Plan:
        self.plans += 1
        if not self.is_reachable:
            raise Unavailable("no answer")
        present = records(read(self.folder, {} if self.text is None else {"note": self.text}).desired)
        return plan(self.wanted, live(present, owning("ours", self.wanted.desired)))


def news(item: DriftNews | Connected | Lost) -> tuple[list[object], int] | str:
    if not isinstance(item, DriftNews):
        return type(item).__name__
    return [change.drift and change.drift.live for change in item.drifted], len(item.settled)


def test_only_events_of_owned_records_lead_to_a_plan(tmp_path: Path) -> None:
    world = World(tmp_path)
    (path,) = (item.path for item in world.wanted.desired)
    plans = list[int]()

    def events() -> Iterator[RepoEvent | Connected | Tick | Lost]:
        for event in (
            Connected(),
            Tick(),
            RepoEvent(1, ALICE, frozenset(["org.other.thing/a"])),
            RepoEvent(2, ALICE),
            RepoEvent(3, ALICE, frozenset([str(path)])),
            RepoEvent(4, ALICE, frozenset([f"{COLLECTION}/a"])),
            RepoEvent(5, ALICE, None),
            Lost("gone", 1),
            Connected(),
        ):
            yield event
            plans.append(world.plans)

    assert [news(item) for item in watch_drift(events(), world.replan)] == ["Connected", "Lost", "Connected"]
    assert plans == [1, 1, 1, 1, 2, 3, 4, 4, 5]


def test_each_edit_is_told_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    texts = ["theirs", "theirs", "again", None, "ours", "ours"]

    def events() -> Iterator[RepoEvent | Connected]:
        yield Connected()
        for number, text in enumerate(texts):
            world.text = text
            yield RepoEvent(number, ALICE, None)

    told = [news(item) for item in watch_drift(events(), world.replan)]
    (theirs, none), (again, _), deleted, settled = (item for item in told[1:] if isinstance(item, tuple))
    assert (len(theirs), none, len(again)) == (1, 0, 1)
    assert theirs != again
    assert deleted == ([None], 0)
    assert settled == ([], 1)


def test_what_cannot_be_read_is_read_later(tmp_path: Path) -> None:
    world = World(tmp_path)

    def events() -> Iterator[RepoEvent | Connected | Tick]:
        yield Connected()
        world.text, world.is_reachable = "theirs", False
        yield RepoEvent(1, ALICE, None)
        yield Tick()
        world.is_reachable = True
        for _ in range(20):
            yield Tick()

    told = [news(item) for item in watch_drift(events(), world.replan)]
    assert told[:2] == ["Connected", "Lost"]
    assert (len(told), world.plans) == (3, 3)
