"""Publishing from Python against the atproto SDK: the same records, one upload at a time, one createRecord each.

Bounds: small blobs 3 times, batched URLs 8 times as fast; `import atpub` at most a tenth of `import atproto`.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import httpx

from atpub.atmosphere import AtmosphereClient, DatasetPublisher
from atpub.atproto.data import JsonObject
from tests.benchmarks.harness import Comparison, compare
from tests.pds.reference import VERSIONS, ReferencePds, serve
from tests.shards.tars import Member, make_tar

RUNS = 3
SCHEMA = "at://did:plc:aliceaaaaaaaaaaaaaaaaaaa/science.alt.dataset.schema/org.lab.image:1.0.0"
ENTRY = "science.alt.dataset.entry"
URLS = 200

Ours = Callable[[DatasetPublisher], None]
Theirs = Callable[[Any], None]


def shard(number: int, size: int) -> bytes:
    """A real tar of about that many bytes, of which none is like another."""
    content = hashlib.shake_256(str(number).encode()).digest(size - 2048)
    return make_tar([Member("000000.msgpack", content)])


def digest(number: int) -> str:
    """A checksum."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def publish_blobs(shards: Sequence[bytes]) -> Ours:
    """One dataset of all the shards."""
    return lambda publisher: ignore(publisher.publish_with_blobs(shards, SCHEMA, name="bench"))


def sdk_blobs(shards: Sequence[bytes]) -> Theirs:
    """The same with the SDK."""

    def run(client: Any) -> None:
        blobs = [{"blob": client.upload_blob(content).blob.model_dump(by_alias=True)} for content in shards]
        size = {"samples": len(shards), "bytes": sum(map(len, shards)), "shards": len(shards)}
        storage = {"$type": "science.alt.dataset.storageBlobs", "blobs": blobs}
        create(client, "bench", storage, size)

    return run


def publish_urls(publisher: DatasetPublisher) -> None:
    """Many datasets of one URL."""
    for number in range(URLS):
        url = f"https://cdn.example.org/{number}.tar"
        publisher.publish_with_urls([url], SCHEMA, name=f"n{number}", checksums={url: digest(number)})


def publish_batch(publisher: DatasetPublisher) -> None:
    """The same in one batch."""
    with publisher.batch():
        publish_urls(publisher)


def sdk_urls(client: Any) -> None:
    """The same with the SDK."""
    for number in range(URLS):
        checksum = {"algorithm": "sha256", "digest": digest(number)}
        shards = [{"url": f"https://cdn.example.org/{number}.tar", "checksum": checksum}]
        storage = {"$type": "science.alt.dataset.storageHttp", "shards": shards}
        create(client, f"n{number}", storage, {"shards": 1})


def create(client: Any, name: str, storage: dict[str, Any], size: dict[str, int]) -> None:
    """One createRecord."""
    record = {
        "$type": ENTRY,
        "name": name,
        "schemaRef": SCHEMA,
        "storage": storage,
        "size": size,
        "createdAt": "2026-01-01T00:00:00.000Z",
    }
    client.com.atproto.repo.create_record({"repo": client.me_did, "collection": ENTRY, "record": record})


def bare_uploads(shards: Sequence[bytes], at_once: int = 4) -> Callable[[httpx.Client], Sequence[JsonObject]]:
    """The uploads alone, which return the blobs: as fast as the server is, whatever the client."""

    def run(client: httpx.Client) -> Sequence[JsonObject]:
        headers = {"content-type": "application/x-tar"}

        def upload(content: bytes) -> JsonObject:
            response = client.post("/xrpc/com.atproto.repo.uploadBlob", content=content, headers=headers)
            blob: JsonObject = response.raise_for_status().json()["blob"]
            return blob

        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(upload, shards))

    return run


def ignore(_: object) -> None:
    """A call's result is not looked at."""


