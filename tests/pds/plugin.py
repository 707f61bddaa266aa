"""Fixtures over the reference PDS; a conftest takes them in with `pytest_plugins = ["tests.pds.plugin"]`."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.pds.reference import VERSIONS, Account, ReferencePds, Unreachable, serve


@pytest.fixture(scope="session", params=VERSIONS)
def reference_pds(request: pytest.FixtureRequest) -> Iterator[ReferencePds]:
    """Each version in turn, started when a test first asks for it. Tests share it: write to accounts of your own."""
    version: str = request.param
    with ExitStack() as running:
        try:
            pds = running.enter_context(serve(version))
        except Unreachable as reason:
            if os.environ.get("ATPUB_REQUIRE_PDS") == "1":
                raise
            pytest.skip(f"reference PDS {version}: {reason}")
        yield pds


@pytest.fixture
def pds_account(reference_pds: ReferencePds) -> Account:
    """A fresh account, with an empty repository, for one test alone."""
    return reference_pds.create_account(f"t{secrets.token_hex(6)}.test")
