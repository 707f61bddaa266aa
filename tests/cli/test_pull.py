"""`atpub pull`: what it prints, its exit codes, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from tests.cli.playground import Ran
from tests.cli.terminal import interruptible
from tests.pulling.servers import ShardServer, running

CONTENT = os.urandom(1 << 20)
MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {image: {nsid: org.lab.image, version: 1.0.0, fields: {text: string}}}
datasets: {d: {schema: image, urls: URL/d-{0..1}.tar, checksums: d.sha256}}
"""


@pytest.fixture
def server() -> Iterator[ShardServer]:
    with running(ShardServer({"/d-0.tar": CONTENT, "/d-1.tar": b"one"})) as made:
        yield made


@pytest.fixture
def uri(folder: Path, atpub: Callable[..., Ran], server: ShardServer) -> str:
    """The URI of a dataset in the embedded repository, whose shards are on the server."""
    lines = [f"{sha256(content).hexdigest()}  {path[1:]}\n" for path, content in server.files.items()]
    (folder / "d.sha256").write_text("".join(lines))
    (folder / "atpub.yaml").write_text(MANIFEST.replace("URL/d-{0..1}.tar", f'"{server.url}/d-{{0..1}}.tar"'))
    done = json.loads(atpub("apply", "--yes", "--json").out)
    text = json.dumps(done)
    start = text.index("at://did:web:local.invalid/science.alt.dataset.entry/")
    return text[start : text.index('"', start)]


def test_a_line_for_each_shard_and_a_summary(uri: str, atpub: Callable[..., Ran]) -> None:
    assert atpub("pull", uri, "--out", "copy") == Ran(
        0, "copy: 2 shards: 2 saved (1.0 MB)\n", "saved   d-0.tar (1.0 MB)\nsaved   d-1.tar (3 B)\n"
    )
    assert atpub("pull", uri, "--out", "copy") == Ran(
        0,
        "copy: 2 shards: 0 saved (0 B), 2 already here\n",
        "present d-0.tar (already here)\npresent d-1.tar (already here)\n",
    )


def test_a_failure_is_told_and_the_exit_code(uri: str, atpub: Callable[..., Ran], server: ShardServer) -> None:
    server.files["/d-1.tar"] = b"two"
    ran = atpub("pull", uri, "--out", "copy")
    assert (ran.code, ran.out) == (1, "copy: 2 shards: 1 saved (1.0 MB), 1 failed\n")
    assert "failed  d-1.tar: d-1.tar is not what its checksum says" in ran.err
    found = json.loads(atpub("pull", uri, "--out", "copy", "--json").out)
    assert (found["uri"], found["folder"]) == (uri, "copy")
    assert [shard["status"] for shard in found["shards"]] == ["present", "failed"]
    assert found["shards"][0]["error"] is None
    assert found["shards"][1]["error"]["code"] == "unavailable"


def test_only_failures_are_told_if_it_is_quiet(uri: str, atpub: Callable[..., Ran], server: ShardServer) -> None:
    server.files["/d-1.tar"] = b"two"
    lines = atpub("pull", uri, "--out", "copy", "-q").err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["failed  d-1.tar"]


def test_the_repository_is_named(uri: str, atpub: Callable[..., Ran], folder: Path) -> None:
    (folder / ".atpub/local").rename(folder / "elsewhere")
    ran = atpub("pull", uri, "--out", "copy")
    assert ran.code == 1
    assert "there is no repository in .atpub/local" in ran.err
    assert "--repository PATH" in ran.err
    assert atpub("pull", uri, "--out", "copy", "--repository", "elsewhere").code == 0


def test_wrong_usage(uri: str, atpub: Callable[..., Ran]) -> None:
    assert atpub("pull", "https://a.test", "--out", "copy").code == 64
    assert atpub("pull", uri).code == 64
    assert atpub("pull", uri, "--out", "copy", "--max-bytes", "0").code == 64
    ran = atpub("pull", uri, "--out", "copy", "--max-bytes", "10")
    assert (ran.code, "more than 10 bytes in all" in ran.err) == (1, True)


@pytest.mark.slow
def test_an_interrupted_pull_is_continued(
    uri: str, atpub: Callable[..., Ran], server: ShardServer, folder: Path
) -> None:
    server.gate = threading.Event()
    command = [sys.executable, "-c", "from atpub.cli import main; main()", "pull", uri, "--out", "copy"]
    with interruptible():
        process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while len(server.requests) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    server.gate.set()
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130, told
    assert sorted(path.name for path in (folder / "copy").iterdir()) == [".atpub-pull"]
    server.gate = None
    server.requests.clear()
    assert atpub("pull", uri, "--out", "copy").code == 0
    assert (folder / "copy/d-0.tar").read_bytes() == CONTENT
    assert dict(server.requests)["/d-0.tar"] is not None
    assert sorted(path.name for path in (folder / "copy").iterdir()) == ["d-0.tar", "d-1.tar"]
