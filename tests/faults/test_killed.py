"""A signal to an apply while one of its requests is under way: running it again does the rest."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from tests.faults.children import Nursery, nursery
from tests.faults.faults import kind_of
from tests.faults.proxy import Answer, Cut, Exchange, Point
from tests.faults.scene import FLAGS, Season, other
from tests.faults.year import Year
from tests.pds.reference import PASSWORD, VERSIONS

from atpub.errors import Interrupted

pytestmark = pytest.mark.pds


@pytest.fixture(scope="module")
def children() -> Iterator[Nursery]:
    with nursery({**os.environ, "ATPUB_PASSWORD": PASSWORD}) as started:
        yield started


class Held:
    """Holds the request at one boundary until its sender is dead, and then passes it on, or drops it."""

    def __init__(self, point: Point, *, passes_on: bool) -> None:
        self.has_come = threading.Event()
        self.sender_is_dead = threading.Event()
        self.is_done = threading.Event()
        self._point = point
        self._passes_on = passes_on

    def __call__(self, exchange: Exchange) -> Answer:
        if exchange.point != self._point:
            return exchange.pass_on()
        _ = exchange.body
        self.has_come.set()
        assert self.sender_is_dead.wait(60)
        if self._passes_on:
            exchange.pass_on()
        self.is_done.set()
        return Cut()


@pytest.mark.parametrize("passes_on", [False, True], ids=["dropped", "passed on"])
def test_killed_at_every_request(year: Year, children: Nursery, passes_on: bool) -> None:
    """To read does nothing: a read that is passed on is one that is dropped."""
    boundaries = [found for found in year.boundaries if not passes_on or kind_of(found[1]) != "read"]
    tested: set[tuple[Season, Point]] = set()
    for season, point in boundaries:
        year.turn(other(season))
        kill_at(year, children, season, Held(point, passes_on=passes_on))
        again = year.world.apply(season)
        assert again.code == 0, again.err
        year.has_become(season)
        tested.add((season, point))
    assert tested == {*boundaries}


def kill_at(year: Year, children: Nursery, season: Season, held: Held) -> None:
    world = year.world
    with world.proxy.watching(held):
        process = children.start(["apply", "-m", str(world.manifests[season]), *FLAGS, *world.target])
        assert held.has_come.wait(60)
        os.kill(process, signal.SIGKILL)
        assert children.ended().code == -signal.SIGKILL
        held.sender_is_dead.set()
        assert held.is_done.wait(60)
    world.check()


class Delayed:
    """Holds the request at one boundary until it may go on."""

    def __init__(self, point: Point) -> None:
        self.has_come = threading.Event()
        self.may_go_on = threading.Event()
        self._point = point

    def __call__(self, exchange: Exchange) -> Answer:
        if exchange.point == self._point:
            self.has_come.set()
            assert self.may_go_on.wait(60)
        return exchange.pass_on()


@pytest.mark.slow
@pytest.mark.parametrize("reference_pds", VERSIONS[:1], indirect=True)
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_stopped_by_a_signal(year: Year, children: Nursery, name: str) -> None:
    """The request under way ends, and nothing that was not committed is lost or reported as done."""
    season, point = next(found for found in year.boundaries if kind_of(found[1]) == "upload")
    year.turn(other(season))
    world, delayed = year.world, Delayed(point)
    with world.proxy.watching(delayed):
        process = children.start(["apply", "-m", str(world.manifests[season]), *FLAGS, *world.target])
        assert delayed.has_come.wait(60)
        os.kill(process, signal.Signals[name])
        delayed.may_go_on.set()
        assert children.ended().code == Interrupted.exit_code
    world.check()
    again = world.apply(season)
    assert again.code == 0, again.err
    year.has_become(season)
