"""The folder that the manifests of these tests are in."""

from pathlib import Path

import pytest
from tests.engine.plan.worlds import write_data


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lexicons, two shards, and files that are none; manifests come and go."""
    made = tmp_path_factory.mktemp("plan")
    write_data(made)
    return made
