"""Commands that only read, on a project and caches that cannot be written to."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path

import pytest
from tests.cli.lab import Lab
from tests.read_only import read_only


@pytest.fixture
def caches(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all caches and states."""
    folder = tmp_path_factory.mktemp("caches")
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(folder / "new"))
    return folder


@contextmanager
def sealed(lab: Lab, *folders: Path) -> Generator[None]:
    """The project and other folders are read-only, also by relative names."""
    with ExitStack() as stack:
        for folder in (lab.folder, *folders):
            stack.enter_context(read_only(folder))
        stack.enter_context(chdir(lab.folder))
        yield


@pytest.mark.parametrize("is_hidden", [True, False])
def test_reading_works(lab: Lab, caches: Path, tmp_path_factory: pytest.TempPathFactory, is_hidden: bool) -> None:
    lab.apply()
    if not is_hidden:
        (lab.folder / ".atpub/local/.gitignore").unlink()
    car = tmp_path_factory.mktemp("out") / "repository.car"
    with sealed(lab, caches):
        planned = lab.plan("--detailed-exitcode")
        assert (planned.code, planned.err) == (0, "")
        assert lab.run("inventory", "verify").code == 0
        assert lab.run("export", "--car", str(car)).code == 0
        lost = lab.apply()
        assert (lost.code, "Nothing to do" in lost.out) == (0, True)
    assert car.stat().st_size


def test_writing_is_refused(lab: Lab, caches: Path) -> None:
    lab.apply()
    lab.change(("name: Digits", "name: Numbers"))
    with sealed(lab, caches):
        assert lab.plan("--detailed-exitcode").code == 2
        refused = lab.apply("--json")
        assert refused.code == 1, refused.err
        error = json.loads(refused.out)["error"]
        assert error["message"] == "cannot write .atpub/history: Read-only file system"
        assert "or apply with --no-history" in error["hint"]
        refused = lab.apply("--json", "--no-history")
        assert refused.code == 1, refused.err
        assert "it is read-only" in json.loads(refused.out)["error"]["message"]
        saved = lab.run("plan", "--out", "plan.json")
        assert saved.code == 1
        assert "plan.json" in saved.err


def test_before_the_first_write(lab: Lab, caches: Path) -> None:
    with sealed(lab, caches):
        assert lab.plan("--detailed-exitcode").code == 2
        assert lab.apply().code == 1
