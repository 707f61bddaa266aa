"""A server in a thread of its own, over a repository that a test fills."""

import asyncio
import threading
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
from tests.repository.samples import InMemory, at, note, swap, tar_of

from atpub.atproto.data import Blob
from atpub.atproto.syntax import Did, Nsid
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID, Create, Write
from atpub.serving.identity import ServedAccount
from atpub.serving.methods import Methods
from atpub.serving.server import DEFAULT_TIMEOUTS, ServerTimeouts, listen, serve, url_of
from atpub.serving.site import Site

LARGE = 3 * 1024 * 1024 + 17


@dataclass(frozen=True)
class Served:
    """A running server; `http` asks it."""

    url: str
    folder: Path
    did: Did
    blobs: tuple[Blob, ...]
    http: httpx.Client

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def get(self, nsid: str, **params: object) -> httpx.Response:
        return self.ask("GET", nsid, params)

    def blob(self, blob: Blob, method: str = "GET", **headers: str) -> httpx.Response:
        return self.ask(method, "com.atproto.sync.getBlob", {"did": self.did, "cid": blob.cid}, headers)

    def ask(
        self, method: str, nsid: str, params: Mapping[str, object], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self.http.request(method, f"/xrpc/{nsid}?{urlencode(params)}", headers=headers)


def fill(repository: LocalRepository, records: int = 120) -> tuple[Blob, ...]:
    """Make records in several collections, and blobs: a tar, text, a large one, and one of no record."""
    tar = repository.upload_blob(InMemory(tar_of(b"x")), "application/octet-stream")
    page = repository.upload_blob(InMemory(b"<script>alert(1)</script>"), "text/html")
    large = repository.upload_blob(InMemory(bytes(range(256)) * (LARGE // 256) + b"x" * (LARGE % 256)), "application/x")
    unused = repository.upload_blob(InMemory(b"of no record"), "text/plain")
    writes: list[Write] = [Create(at(f"n{number:04d}"), note(f"№ {number}")) for number in range(records)]
    other = Nsid("com.example.note2")
    writes += [Create(at("blobs"), note("blobs", tar, page, large)), Create(at("x", other), {"$type": other})]
    for start in range(0, len(writes), 150):
        repository.apply_writes(writes[start : start + 150], swap(repository))
    return tar, page, large, unused


@contextmanager
def running(
    folder: Path,
    *,
    did: Did = LOCAL_DID,
    catalog: Path | None = None,
    origins: frozenset[str] = frozenset(),
    timeouts: ServerTimeouts = DEFAULT_TIMEOUTS,
    port: int = 0,
) -> Generator[Served]:
    """Fill a repository and serve it; no thread is left at the end."""
    with closing(LocalRepository(folder, did)) as repository:
        blobs = fill(repository)
    with (
        serving(folder, catalog=catalog, origins=origins, timeouts=timeouts, port=port) as url,
        httpx.Client(base_url=url, trust_env=False) as http,
    ):
        yield Served(url, folder, did, blobs, http)


@contextmanager
def serving(
    folder: Path,
    *,
    catalog: Path | None = None,
    origins: frozenset[str] = frozenset(),
    timeouts: ServerTimeouts = DEFAULT_TIMEOUTS,
    port: int = 0,
) -> Generator[str]:
    """Serve a repository, and give its URL."""
    with closing(LocalRepository.open(folder)) as repository, listen(port) as listening:
        url = url_of(listening)
        methods = Methods(repository, ServedAccount(repository.did, url))
        site = Site(methods, "atpub", catalog, origins)
        loop, stop = asyncio.new_event_loop(), asyncio.Event()
        thread = threading.Thread(target=lambda: loop.run_until_complete(serve(site, listening, stop, timeouts)))
        thread.start()
        try:
            yield url
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)
            assert not thread.is_alive()
            loop.close()
