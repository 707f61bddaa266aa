"""Uploads over a line of 60 ms there and back: ours, commit included, against four bare uploads at once."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from atpub.atmosphere import AtmosphereClient, DatasetPublisher
from tests.benchmarks.api import bare_uploads, publish_blobs, shard
from tests.benchmarks.harness import compare
from tests.benchmarks.pds import fresh
from tests.pds.reference import Account, serve

T = TypeVar("T")
DELAY = 0.03  # seconds each way
RUNS = 3
SIZES = (10_240, 100_000, 900_000)


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
    """Each size of blob, in turn."""
    with serve("0.5") as pds, delaying(pds.url) as url, ExitStack() as stack:
        for size in SIZES:
            shards = [shard(number, size) for number in range(48)]
            publishers = iter([_publisher(stack, url, fresh(pds)) for _ in range(RUNS + 1)])
            clients = iter([_client(stack, url, fresh(pds)) for _ in range(RUNS + 1)])
            publish, upload = publish_blobs(shards), bare_uploads(pds, shards)
            name = f"PDS {pds.version}: {len(shards)} blobs of {size:,} bytes over 60 ms"
            ours, theirs = partial(_run, publish, publishers), partial(_run, upload, clients)
            compare(name, ours, "bare uploads, four at once", theirs, runs=RUNS)


def _run(run: Callable[[T], None], clients: Iterator[T]) -> None:
    run(next(clients))


def _publisher(stack: ExitStack, url: str, account: Account) -> DatasetPublisher:
    client = stack.enter_context(AtmosphereClient(url))
    client.login(account.handle, account.password)
    return DatasetPublisher(client)


def _client(stack: ExitStack, url: str, account: Account) -> httpx.Client:
    headers = {"authorization": f"Bearer {account.access_jwt}"}
    return stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=60))
