"""A project in a folder, and a forge with one pull request."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.action.forge import TOKEN, Forge, serving_forge
from tests.cli.lab import TIME, Lab
from tests.cli.playground import capture_runs


@pytest.fixture
def forge() -> Iterator[Forge]:
    with serving_forge(Forge()) as found:
        yield found


@pytest.fixture
def lab(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lab:
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", TIME)
    return Lab(folder, capture_runs(capsys))


@pytest.fixture
def environment(tmp_path: Path, forge: Forge, lab: Lab) -> dict[str, str]:
    """The variables of a job for a pull request."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    temporary = tmp_path / "runner"
    temporary.mkdir()
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return {
        "PATH": path,
        "HOME": str(tmp_path),
        "LOCKED": "false",
        "RUNNER_TEMP": str(temporary),
        "GITHUB_OUTPUT": str(temporary / "output"),
        "GITHUB_STEP_SUMMARY": str(temporary / "summary"),
        "GITHUB_WORKSPACE": str(lab.folder),
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "lab/data",
        "GITHUB_API_URL": forge.url,
        "GITHUB_TOKEN": TOKEN,
        "ATPUB_ACCOUNT": "",
    }
