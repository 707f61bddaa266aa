"""The repositories that the contract suite runs against; each entry of `KINDS` says how a fresh one is made."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.pds.reference import VERSIONS, Account, ReferencePds
from tests.repository.pds_servers import OnServer, Servers, new_account, repository_on

from atpub.repository.interface import Repository
from atpub.repository.local import LocalRepository

NewRepository = Callable[[], Repository]
Open = Callable[..., LocalRepository]
Kind = Callable[[pytest.FixtureRequest, ExitStack], NewRepository]


def local(request: pytest.FixtureRequest, stack: ExitStack) -> NewRepository:
    folder: Path = request.getfixturevalue("tmp_path")
    made: list[Repository] = []

    def new() -> Repository:
        made.append(stack.enter_context(closing(LocalRepository(folder / f"repository-{len(made)}"))))
        return made[-1]

    return new


def on_pds(version: str) -> Kind:
    def kind(request: pytest.FixtureRequest, stack: ExitStack) -> NewRepository:
        server: ReferencePds = request.getfixturevalue("pds_servers")(version)

        def new() -> Repository:
            return stack.enter_context(closing(repository_on(server, new_account(server))))

        return new

    return kind


KINDS: dict[str, Kind] = {"local": local} | {f"pds-{version}": on_pds(version) for version in VERSIONS}
# A kind that needs a server takes it from a fixture with `request.getfixturevalue`, and is marked `pds` below.
PARAMS = [pytest.param(kind, id=name, marks=[pytest.mark.pds] * (name != "local")) for name, kind in KINDS.items()]


@pytest.fixture(params=[pytest.param(version, marks=pytest.mark.pds) for version in VERSIONS])
def server(request: pytest.FixtureRequest, pds_servers: Servers) -> ReferencePds:
    """A reference PDS of each version; tests share it: write to accounts of your own."""
    version: str = request.param
    return pds_servers(version)


@pytest.fixture
def account(server: ReferencePds) -> Account:
    """A new account on the server, with an empty repository."""
    return new_account(server)


@pytest.fixture
def on(server: ReferencePds) -> Iterator[OnServer]:
    """Opens repositories on the server."""
    with ExitStack() as stack:
        yield OnServer(server, stack)


@pytest.fixture(params=PARAMS)
def new_repository(request: pytest.FixtureRequest) -> Iterator[NewRepository]:
    """Makes empty repositories, each of an account of its own."""
    kind: Kind = request.param
    with ExitStack() as stack:
        yield kind(request, stack)


@pytest.fixture
def repository(new_repository: NewRepository) -> Repository:
    """An empty repository."""
    return new_repository()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a local repository may be made; neither it nor the folder above it is there."""
    return tmp_path / "deep" / "repository"


@pytest.fixture
def opened(folder: Path) -> Iterator[Open]:
    """Opens the local repository in the folder once more, as another process would."""
    with ExitStack() as stack:
        yield lambda *arguments, **named: stack.enter_context(closing(LocalRepository(folder, *arguments, **named)))
