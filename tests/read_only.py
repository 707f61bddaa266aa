"""A folder that nothing can be written to, not even by root: a read-only mount."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def read_only(folder: Path) -> Generator[None]:
    """Mount a folder on itself, read-only; skips the test where this process may not mount."""
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    if not _succeeds("mount", "--bind", str(folder), str(folder)):
        pytest.skip("this process may not mount")
    try:
        if not _succeeds("mount", "-o", "remount,bind,ro", str(folder)):
            pytest.skip("this process may not mount read-only")
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