class Accounts:
    """Logged-in clients of fresh accounts: a run publishes what is not there yet."""

    def __init__(self, pds: ReferencePds, stack: ExitStack) -> None:
        self._pds = pds
        self._stack = stack

    def ours(self) -> Iterator[DatasetPublisher]:
        """Publishers."""
        for handle, password in self._fresh():
            client = self._stack.enter_context(AtmosphereClient(self._pds.url))
            client.login(handle, password)
            yield DatasetPublisher(client)

    def theirs(self) -> Iterator[Any]:
        """Clients of the SDK, with time enough for large blobs."""
        sdk: Any = import_module("atproto")
        for handle, password in self._fresh():
            client = sdk.Client(self._pds.url)
            client.login(handle, password, fetch_bsky_profile=False)
            client.me_did = client._session.did
            client.request._client.timeout = 60.0
            yield client

    def bare(self) -> Iterator[httpx.Client]:
        """Clients with a session, and nothing else."""
        for _ in range(RUNS + 1):
            account = self._pds.create_account(f"b{secrets.token_hex(6)}.test")
            headers = {"authorization": f"Bearer {account.access_jwt}"}
            yield self._stack.enter_context(httpx.Client(base_url=self._pds.url, headers=headers, timeout=60))

    def _fresh(self) -> Iterator[tuple[str, str]]:
        for _ in range(RUNS + 1):
            account = self._pds.create_account(f"b{secrets.token_hex(6)}.test")
            yield account.handle, account.password


def side_by_side(pds: ReferencePds, name: str, ours: Ours, theirs: Theirs) -> Comparison:
    """Both on fresh accounts, which are made and logged in before the clock runs."""
    with ExitStack() as stack:
        accounts = Accounts(pds, stack)
        mine, others = iter([*accounts.ours()]), iter([*accounts.theirs()])
        found = compare(
            f"PDS {pds.version}: {name}",
            lambda: ours(next(mine)),
            "atproto SDK",
            lambda: theirs(next(others)),
            runs=RUNS,
        )
    print(f"  {1 / found.ratio:.1f} times as fast")
    return found


def against_bare(pds: ReferencePds, name: str, shards: Sequence[bytes]) -> None:
    """Ours, commit included, against the bare uploads."""
    ours = publish_blobs(shards)
    theirs = bare_uploads(shards)
    with ExitStack() as stack:
        accounts = Accounts(pds, stack)
        mine, others = iter([*accounts.ours()]), iter([*accounts.bare()])
        compare(
            f"PDS {pds.version}: {name}",
            lambda: ours(next(mine)),
            "bare uploads, four at once",
            lambda: theirs(next(others)),
            runs=RUNS,
        )


def imports() -> None:
    """Whole processes that import one or the other, less bare Python."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def runner(program: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", program], env=clean, check=True)

    bare = compare("python -c pass", runner("pass"), "import atpub", runner("import atpub"), runs=11)
    sdk = compare("python -c pass", runner("pass"), "import atproto", runner("import atproto"), runs=5)
    ours, theirs = (min(found.theirs) - min(found.ours) for found in (bare, sdk))
    print(f"  import atpub: {ours * 1000:.1f} ms, import atproto: {theirs * 1000:.1f} ms (bound: a tenth)")


def bench() -> None:
    """The imports, then each version of the PDS in turn."""
    imports()
    small, large = [shard(number, 10_240) for number in range(100)], [shard(number, 10_000_000) for number in range(8)]
    for version in VERSIONS:
        with serve(version, blob_limit=52_428_800) as pds:
            side_by_side(pds, "100 blobs of 10 kB", publish_blobs(small), sdk_blobs(small))
            against_bare(pds, "100 blobs of 10 kB", small)
            side_by_side(pds, "8 blobs of 10 MB", publish_blobs(large), sdk_blobs(large))
            against_bare(pds, "8 blobs of 10 MB", large)
            side_by_side(pds, f"{URLS} datasets at URLs, batched", publish_batch, sdk_urls)
            side_by_side(pds, f"{URLS} datasets at URLs, one by one", publish_urls, sdk_urls)
