"""Reading 10,000 records from the reference PDS, each checked, against bare httpx and libipld that check nothing."""

import secrets
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import libipld

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import Nsid, RecordPath, Rkey, Tid
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.repository.filter import RecordFilter
from atpub.repository.model import Create, Live
from atpub.repository.pds import connect
from tests.benchmarks.harness import compare
from tests.pds.reference import VERSIONS, Account, ReferencePds, serve

COUNT, BATCH = 10_000, 200
COLLECTION = Nsid("org.example.note")
WANTED = RecordFilter(frozenset([COLLECTION]))


def record(number: int) -> JsonObject:
    """A record of a usual size."""
    return {"$type": COLLECTION, "text": f"note {number}", "tags": ["a", "b"], "createdAt": "2026-01-01T00:00:00.000Z"}


def write(pds: ReferencePds, account: Account, numbers: range) -> None:
    """Commit such records."""
    with closing(connect(account.did, pds=pds.url, password=account.password)) as repository:
        head = repository.head()
        for start in range(0, len(numbers), BATCH):
            batch = numbers[start : start + BATCH]
            paths = (RecordPath(COLLECTION, Rkey(Tid.of(1_700_000_000_000_000 + number))) for number in batch)
            writes = [Create(path, record(number)) for path, number in zip(paths, batch, strict=True)]
            head = repository.apply_writes(writes, head.cid if head else None).head


def read(pds: ReferencePds, account: Account, cache: Path | None, *hooks: Callable[[httpx.Response], None]) -> Live:
    """What a new process would do."""
    client = new_client()
    client.client.event_hooks = {"response": [*hooks]}
    with closing(connect(account.did, pds=pds.url, cache=cache, http=HttpClient(client))) as repository:
        return repository.read(WANTED)


def bare(pds: ReferencePds, account: Account) -> None:
    """The same bytes, every block decoded."""
    url = f"{pds.url}/xrpc/com.atproto.sync.getRepo"
    libipld.decode_car(httpx.get(url, params={"did": account.did}, timeout=60).content)


def measure(pds: ReferencePds) -> None:
    """One server: cold, without and with a cache to write; then warm, and after another client's change."""
    account = pds.create_account(f"b{secrets.token_hex(6)}.test")
    write(pds, account, range(COUNT))
    name = f"PDS {pds.version}: {COUNT:,} records"

    def cold(cache: Path | None = None) -> None:
        assert len(read(pds, account, cache).records) >= COUNT

    def cold_and_kept() -> None:
        with tempfile.TemporaryDirectory() as folder:
            cold(Path(folder))

    peer = "httpx and decode_car"
    compare(f"{name}, nothing kept", cold, peer, lambda: bare(pds, account), runs=9)
    compare(f"{name}, cold", cold_and_kept, peer, lambda: bare(pds, account), runs=9)
    with tempfile.TemporaryDirectory() as folder:
        cold(Path(folder))
        compare(f"{name}, warm", lambda: cold(Path(folder)), peer, lambda: bare(pds, account), runs=9)
        tell("nothing changed", pds, account, Path(folder))
        write(pds, account, range(COUNT, COUNT + 1))
        tell("one record more", pds, account, Path(folder))


def tell(what: str, pds: ReferencePds, account: Account, cache: Path) -> None:
    """Print how many requests a reading makes, and what comes back."""
    replies: list[httpx.Response] = []
    start = time.perf_counter()
    live = read(pds, account, cache, replies.append)
    seconds = time.perf_counter() - start
    size = sum(reply.num_bytes_downloaded for reply in replies)
    names = " + ".join(reply.url.path.rpartition(".")[2] for reply in replies)
    print(f"  {what}: {names}, {size:,} bytes, {seconds * 1000:.1f} ms, {len(live.records):,} records", flush=True)


def bench() -> None:
    """Each version in turn (bound: 1.5 times as long as the peer)."""
    for version in VERSIONS:
        with serve(version) as pds:
            measure(pds)
