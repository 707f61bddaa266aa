"""How often a command reads a file: once for its digest, and once to upload it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.shards.tars import Member, make_tar

from atpub.cli.main import run

COUNTER = Path("/proc/self/io")
SIZE = 20_000_000
MANIFEST = """
atpub: 1
project: lab
schemas: {noise: {nsid: org.lab.noise, version: 1.0.0, members: {bin: bytes}}}
datasets: {numbers: {schema: noise, name: Numbers, blobs: "data/*.tar"}}
"""

pytestmark = pytest.mark.skipif(not COUNTER.exists(), reason="Linux counts what a process reads")


def bytes_read() -> int:
    return int(COUNTER.read_text().split()[1])


def test_apply_reads_each_file_once_for_its_digest_and_once_to_upload_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/0.tar").write_bytes(make_tar([Member("0.bin", os.urandom(SIZE))]))
    (tmp_path / "atpub.yaml").write_text(MANIFEST)
    target = ["-m", str(tmp_path), "--account", f"local:{tmp_path / 'repository'}"]
    before = bytes_read()
    assert run(["plan", *target]) == 0
    planned = bytes_read()
    os.utime(tmp_path / "data/0.tar", (0, 0))  # not in the cache
    assert run(["apply", "--yes", *target]) == 0
    assert [round((planned - before) / SIZE, 1), round((bytes_read() - planned) / SIZE, 1)] == [1.0, 2.0]
