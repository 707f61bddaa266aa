"""The folder that the manifests of these tests are in."""

from pathlib import Path

import pytest
from tests.engine.apply.publishing import write_lexicons, write_tar


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lexicons, two shards, and files that are none; manifests come and go."""
    made = tmp_path_factory.mktemp("plan")
    write_lexicons(made)
    write_tar(made / "data/0.tar", "zero")
    write_tar(made / "data/1.tar", "one")
    (made / "data/a.json").write_text("{}", "utf-8")
    (made / "data/b.unknown").write_text("what is it", "utf-8")
    return made
