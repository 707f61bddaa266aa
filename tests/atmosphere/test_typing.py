"""What users write passes the strictest settings of two type checkers, and what they get wrong does not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("usage", "wrong_usage"):
        (tmp_path / f"{name}.py").write_text((HERE / f"{name}.txt").read_text("utf-8"), "utf-8")
    return tmp_path


def marked(folder: Path) -> set[tuple[str, int]]:
    lines = (folder / "wrong_usage.py").read_text("utf-8").splitlines()
    return {("wrong_usage.py", number) for number, line in enumerate(lines, 1) if line.endswith("# wrong")}


def run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "MYPYPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_mypy_strict(folder: Path) -> None:
    out = run(folder, "mypy", "--strict", "--no-pretty", "--cache-dir=.cache", "usage.py", "wrong_usage.py")
    found = re.findall(r"^(\S+?):(\d+): error: ", out, re.MULTILINE)
    assert {(file, int(line)) for file, line in found} == marked(folder), out


def test_pyright_strict(folder: Path) -> None:
    config = {"typeCheckingMode": "strict", "pythonVersion": "3.11", "extraPaths": [str(SOURCE)]}
    (folder / "pyrightconfig.json").write_text(json.dumps(config), "utf-8")
    out = run(folder, "basedpyright", "--pythonpath", sys.executable)
    found = re.findall(r"^ +(\S+?):(\d+):\d+ - (?:error|warning): ", out, re.MULTILINE)
    assert {(Path(file).name, int(line)) for file, line in found} == marked(folder), out
