"""A fault at every request of an apply: it ends as documented, and running it again does the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import pytest
from tests.faults.conftest import NewWorld
from tests.faults.faults import FAULTS, KINDS, Fault, kind_of
from tests.faults.proxy import Point
from tests.faults.scene import SEASONS, Season, other
from tests.faults.world import Look, Ran, World

pytestmark = pytest.mark.pds


@dataclass(slots=True)
class Year:
    """An account that has seen both seasons: what each is like, and the requests on the way there."""

    world: World
    looks: dict[Season, Look]
    ways: dict[Season, list[Point]]
    now: Season


    def turn(self, season: Season) -> None:
        """Make it that season, if it is not."""
        if self.now != season:
            assert self.world.apply(season).code == 0
            self.is_(season)

    def is_(self, season: Season) -> None:
        """All that the manifest says is there, nothing else but what others made, and nothing is left to be done."""
        again = self.world.apply(season)
        assert again.code == 0, again.err
        assert {seen.verb for seen in again.log} == {"GET"}
        assert self.world.look().cids == {**self.looks[season].cids, **self.world.foreign}
        self.now = season


@pytest.fixture
def year(new_world: NewWorld) -> Year:
    """It is autumn."""
    world = new_world()
    assert world.apply("spring").code == 0
    ways: dict[Season, list[Point]] = {}
    looks: dict[Season, Look] = {}
    for season in ("autumn", "spring", "autumn"):
        ran = world.apply(season)
        assert ran.code == 0, ran.err
        ways[season], looks[season] = ran.points, world.look()
    return Year(world, looks, ways, "autumn")


def cases(year: Year, fault: Fault) -> Iterator[tuple[Season, Point]]:
    """Every boundary that the fault applies to, on the ways to spring and to autumn in turn."""
    spring, autumn = ([p for p in year.ways[season] if kind_of(p) in fault.ends] for season in SEASONS)
    for to_spring, to_autumn in zip_longest(spring, autumn):
        if to_spring:
            yield "spring", to_spring
        if to_autumn:
            yield "autumn", to_autumn


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_at_every_request(year: Year, fault: Fault) -> None:
    tested: set[tuple[Season, Point]] = set()
    for season, point in cases(year, fault):
        strike_at(year, fault, season, point)
        tested.add((season, point))
    applies = {(season, point) for season in SEASONS for point in year.ways[season] if kind_of(point) in fault.ends}
    assert tested == applies
    assert tested


def strike_at(year: Year, fault: Fault, season: Season, point: Point) -> None:
    world = year.world
    year.turn(other(season))
    strike = fault.at(point, world)
    ran = world.apply(season, strike)
    assert strike.struck, (season, point)
    ends(ran, fault, season, point)
    if ran.code:
        again = world.apply(season)
        assert again.code == 0, again.err
    year.is_(season)


def ends(ran: Ran, fault: Fault, season: Season, point: Point) -> None:
    """The exit code is one of those documented, and what is printed can be read by programs."""
    codes = fault.ends[kind_of(point)]
    if ran.commits:
        codes = frozenset(code and 6 for code in codes)
    assert ran.code in codes, (fault.name, season, point, ran.err[-400:])
    assert ("error" in ran.json) == (ran.code != 0)
