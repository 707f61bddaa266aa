"""A short run of the fuzzer, in a process of its own: no traceback, no hang, no full memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_damaged_was_valid(target: str, tmp_path: Path) -> None:
    """Damage to a text that is refused anyway would reach nothing behind the refusal."""
    content, run = TARGETS[target]
    assert run(tmp_path, content)


@pytest.mark.slow
def test_damaged_input_is_an_error_and_nothing_worse(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--minutes", "0.2"]
    environment = {"HOME": str(tmp_path), "PYTHONPATH": "."}
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
