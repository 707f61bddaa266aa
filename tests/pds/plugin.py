"""Fixtures over the reference PDS; a conftest takes them in with `pytest_plugins = ["tests.pds.plugin"]`."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.lab import MANIFEST, Lab
from tests.cli.playground import capture_runs
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


@pytest.fixture
def pds_manifest(
    reference_pds: ReferencePds, pds_account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The small project's manifest for the account, to be written to the current folder; commands may log in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATPUB_PASSWORD", pds_account.password)
    monkeypatch.setenv("ATPUB_PDS", reference_pds.url)
    monkeypatch.setenv("ATPUB_PLC", reference_pds.plc_url)
    return MANIFEST.replace("account: local", f"account: {pds_account.did}")


@pytest.fixture
def pds_lab(pds_manifest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Lab:
    """The small project, to be published to an account of its own."""
    lab = Lab(tmp_path, capture_runs(capsys))
    lab.write(pds_manifest)
    return lab
