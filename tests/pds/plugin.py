"""Fixtures over the reference PDS; a conftest takes them in with `pytest_plugins = ["tests.pds.plugin"]`."""

import secrets
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.pds.reference import VERSIONS, Account, ReferencePds
from tests.pds.servers import Servers


@pytest.fixture(scope="session")
def pds_servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The reference PDS of a version, started when first asked for; all suites and workers share these servers."""
    folder = tmp_path_factory.getbasetemp()
    with closing(Servers(folder.parent if hasattr(request.config, "workerinput") else folder)) as servers:
        yield servers


@pytest.fixture(params=[pytest.param(version, marks=pytest.mark.pds) for version in VERSIONS])
def reference_pds(request: pytest.FixtureRequest, pds_servers: Servers) -> ReferencePds:
    """A server of each version. Tests share it: write to accounts of your own."""
    version: str = request.param
    return pds_servers(version)


@pytest.fixture
def pds_account(reference_pds: ReferencePds) -> Account:
    """A fresh account, with an empty repository, for one test alone."""
    return reference_pds.create_account(f"t{secrets.token_hex(6)}.test")
