"""Faults and races at every call that an apply makes of a local repository, and a death at every step on its disk."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from tests.engine.apply.publishing import carry_out, scratch
from tests.engine.apply.wrappers import Crash, Narrow
from tests.faults.children import Nursery, nursery
from tests.faults.local import MOST_WRITES, Bench, Call, Calls, check
from tests.faults.proxy import Point
from tests.faults.scene import FLAGS, Rival

from atpub.engine import inventory
from atpub.engine.apply import PartialApplyError
from atpub.errors import (
    AtpubError,
    BlobNotFound,
    OutcomeUnknown,
    RateLimited,
    RequestTooLarge,
    StalePlan,
    Unavailable,
)
from atpub.repository.local import LocalRepository

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with scratch() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(inventory, "LARGEST", 1000)  # so that it is split
        yield Bench(folder)


@pytest.fixture(autouse=True)
def _split_inventories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "LARGEST", 1000)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a call raises, before or after it is carried out; `absorbed` says at which methods apply goes on."""

    name: str
    error: Callable[[], Exception]
    after: bool = False
    only: tuple[str, ...] = ()
    absorbed: tuple[str, ...] = ()

    def applies_to(self, point: Point) -> bool:
        return not self.only or point.method in self.only


FAULTS = (
    Fault("unavailable", lambda: Unavailable("down")),
    Fault("rate-limited", lambda: RateLimited("too fast", reset=1_700_000_000)),
    Fault("crash before", Crash),
    Fault("crash after", Crash, after=True),
    Fault(
        "outcome unknown, done", lambda: OutcomeUnknown("lost"), after=True, only=("apply_writes",),
        absorbed=("apply_writes",),
    ),
    Fault(
        "outcome unknown, not done", lambda: OutcomeUnknown("lost"), only=("apply_writes",), absorbed=("apply_writes",)
    ),
    Fault("too large", lambda: RequestTooLarge("too much"), only=("apply_writes",)),
    Fault("blob lost", lambda: BlobNotFound("gone"), only=("apply_writes",)),
)  # fmt: skip
METHODS = {"head", "read", "upload_blob", "apply_writes"}


def recorded(bench: Bench) -> list[Point]:
    """Every call of an apply from spring to autumn."""
    with bench.copy() as repository:
        prepared = bench.prepared("autumn", repository)
        calls = Calls(repository)
        carry_out(prepared, Narrow(calls, MOST_WRITES))
    # The way that a head which has moved takes: it is read again.
    with bench.copy() as repository:
        prepared = bench.prepared("autumn", repository)
        again = Calls(repository, _lost_at(Point("apply_writes", 1)))
        carry_out(prepared, Narrow(again, MOST_WRITES))
    return sorted({*calls.points, *again.points})


def _lost_at(point: Point) -> Callable[[Point, Call], object]:
    def meddle(found: Point, call: Call) -> object:
        result = call()
        if found == point:
            raise OutcomeUnknown("lost")
        return result

    return meddle


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_at_every_call(bench: Bench, fault: Fault) -> None:
    """On the way where the second reply is lost, so that everything that may be called is."""
    points = [point for point in recorded(bench) if fault.applies_to(point)]
    struck: set[Point] = set()

    for point in points:
        with bench.copy() as repository:

            def meddle(found: Point, call: Call, point: Point = point) -> object:
                if found == point:
                    struck.add(point)
                    if fault.after:
                        call()
                    raise fault.error()
                return _lost_at(Point("apply_writes", 1))(found, call)

            prepared = bench.prepared("autumn", repository)
            try:
                carry_out(prepared, Narrow(Calls(repository, meddle), MOST_WRITES))
            except (AtpubError, Crash) as error:
                assert point.method not in fault.absorbed, point
                told = type(error.__cause__ if isinstance(error, PartialApplyError) else error)
                assert told is type(fault.error())
            check(repository)
            bench.apply("autumn", repository)
            bench.has_become("autumn", repository, bench.autumn)
    assert struck == {*points}
    assert {point.method.removesuffix("_records") for point in struck} == ({*fault.only} or METHODS)


@pytest.mark.parametrize("rival", ["storm", "rain"])
def test_a_race(bench: Bench, rival: Rival) -> None:
    """A goes to a call, B runs whole, A goes on; for each call of A."""
    with bench.copy() as repository:
        bench.apply(rival, repository)
        theirs = check(repository)
    both = {**bench.autumn, **{path: cid for path, cid in theirs.items() if bench.spring.get(path) != cid}}
    ends: set[str] = set()
    for point in recorded(bench):
        with bench.copies() as (repository, other):

            def meddle(found: Point, call: Call, point: Point = point, other: LocalRepository = other) -> object:
                if found == point:
                    bench.apply(rival, other)
                return call()

            prepared = bench.prepared("autumn", repository)
            try:
                carry_out(prepared, Narrow(Calls(repository, meddle), MOST_WRITES))
            except (StalePlan, PartialApplyError) as error:
                told = error.__cause__ if isinstance(error, PartialApplyError) else error
                assert isinstance(told, StalePlan)
                assert check(repository) == theirs
                ends.add("theirs")
            else:
                found = check(repository)
                assert found == bench.autumn or (rival == "rain" and found == both)
                ends.add("ours" if found == bench.autumn else "both")
            bench.apply("autumn", repository)
            bench.has_become("autumn", repository, bench.autumn)
    assert ends >= ({"theirs"} if rival == "storm" else {"theirs", "both"})


@pytest.fixture(scope="module")
def children() -> Iterator[Nursery]:
    with nursery(dict(os.environ)) as started:
        yield started


@pytest.mark.slow
def test_a_death_at_every_step_on_the_disk(bench: Bench, children: Nursery) -> None:
    """Before each transaction, commit, rename and removal of files: nothing is lost, and the next run does the rest."""
    steps: list[str] = []
    while True:
        folder = bench.copied_folder()
        args = ["apply", "-m", str(bench.manifests["autumn"]), "--account", f"local:{folder}", *FLAGS]
        ended = children.run(args, dies_at=len(steps))
        with closing(LocalRepository(folder)) as repository:
            check(repository)
            bench.apply("autumn", repository)
            bench.has_become("autumn", repository, bench.autumn)
        if ended.code == 0:
            break
        assert ended.code == -signal.SIGKILL
        steps.append(ended.steps[-1] if ended.steps else "")
    assert {"begin immediate", "commit", "os.rename", "os.remove"} <= {*steps}, steps
