"""Reads while another process commits: each answer is of one commit, and a slow reader holds nothing up."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.repository.samples import NOTE
from tests.serving.running import serving

from atpub.atproto.repo.car import read_car, snapshot_of
from atpub.atproto.repo.commit import parse_commit
from atpub.atproto.repo.mst import keys_of_changes
from atpub.repository.model import LOCAL_DID
from atpub.repository.snapshot import records_of

pytestmark = pytest.mark.slow
READERS = 8
SECONDS = 4.0
ROOT = Path(__file__).parents[2]


@contextmanager
def committing(folder: Path) -> Generator[subprocess.Popen[str]]:
    """Another process makes a commit after the other: a counter goes up, and a record with a blob is made."""
    command = [sys.executable, "-m", "tests.repository.children", "count", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it is ready
        process.stdout.readline()  # and has made its first commit
        threading.Thread(target=process.stdout.read, daemon=True).start()  # else its pipe is full
        try:
            yield process
        finally:
            process.kill()


def read_once(http: httpx.Client) -> int:
    """Read in each way, hold the answers against each other, and return the counter."""
    car = http.get(f"/xrpc/com.atproto.sync.getRepo?did={LOCAL_DID}").raise_for_status().content
    snapshot = snapshot_of(read_car(car), LOCAL_DID)
    records = records_of(snapshot)
    counter = max(int(path.rkey[1:]) for path in records if path.rkey != "counter")
    texts = {str(path.rkey): record.value["text"] for path, record in records.items()}
    assert texts["counter"] == str(counter)
    assert len(records) == counter + 2
    query = f"collection={NOTE}&rkey=counter"
    proof = read_car(http.get(f"/xrpc/com.atproto.sync.getRecord?did={LOCAL_DID}&{query}").raise_for_status().content)
    data = parse_commit(proof.blocks[proof.roots[0]]).data
    assert list(keys_of_changes(data, proof.blocks)) == [f"{NOTE}/counter".encode()]
    page = http.get(f"/xrpc/com.atproto.repo.listRecords?repo={LOCAL_DID}&collection={NOTE}&limit=2").json()
    (blob,) = page["records"][0]["value"]["blobs"]
    where = f"did={LOCAL_DID}&cid={blob['ref']['$link']}"
    found = http.get(f"/xrpc/com.atproto.sync.getBlob?{where}").raise_for_status().content
    assert len(found) == blob["size"]
    return counter


def test_eight_readers_beside_a_writer(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    failures: list[BaseException] = []
    counts: list[list[int]] = [[] for _ in range(READERS)]

    def read(seen: list[int]) -> None:
        try:
            with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
                end = time.monotonic() + SECONDS
                while time.monotonic() < end:
                    seen.append(read_once(http))
        except BaseException as error:
            failures.append(error)

    with committing(folder) as writer, serving(folder) as url:
        threads = [threading.Thread(target=read, args=(seen,)) for seen in counts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert writer.poll() is None
    assert failures == []
    for seen in counts:
        assert seen == sorted(seen)  # no reader goes back in time
    assert max(map(max, counts)) > min(map(min, counts))


def test_a_slow_reader_of_the_repository_keeps_no_transaction_open(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    with committing(folder), serving(folder) as url, httpx.Client(base_url=url, trust_env=False) as http:
        for _ in range(200):
            if read_once(http) > 40:
                break
        with http.stream("GET", f"/xrpc/com.atproto.sync.getRepo?did={LOCAL_DID}") as slow:
            chunks = slow.iter_bytes(1000)
            content = next(chunks)
            before = read_once(http)
            time.sleep(1)
            assert read_once(http) > before
            content += b"".join(chunks)
        snapshot_of(read_car(content), LOCAL_DID)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
