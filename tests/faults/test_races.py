"""Two applies of one project at the same time: one has its way whole, or both have where they do not touch."""

from __future__ import annotations

import pytest
from tests.faults.faults import kind_of
from tests.faults.proxy import Answer, Exchange, Point
from tests.faults.scene import Rival, Season
from tests.faults.world import Place, World
from tests.faults.year import Year

pytestmark = pytest.mark.pds


class Race:
    """At one boundary, the rival runs from start to end before the request goes on."""

    def __init__(self, point: Point, rival: Rival, world: World) -> None:
        self.rival_s_code: int | None = None
        self._point = point
        self._rival: Rival = rival
        self._world = world

    def __call__(self, exchange: Exchange) -> Answer:
        if exchange.point == self._point:
            _ = exchange.body
            self.rival_s_code = self._world.apply_rival(self._rival)
        return exchange.pass_on()


def state_of(year: Year, rival: Rival) -> dict[Place, str]:
    """What the rival leaves when no other client is in the way."""
    year.turn("spring")
    assert year.world.apply_rival(rival) == 0
    found = without_foreign(year.world)
    year.now = "autumn"  # for all that is known
    year.turn("spring")
    return found


@pytest.mark.parametrize("rival", ["storm", "rain"])
def test_a_race(year: Year, rival: Rival) -> None:
    """A goes to a boundary, B runs whole, A goes on; for each boundary of A."""
    theirs, ours, before = state_of(year, rival), year.looks["autumn"].cids, year.looks["spring"].cids
    both = {**ours, **{place: cid for place, cid in theirs.items() if before.get(place) != cid}}
    winners: set[str] = set()
    for season, point in boundaries(year):
        year.turn("spring")
        race = Race(point, rival, year.world)
        ran = year.world.apply(season, race)
        assert race.rival_s_code == 0, point
        found = without_foreign(year.world)
        if ran.code == 0:
            winners.add("we" if found == ours else "both")
            assert found == ours or (rival == "rain" and found == both), point
        else:
            winners.add("they")
            assert ran.code == (6 if ran.commits else 5), ran.err
            assert found == theirs, point
        assert year.world.apply(season).code == 0
        year.has_become(season)
    assert winners >= ({"they"} if rival == "storm" else {"they", "both"})


def boundaries(year: Year) -> list[tuple[Season, Point]]:
    """Of the way from spring to autumn, from the login on; a local repository is raced at every call."""
    late = ("login", "upload", "commit")
    return [(season, point) for season, point in year.boundaries if season == "autumn" and kind_of(point) in late]


def without_foreign(world: World) -> dict[Place, str]:
    """The CID of each of the project's records, as they are now."""
    return {place: cid for place, cid in world.look().cids.items() if place not in world.foreign}
