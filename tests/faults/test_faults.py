"""A fault at every request of an apply: it ends as documented, and running it again does the rest."""

from __future__ import annotations

import pytest
from tests.faults.faults import FAULTS, KINDS, Fault, kind_of
from tests.faults.proxy import Point
from tests.faults.scene import Season
from tests.faults.world import Ran
from tests.faults.year import Year

pytestmark = pytest.mark.pds


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_at_every_request(year: Year, fault: Fault) -> None:
    tested: set[tuple[Season, Point]] = set()
    for season, point, strike, ran in year.struck_by(fault):
        ends_as_documented(ran, fault.ends_at(point, done=strike.done))
        year.recover(season, ran)
        tested.add((season, point))
    applies = {(season, point) for season, point in year.boundaries if kind_of(point) in fault.ends}
    assert tested == applies
    assert tested or not year.thorough


def ends_as_documented(ran: Ran, codes: frozenset[int]) -> None:
    """The exit code is one of these, or 6 in place of most after a commit; programs can read what is printed."""
    if ran.commits:
        codes = frozenset(code if code in (0, 8) else 6 for code in codes)
    assert ran.code in codes, (ran.points, ran.err)
    assert ("error" in ran.json) == (ran.code != 0)


def test_every_fault_is_tried_on_every_kind_of_request(year: Year) -> None:
    """Or it is said why it cannot happen there; and there are requests of every kind."""
    assert {kind_of(point) for _, point in year.boundaries} == ({*KINDS} if year.thorough else {"upload", "commit"})
    for fault in FAULTS:
        assert set(fault.ends) <= {*KINDS}
        assert bool(fault.not_for) == (set(fault.ends) != {*KINDS}), fault.name


def test_each_way_takes_several_commits_and_moves_blobs(year: Year) -> None:
    for season, way in year.ways.items():
        commits = [point for point in way if kind_of(point) == "commit"]
        assert len(commits) >= 3, season
        assert any(kind_of(point) == "upload" for point in way), season
