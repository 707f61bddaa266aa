"""Another client changes a record of the plan just before a commit: the plan is stale, and no change is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, get_args

import pytest
from tests.faults.faults import kind_of
from tests.faults.proxy import Answer, Cut, Exchange, Point, Reply
from tests.faults.scene import Season, other
from tests.faults.world import Place, World
from tests.faults.year import Year

from atpub.engine.inventory import COLLECTION

pytestmark = pytest.mark.pds

Meddling: TypeAlias = Callable[[World, Place], str | None]
"""What another client does at a place, and the CID that is there then."""


def makes_it(world: World, place: Place) -> str | None:
    return _put(world, place, {"$type": place[0], "text": "theirs"})


def changes_it(world: World, place: Place) -> str | None:
    _, value = world.look().records[place]
    return _put(world, place, {**value, "mood": "theirs"})


def deletes_it(world: World, place: Place) -> str | None:
    world.write("deleteRecord", place)
    return None


def _put(world: World, place: Place, value: dict[str, Any]) -> str:
    cid: str = world.write("putRecord", place, record=value)["cid"]
    return cid


MEDDLINGS: dict[str, tuple[str, Meddling]] = {
    "makes what is to be made": ("create", makes_it),
    "changes what is to be changed": ("update", changes_it),
    "deletes what is to be changed": ("update", deletes_it),
    "changes what is to be deleted": ("delete", changes_it),
    "deletes what is to be deleted": ("delete", deletes_it),
}


When = Literal["before", "after", "after, and the reply is lost"]


class Contender:
    """Meddles at one commit with the record of a kind of write; as it may be, with the last that is to be written."""

    def __init__(self, point: Point, kind: str, meddling: Meddling, world: World) -> None:
        self.place: Place | None = None
        self.left: str | None = None
        self.when: When = "before"
        self.last = False
        self._point = point
        self._kind = kind
        self._meddling = meddling
        self.makes = kind == "create"
        self._world = world
        self._coming: dict[Place, str] = {}

    def __call__(self, exchange: Exchange) -> Answer:
        if exchange.point.method != "applyWrites":
            return exchange.pass_on()
        writes = {
            (write["collection"], write["rkey"]): write["$type"].rpartition("#")[2] for write in exchange.json["writes"]
        }
        if exchange.point.number == 0:
            self._coming = writes  # too much at once: the server takes it in parts
        if exchange.point != self._point:
            return self._written(exchange, writes)
        if self.when == "before":
            self._meddle(writes)
            return exchange.pass_on()
        reply = self._written(exchange, writes)
        self._meddle(writes)
        return reply if self.when == "after" else Cut()

    def _written(self, exchange: Exchange, writes: Mapping[Place, str]) -> Reply:
        reply = exchange.pass_on()
        if reply.status == 200:
            self._coming = {place: kind for place, kind in self._coming.items() if place not in writes}
        return reply

    def _meddle(self, writes: Mapping[Place, str]) -> None:
        among = [*self._coming.items()][::-1] if self.last else [*writes.items()]
        places = [place for place, kind in among if kind == self._kind and place[0] != COLLECTION]
        if places:
            self.place = places[0]
            self._world.contended.add(self.place)
            self.left = self._meddling(self._world, self.place)


@pytest.mark.parametrize("name", MEDDLINGS)
def test_another_writer_is_faster(year: Year, name: str) -> None:
    """At each commit with a record that is in it."""
    kind, meddling = MEDDLINGS[name]
    assert sum(is_stale(year, season, Contender(point, kind, meddling, year.world)) for season, point in commits(year))


@pytest.mark.parametrize("when", get_args(When))
@pytest.mark.parametrize("name", ["changes what is to be changed", "changes what is to be deleted"])
def test_another_writer_changes_a_later_record(year: Year, name: str, when: When) -> None:
    """At each commit with the record that is last to be written, perhaps in a later commit."""
    kind, meddling = MEDDLINGS[name]
    met = 0
    for season, point in commits(year):
        contender = Contender(point, kind, meddling, year.world)
        contender.when, contender.last = when, True
        met += is_stale(year, season, contender)
    assert met > 1


def commits(year: Year) -> list[tuple[Season, Point]]:
    return [(season, point) for season, point in year.boundaries if kind_of(point) == "commit"]


def is_stale(year: Year, season: Season, contender: Contender) -> bool:
    """Whether there was something to meddle with, and then apply has stopped, and has left it as it was."""
    world = year.world
    year.turn(other(season))
    ran = world.apply(season, contender)
    if contender.place is None:
        assert ran.code == 0
        year.has_become(season)
        return False
    made = ran.commits or contender.when == "after, and the reply is lost"
    assert ran.code in ((5, 6) if made else (5,)), ran.err
    assert ran.json["error"]["code"] in ("partly-applied", "stale-plan")
    assert world.look().cids.get(contender.place) == contender.left
    if contender.makes:  # an unowned record is not taken over unasked
        assert world.apply(season).code == 7
        world.write("deleteRecord", contender.place)
    assert world.apply(season).code == 0
    year.has_become(season)
    return True
