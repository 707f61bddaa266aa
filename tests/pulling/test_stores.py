"""Saving and verifying shards in S3, as moto offers it: path-style URLs of the endpoint, and a line that is cut."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest
from tests.pulling.test_pull import ENTRY, NOW, SCHEMA, URI, statuses, write

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri
from atpub.generated import LEXICONS
from atpub.pulling.entries import find_dataset, parse_dataset_uri
from atpub.pulling.partial import FOLDER
from atpub.pulling.run import PulledDataset, pull_dataset
from atpub.repository.local import LocalRepository
from atpub.verifying.batches import BatchReader
from atpub.verifying.model import Verification
from atpub.verifying.repositories import Repositories
from atpub.verifying.run import select_uris, verify_records

pytestmark = pytest.mark.slow

BUCKET = "lab-data"
CONTENT = os.urandom(3 << 20)
KEYS = {"train/d-0.tar": CONTENT, "train/d 1+%.tar": b"one"}


class CutLine:
    """A line to a server that is cut after so many bytes of each of the next answers."""

    def __init__(self, host: str, port: int) -> None:
        self.cuts: list[int] = []
        self._target = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        with ExitStack() as stack:
            while True:
                try:
                    near, _ = self._listener.accept()
                except OSError:
                    return
                far = socket.create_connection(self._target)
                relay = threading.Thread(target=self._relay, args=(near, far, self.cuts.pop(0) if self.cuts else None))
                relay.start()
                stack.callback(relay.join)

    def _relay(self, near: socket.socket, far: socket.socket, most: int | None) -> None:
        done = 0
        with near, far, selectors.DefaultSelector() as selector, suppress(OSError):
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while most is None or done < most:
                for key, _ in selector.select(10):
                    source, sink = cast("socket.socket", key.fileobj), key.data
                    chunk = source.recv(1 << 16)
                    if not chunk:
                        return
                    sink.sendall(chunk)
                    done += len(chunk) if source is far else 0

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture(scope="module")
def moto() -> Iterator[tuple[str, int]]:
    server = import_module("moto.server").ThreadedMotoServer(port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture
def line(moto: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[CutLine]:
    """A line to a store with the shards."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    host, port = moto
    client: Any = import_module("boto3").client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
    with closing(client):
        client.create_bucket(Bucket=BUCKET)
        for key, content in KEYS.items():
            client.put_object(Bucket=BUCKET, Key=key, Body=content, ChecksumAlgorithm="SHA256", ACL="public-read")
    with closing(CutLine(host, port)) as made:
        yield made


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[LocalRepository]:
    with closing(LocalRepository(tmp_path / "repository")) as made:
        yield made


def publish(repository: LocalRepository, endpoint: str, *, digests: bool = True) -> None:
    shards: list[JsonObject] = [
        {
            "key": key,
            "checksum": {"algorithm": "sha256", "digest": sha256(content if digests else b"").hexdigest()},
        }
        for key, content in KEYS.items()
    ]
    storage = {"$type": "science.alt.dataset.storageS3", "bucket": BUCKET, "endpoint": endpoint, "shards": shards}
    write(repository, ENTRY, {"name": "x", "schemaRef": SCHEMA, "createdAt": NOW, "storage": storage})


def pull(repository: LocalRepository, out: Path) -> PulledDataset:
    return pull_dataset(find_dataset(parse_dataset_uri(URI), lambda _: repository), out)


def verify(repository: LocalRepository, *, deep: bool = False) -> Verification:
    repositories = Repositories(lambda _: repository)
    selection = select_uris([AtUri.parse(URI)], repositories)
    return verify_records(selection, LEXICONS.lexicons, repositories, BatchReader(), deep=deep)


def shard_codes(found: Verification) -> list[str]:
    return [item.code for item in found.findings if item.path[:1] == ("storage",)]


def test_shards_are_pulled(repository: LocalRepository, line: CutLine, tmp_path: Path) -> None:
    publish(repository, line.url)
    pulled = pull(repository, tmp_path / "out")
    assert statuses(pulled) == ["saved", "saved"], pulled.error
    assert [file.read_bytes() for file in pulled.files] == list(KEYS.values())
    assert statuses(pull(repository, tmp_path / "out")) == ["present", "present"]


def test_a_cut_line_is_continued(repository: LocalRepository, line: CutLine, tmp_path: Path) -> None:
    publish(repository, line.url)
    line.cuts = [1 << 20, 1 << 20]
    pulled = pull(repository, tmp_path / "out")
    assert statuses(pulled) == ["saved", "saved"], pulled.error
    assert pulled.files[0].read_bytes() == CONTENT


def test_a_later_run_continues(repository: LocalRepository, line: CutLine, tmp_path: Path) -> None:
    publish(repository, line.url)
    line.cuts = [1 << 20] + [1] * 30
    assert "failed" in statuses(pull(repository, tmp_path / "out"))
    line.cuts = []
    left = {path.name: path.stat().st_size for path in (tmp_path / "out" / FOLDER).iterdir() if path.name != "lock"}
    pulled = pull(repository, tmp_path / "out")
    assert [item.status for item in pulled.shards if item.status == "failed"] == []
    assert sum(item.continued for item in pulled.shards) == sum(left.values())
    assert pulled.files[0].read_bytes() == CONTENT


def test_shards_are_verified(repository: LocalRepository, line: CutLine) -> None:
    publish(repository, line.url)
    assert shard_codes(verify(repository)) == []
    assert shard_codes(verify(repository, deep=True)) == ["not-a-tar", "not-a-tar"]


def test_the_digests_that_the_store_states_are_compared(repository: LocalRepository, line: CutLine) -> None:
    publish(repository, line.url, digests=False)
    found = verify(repository)
    assert shard_codes(found) == ["shard-checksum", "shard-checksum"]
    assert found.size == 0
