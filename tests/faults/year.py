"""An account that has seen both seasons, in turn: every test leaves it in one of them, whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from tests.faults.faults import Fault, Strike, kind_of
from tests.faults.proxy import Point
from tests.faults.scene import SEASONS, Season, other
from tests.faults.world import Look, Ran, World

_WRITES = ("upload", "commit")


@dataclass(slots=True)
class Year:
    """What each season is like, and the requests on the way there from the other."""

    world: World
    thorough: bool
    now: Season = "autumn"
    looks: dict[Season, Look] = field(default_factory=dict[Season, Look])
    ways: dict[Season, list[Point]] = field(default_factory=dict[Season, list[Point]])

    @property
    def boundaries(self) -> list[tuple[Season, Point]]:
        """Every request of both ways, on the two in turn; what both begin with, up to the login, counts once.

        Where it need not be thorough: those of one way that write.
        """
        autumn: list[tuple[Season, Point]] = [("autumn", point) for point in self.ways["autumn"]]
        if not self.thorough:
            return [boundary for boundary in autumn if kind_of(boundary[1]) in _WRITES]
        spring: list[tuple[Season, Point]] = [("spring", p) for p in self.ways["spring"] if kind_of(p) in _WRITES]
        pairs = zip_longest(spring, autumn)
        return [boundary for pair in pairs for boundary in pair if boundary is not None]

    def struck_by(self, fault: Fault) -> Iterator[tuple[Season, Point, Strike, Ran]]:
        """Apply once for each boundary that a fault applies to, with the fault at it."""
        for season, point in self.boundaries:
            if kind_of(point) in fault.ends:
                self.turn(other(season))
                strike = fault.at(point, self.world)
                ran = self.world.apply(season, strike)
                assert strike.struck, (season, point)
                yield season, point, strike, ran

    def turn(self, season: Season) -> None:
        """Make it that season, if it is not, without a run of the command line."""
        if self.now != season:
            self.world.restore(self.looks[season])
            self.now = season

    def recover(self, season: Season, ran: Ran) -> None:
        """Running it again, once, does the rest."""
        if ran.code:
            again = self.world.apply(season)
            assert again.code == 0, again.err
        self.has_become(season)

    def has_become(self, season: Season) -> None:
        """All that the manifest says is there, nothing else but what others made, and nothing is left to be done."""
        self.world.contended.clear()
        again = self.world.apply(season)
        assert again.code == 0, again.err
        assert {seen.verb for seen in again.log} == {"GET"}
        assert self.world.look().cids == {**self.looks[season].cids, **self.world.foreign}
        self.now = season
        self.world.is_touched = False


def first_year(world: World, *, thorough: bool) -> Year:
    """Both seasons once, without a fault, to learn what they are like."""
    year = Year(world, thorough)
    assert world.apply("autumn").code == 0
    for season in SEASONS:
        ran = world.apply(season)
        assert ran.code == 0, ran.err
        year.ways[season], year.looks[season] = ran.points, world.look()
    return year
