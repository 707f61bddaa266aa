"""Worlds on the reference PDS, in which nobody waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path

import httpx
import pytest
from tests.faults.world import World
from tests.pds.reference import PASSWORD, ReferencePds

import atpub.repository.pds
from atpub.repository.pds import PdsRepository, connect
from atpub.repository.pds.http import Http
from atpub.repository.pds.transport import new_client

NewWorld = Callable[[], World]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client tries again at once."""

    def hurried(account: str, *, pds: str | None, plc: str, password: Callable[[], str | None]) -> PdsRepository:
        http = Http(new_client(), sleep=lambda _: None)
        return connect(account, pds=pds, plc=plc, password=password, http=http)

    monkeypatch.setattr(atpub.repository.pds, "connect", hurried)
    monkeypatch.setattr(httpx, "create_ssl_context", cache(httpx.create_ssl_context))  # reads a long file each time
    monkeypatch.setenv("ATPUB_PASSWORD", PASSWORD)


@pytest.fixture
def new_world(reference_pds: ReferencePds, impatient: None, tmp_path: Path) -> Iterator[NewWorld]:
    """Makes accounts, each with a proxy of its own."""
    with ExitStack() as stack:
        count = iter(range(1000))

        def new() -> World:
            return stack.enter_context(closing(World(reference_pds, tmp_path / f"world-{next(count)}")))

        yield new
