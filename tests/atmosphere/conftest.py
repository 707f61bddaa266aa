"""Clients of the embedded repository and of the reference PDS of both versions, each with an empty repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.pds.reference import VERSIONS
from tests.repository.pds_servers import Servers, new_account

from atpub.atmosphere import AtmosphereClient

NewClient = Callable[[], AtmosphereClient]
EVERYWHERE = ["local", *(pytest.param(version, marks=pytest.mark.pds) for version in VERSIONS)]


@pytest.fixture
def servers(pds_servers: Servers) -> Servers:
    """The reference PDS of a version."""
    return pds_servers


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where there is no lock and no repository."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)


@pytest.fixture(params=EVERYWHERE)
def new_client(
    request: pytest.FixtureRequest, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[NewClient]:
    """Gives clients of one and the same account, each logged in anew."""
    with ExitStack() as stack:
        if request.param == "local":
            yield lambda: stack.enter_context(AtmosphereClient.local(tmp_path / "repository"))
        else:
            server = servers(request.param)
            account = new_account(server)
            monkeypatch.setenv("ATPUB_PLC", server.plc_url)

            def new() -> AtmosphereClient:
                client = stack.enter_context(AtmosphereClient(server.url))
                client.login(account.handle, account.password)
                return client

            yield new


@pytest.fixture
def client(new_client: NewClient) -> AtmosphereClient:
    """A client of an account, with an empty repository."""
    return new_client()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[AtmosphereClient]:
    """A client of the embedded repository, which is not there yet."""
    with AtmosphereClient.local(tmp_path / "repository") as client:
        yield client
