from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import atpub, folder, lab
from tests.serving.running import Served, running

__all__ = ["atpub", "folder", "lab", "own", "served"]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that tests share, over a repository that none of them changes."""
    with running(tmp_path_factory.mktemp("served") / "repository") as found:
        yield found


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A server for one test alone, which may change the repository."""
    with running(tmp_path / "repository") as found:
        yield found
