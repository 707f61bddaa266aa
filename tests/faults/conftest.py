"""Worlds on the reference PDS, in which pauses take no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.faults.world import World
from tests.faults.year import Year, first_year
from tests.pds.reference import PASSWORD, VERSIONS, ReferencePds

import atpub.repository.pds
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.repository.pds import PdsRepository, connect

NewWorld = Callable[[], World]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client tries again at once, and begins each run knowing nothing: every run sends the same requests."""

    def hurried(account: str, *, pds: str | None, password: Callable[[], str | None], **_: object) -> PdsRepository:
        http = HttpClient(new_client(), sleep=lambda _: None)
        return connect(account, pds=pds, password=password, http=http)

    monkeypatch.setattr(atpub.repository.pds, "connect", hurried)
    monkeypatch.setenv("ATPUB_PASSWORD", PASSWORD)


@pytest.fixture
def new_world(reference_pds: ReferencePds, impatient: None, tmp_path: Path) -> Iterator[NewWorld]:
    """Makes accounts, each with a proxy of its own."""
    with ExitStack() as stack:
        count = iter(range(1000))

        def new() -> World:
            return stack.enter_context(closing(World(reference_pds, tmp_path / f"world-{next(count)}")))

        yield new


@pytest.fixture(scope="session")
def years() -> Iterator[dict[str, Year]]:
    """The year of each server; the tests share it, as long as none fails."""
    made: dict[str, Year] = {}
    yield made
    for year in made.values():
        year.world.close()


@pytest.fixture
def year(
    years: dict[str, Year], reference_pds: ReferencePds, impatient: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Year]:
    """An account in one of its seasons."""
    version = reference_pds.version
    year = years.pop(version, None)
    if year is None:
        thorough = version.startswith(f"{VERSIONS[0]}.")  # the other version goes its own way only where it writes
        year = first_year(World(reference_pds, tmp_path_factory.mktemp("year")), thorough=thorough)
    try:
        yield year
    finally:
        if intact(year):
            years[version] = year
        else:
            year.world.close()


def intact(year: Year) -> bool:
    """Whether a test has left one of the seasons, whole."""
    try:
        year.world.remove_foreign()
        if year.world.is_touched:
            year.has_become(year.now)
    except AssertionError:
        return False
    return True
