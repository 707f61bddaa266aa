from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.lab import TIME, Lab
from tests.cli.playground import Ran, capture_runs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def atpub(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command line in that folder, without a terminal."""
    return capture_runs(capsys)


@pytest.fixture
def lab(folder: Path, atpub: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The small project, with times pinned."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", TIME)
    return Lab(folder, atpub)


@pytest.fixture
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for sessions, which is used."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder
