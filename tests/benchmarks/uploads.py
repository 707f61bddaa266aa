"""Uploads, commit included, against bare ones: over a line of 60 ms there and back, and straight to the server.

Straight to it, the plan is made beforehand, and the bare uploads are as many at once as is fastest. Bound: 1.11 times
as long as those and a createRecord that refers to the blobs, without which the server would delete them.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from atpub.atmosphere import AtmosphereClient, DatasetPublisher
from atpub.atproto.data import JsonObject
from tests.benchmarks.api import SCHEMA, bare_uploads, publish_blobs, shard
from tests.benchmarks.entries import ENTRY, entry
from tests.benchmarks.harness import Run, compare, compare_prepared, seconds
from tests.benchmarks.pds import fresh
from tests.pds.reference import Account, serve

T = TypeVar("T")
DELAY = 0.03  # seconds each way
RUNS = 3
SIZES = (10_240, 100_000, 900_000)
LARGE = ((64, 1_000_000), (8, 50_000_000))
WIDTHS = (2, 4, 8, 16)


@contextmanager
def delaying(url: str) -> Generator[str]:
    """A way to a server on which every byte takes its time."""
    target = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    server = socket.create_connection((target.hostname, target.port))
                    _carry(client, server)
                    _carry(server, client)

        Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _carry(source: socket.socket, sink: socket.socket) -> None:
    pieces: SimpleQueue[tuple[float, bytes]] = SimpleQueue()

    def read() -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                pieces.put((time.monotonic() + DELAY, piece))
        pieces.put((0, b""))

    def write() -> None:
        with suppress(OSError):
            while (item := pieces.get())[1]:
                time.sleep(max(0, item[0] - time.monotonic()))
                sink.sendall(item[1])
            sink.shutdown(socket.SHUT_WR)

    for work in (read, write):
        Thread(target=work, daemon=True).start()


def bench() -> None:
    """Both lines."""
    bench_distant()
    bench_near()


def bench_near() -> None:
    """Large blobs, straight to the server."""
    with serve("0.5", blob_limit=60_000_000) as pds, ExitStack() as stack:
        for number, size in LARGE:
            shards = [shard(each, size) for each in range(number)]

            def apply(shards: Sequence[bytes] = shards) -> Run:
                publisher = _publisher(stack, pds.url, fresh(pds))
                return publisher.plan(publisher.publish_with_blobs, shards, SCHEMA, name="bench").apply

            def upload(at_once: int, shards: Sequence[bytes] = shards) -> Run:
                return partial(bare_uploads(shards, at_once), _client(stack, pds.url, fresh(pds)))

            def create(at_once: int, shards: Sequence[bytes] = shards) -> Run:
                account = fresh(pds)
                return partial(_create, _client(stack, pds.url, account), account.did, bare_uploads(shards, at_once))

            best = min(WIDTHS, key=lambda at_once: min(seconds(upload(at_once)) for _ in range(2)))
            name, theirs = f"PDS {pds.version}: {number} blobs of {size:,} bytes", f"bare uploads, {best} at once"
            compare_prepared(name, apply, f"{theirs}, and createRecord", partial(create, best), runs=2 * RUNS + 1)
            compare_prepared(name, apply, f"{theirs}, of which none stays", partial(upload, best), runs=2 * RUNS + 1)


def bench_distant() -> None:
    """Each size of blob, in turn, over a long line."""
    with serve("0.5") as pds, delaying(pds.url) as url, ExitStack() as stack:
        for size in SIZES:
            shards = [shard(number, size) for number in range(48)]
            publishers = iter([_publisher(stack, url, fresh(pds)) for _ in range(RUNS + 1)])
            clients = iter([_client(stack, url, fresh(pds)) for _ in range(RUNS + 1)])
            publish, upload = publish_blobs(shards), bare_uploads(shards)
            name = f"PDS {pds.version}: {len(shards)} blobs of {size:,} bytes over 60 ms"
            ours, theirs = partial(_run, publish, publishers), partial(_run, upload, clients)
            compare(name, ours, "bare uploads, four at once", theirs, runs=RUNS)


def _create(client: httpx.Client, did: str, upload: Callable[[httpx.Client], Sequence[JsonObject]]) -> None:
    """Upload, and create a record that refers to the blobs."""
    storage: JsonObject = {
        "$type": "science.alt.dataset.storageBlobs",
        "blobs": [{"blob": blob} for blob in upload(client)],
    }
    record = {**entry(0), "storage": storage}
    body = {"repo": did, "collection": ENTRY, "record": record}
    client.post("/xrpc/com.atproto.repo.createRecord", json=body).raise_for_status()


def _run(run: Callable[[T], object], clients: Iterator[T]) -> None:
    run(next(clients))


def _publisher(stack: ExitStack, url: str, account: Account) -> DatasetPublisher:
    client = stack.enter_context(AtmosphereClient(url))
    client.login(account.handle, account.password)
    return DatasetPublisher(client)


def _client(stack: ExitStack, url: str, account: Account) -> httpx.Client:
    headers = {"authorization": f"Bearer {account.access_jwt}"}
    return stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=60))
