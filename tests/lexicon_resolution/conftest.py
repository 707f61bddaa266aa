"""The command line in an empty folder, and accounts that publish lexicons."""

from collections.abc import Iterator

import pytest
from tests.cli.conftest import atpub, folder
from tests.lexicon_resolution.network import Network, lexicon_network

__all__ = ["atpub", "folder", "network"]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    with lexicon_network() as found:
        for name, value in found.environ.items():
            monkeypatch.setenv(name, value)
        yield found
