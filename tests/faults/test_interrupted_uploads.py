"""Uploads that break off: the next apply sends what is missing, and little more."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from hashlib import shake_256
from pathlib import Path

import pytest
from tests.faults.children import Nursery, nursery
from tests.faults.line import Line, line_to
from tests.pds.reference import PASSWORD, Account, ReferencePds
from tests.shards.tars import Member, make_tar

from atpub.cli.main import run

pytestmark = [pytest.mark.pds, pytest.mark.slow]

SHARDS = 40
SIZE = int(os.environ.get("ATPUB_SHARD_BYTES", "200_000"))
DATA = SHARDS * SIZE
MOST = 1.2
"""How many times the data may be sent, one interruption included."""
MANIFEST = """
atpub: 1
project: lab
schemas: {noise: {nsid: org.lab.noise, version: 1.0.0, members: {bin: bytes}}}
datasets: {numbers: {schema: noise, name: Numbers, blobs: "data/*.tar"}}
"""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uploads")
    (folder / "data").mkdir()
    for number in range(SHARDS):
        content = shake_256(str(number).encode()).digest(SIZE - 10_240)
        (folder / "data" / f"{number:02}.tar").write_bytes(make_tar([Member("0.bin", content)]))
    (folder / "atpub.yaml").write_text(MANIFEST)
    return folder


@pytest.fixture(scope="module")
def children(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    folder = str(tmp_path_factory.mktemp("home"))
    here = {"ATPUB_PASSWORD": PASSWORD, "XDG_CACHE_HOME": folder, "XDG_STATE_HOME": folder}
    with nursery({**os.environ, **here}) as started:
        yield started


@pytest.fixture
def server(pds_servers: object) -> ReferencePds:
    assert callable(pds_servers)
    found = pds_servers("0.5")
    assert isinstance(found, ReferencePds)
    return found


@pytest.fixture
def account(server: ReferencePds, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setenv("ATPUB_PASSWORD", PASSWORD)
    return server.create_account(f"t{os.urandom(6).hex()}.test")


@pytest.fixture
def line(server: ReferencePds) -> Iterator[Line]:
    with line_to(server.url) as found:
        yield found


def arguments(manifest: Path, account: Account, line: Line) -> list[str]:
    return ["apply", "--yes", "-m", str(manifest), "--account", account.did, "--pds", line.url]


def applied(manifest: Path, account: Account, line: Line) -> tuple[int, str]:
    """The exit code and what stderr says."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(arguments(manifest, account, line))
    return code, err.getvalue()


def is_complete(server: ReferencePds, account: Account) -> None:
    """Every blob is there, and a record refers to it: others are not listed."""
    listed = server.xrpc("com.atproto.sync.listBlobs", params={"did": account.did, "limit": 1000})
    assert len(listed["cids"]) == SHARDS


def told(line: Line, what: object) -> None:
    """For `pytest -s`: the ratio that counts."""
    print(f"{what}: {line.sent / DATA:.3f} times the data", file=sys.__stderr__)


@pytest.mark.parametrize("percent", [5, 15, 25, 35, 45, 55, 65, 75, 85, 95])
def test_killed(
    manifest: Path, children: Nursery, server: ReferencePds, account: Account, line: Line, percent: int
) -> None:
    process = children.start(arguments(manifest, account, line))
    line.at_limit = lambda: os.kill(process, signal.SIGKILL)
    line.limit = DATA * percent / 100
    assert children.ended().code == -signal.SIGKILL
    line.cut()
    assert children.run(arguments(manifest, account, line)).code == 0
    is_complete(server, account)
    told(line, f"killed at {percent} %")
    assert line.sent <= MOST * DATA


@pytest.mark.parametrize("percent", [20, 50, 80])
def test_a_line_that_is_cut_once(
    manifest: Path, server: ReferencePds, account: Account, line: Line, percent: int
) -> None:
    """The uploads that were under way are sent again, in the same run."""
    line.limit = DATA * percent / 100
    code, err = applied(manifest, account, line)
    assert code == 0, err
    is_complete(server, account)
    told(line, f"cut at {percent} %")
    assert line.sent <= MOST * DATA


def test_a_line_that_stays_away(manifest: Path, server: ReferencePds, account: Account, line: Line) -> None:
    line.limit, line.at_limit = DATA / 2, line.go_down
    code, err = applied(manifest, account, line)
    assert code in (1, 6), err  # 6: the schema was committed before large blobs were up
    line.is_up = True
    code, err = applied(manifest, account, line)
    assert code == 0, err
    assert "already uploaded" in err
    is_complete(server, account)
    told(line, "down at 50 %")
    assert line.sent <= MOST * DATA
