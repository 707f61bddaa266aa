"""The number of uploads at once, on lines that are simulated: as fast as so many uploads at once can be."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import islice, pairwise

import pytest

from atpub.engine.apply.concurrency import LOSS, MOST, SMALL_LOSS, START, Concurrency

SMALL, LARGE = 10_000, 8_000_000


def run(seconds: Callable[[int, int], float], size: int, number: int) -> Concurrency:
    """Upload so many blobs of a size; `seconds` says how long one takes that is one of so many at once."""
    concurrency, now = Concurrency(), 0.0
    concurrency.add(size * number)
    ends: list[float] = []
    concurrency.resume(now)
    for _ in range(number):
        while not concurrency.allows([size] * len(ends), size):
            now = heapq.heappop(ends)
            concurrency.complete(size, now)
        heapq.heappush(ends, now + seconds(size, len(ends) + 1))
    return concurrency


def distant(size: int, at_once: int) -> float:
    """A round trip of 60 ms, and a line that small blobs do not fill."""
    return 0.06 + size / 100_000_000


def shared(size: int, at_once: int) -> float:
    """A line of 100 MB a second, which all share."""
    return 0.001 + size * at_once / 100_000_000


def test_it_starts_with_a_few() -> None:
    concurrency = Concurrency()
    assert [concurrency.allows([1] * number, 1) for number in (0, START - 1, START)] == [True, True, False]
    assert concurrency.rate is None


def test_it_grows_while_that_pays() -> None:
    assert run(distant, SMALL, 100).width == MOST


def test_it_stays_where_the_line_is_full() -> None:
    concurrency = run(shared, LARGE, 100)
    assert concurrency.width <= 9
    assert concurrency.rate == pytest.approx(100_000_000, rel=0.5)


def test_a_failure_halves_it_and_several_at_once_are_one() -> None:
    concurrency = run(distant, SMALL, 100)
    for _ in range(MOST):
        concurrency.fail()
    assert concurrency.width == MOST // 2
    concurrency.complete(SMALL, 1000.0)
    concurrency.fail()
    assert concurrency.width == MOST // 4


def test_it_never_stops() -> None:
    concurrency = Concurrency()
    for second in range(10):
        concurrency.resume(second)
        concurrency.complete(LARGE, second)
        concurrency.fail()
        assert concurrency.allows([], LARGE)
    assert concurrency.width == 1


def test_it_recovers_from_a_failure_step_by_step() -> None:
    concurrency, now = Concurrency(), 0.0
    concurrency.resume(now)
    concurrency.fail()
    widths: list[int] = []
    for _ in range(12):
        for _ in islice(range(MOST), concurrency.width):
            now += 0.1 / concurrency.width
            concurrency.complete(SMALL, now)
        widths.append(concurrency.width)
    assert widths == sorted(widths)
    assert all(later - earlier <= 1 for earlier, later in pairwise(widths))
    assert widths[-1] > START


def test_it_shrinks_where_more_at_once_are_slower() -> None:
    concurrency = run(lambda size, at_once: 0.01 * at_once**2, SMALL, 100)
    assert concurrency.width <= 6


def test_what_is_under_way_is_a_small_part_of_all() -> None:
    """A crash loses it."""
    concurrency = run(distant, SMALL, 100)
    assert concurrency.allows([SMALL_LOSS // 10] * 9, SMALL_LOSS // 10)
    assert not concurrency.allows([SMALL_LOSS // 10] * 10, SMALL_LOSS // 10)
    concurrency.add(100 * LARGE)
    assert concurrency.allows([LARGE] * 14, LARGE)
    assert not concurrency.allows([LARGE] * int(100 * LOSS), LARGE)
    assert concurrency.allows([100 * LARGE] * (START - 1), 100 * LARGE)


def test_no_time_at_all_is_no_rate() -> None:
    concurrency = Concurrency()
    concurrency.resume(1.0)
    for _ in range(10):
        concurrency.complete(SMALL, 1.0)
    assert concurrency.rate is None
