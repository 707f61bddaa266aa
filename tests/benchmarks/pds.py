"""Publishing to the reference PDS: 1,000 dataset entries by URLs, against bare httpx.

Peers: one createRecord for each record, and a bare loop of the same applyWrites calls.
"""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import httpx

from atpub.cli.main import run
from tests.benchmarks.harness import compare
from tests.pds.reference import VERSIONS, Account, ReferencePds, serve

COUNT, BATCH = 1_000, 199
ENTRY = "science.alt.dataset.entry"


def manifest(folder: Path) -> Path:
    """A manifest of many datasets."""
    lines = ["atpub: 1", "project: bench", "schemas:"]
    lines += ["  s: {nsid: org.example.s, version: 1.0.0, fields: {image: ndarray}}", "datasets:"]
    for number in range(COUNT):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        url = f"https://cdn.example.org/{number}.tar"
        lines.append(f'  d{number}: {{schema: s, urls: "{url}", checksums: {{"{number}.tar": {digest}}}}}')
    path = folder / "atpub.yaml"
    path.write_text("\n".join(lines))
    return path


def record(account: Account, number: int) -> dict[str, Any]:
    """The same record as the manifest makes."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    shard = {"url": f"https://cdn.example.org/{number}.tar", "checksum": {"algorithm": "sha256", "digest": digest}}
    return {
        "$type": ENTRY,
        "name": f"d{number}",
        "schemaRef": f"at://{account.did}/science.alt.dataset.schema/org.example.s:1.0.0",
        "storage": {"$type": "science.alt.dataset.storageHttp", "shards": [shard]},
        "size": {"shards": 1},
        "createdAt": "2026-01-01T00:00:00.000Z",
    }


@contextmanager
def client(pds: ReferencePds, account: Account) -> Generator[Callable[[str, dict[str, Any]], None]]:
    """Calls methods as a script would."""
    headers = {"authorization": f"Bearer {account.access_jwt}"}
    with httpx.Client(base_url=f"{pds.url}/xrpc/", headers=headers, timeout=60) as http:

        def call(nsid: str, body: dict[str, Any]) -> None:
            http.post(nsid, json={"repo": account.did, **body}).raise_for_status()

        yield call


def one_by_one(pds: ReferencePds) -> None:
    """One createRecord for each."""
    account = fresh(pds)
    with client(pds, account) as call:
        for number in range(COUNT):
            call("com.atproto.repo.createRecord", {"collection": ENTRY, "record": record(account, number)})


def batches(pds: ReferencePds) -> None:
    """The same applyWrites calls, with nothing around them."""
    account = fresh(pds)
    with client(pds, account) as call:
        for start in range(0, COUNT, BATCH):
            numbers = range(start, min(start + BATCH, COUNT))
            writes = [
                {"$type": "com.atproto.repo.applyWrites#create", "collection": ENTRY, "value": record(account, number)}
                for number in numbers
            ]
            call("com.atproto.repo.applyWrites", {"writes": writes})


def fresh(pds: ReferencePds) -> Account:
    """A new account."""
    return pds.create_account(f"b{secrets.token_hex(6)}.test")


def publish(pds: ReferencePds, path: Path) -> None:
    """Apply the manifest."""
    account = fresh(pds)
    os.environ["ATPUB_PASSWORD"] = account.password
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        code = run(["apply", "-m", str(path), "--yes", "--account", account.did, "--pds", pds.url])
    assert code == 0


def bench() -> None:
    """Each version in turn."""
    for version in VERSIONS:
        with serve(version) as pds, tempfile.TemporaryDirectory() as folder:
            measure(pds, manifest(Path(folder)))


def measure(pds: ReferencePds, path: Path) -> None:
    """One server: both comparisons."""
    name = f"PDS {pds.version}: apply {COUNT:,} entries"
    compare(name, lambda: publish(pds, path), "bare applyWrites", lambda: batches(pds), runs=3)
    found = compare(name, lambda: publish(pds, path), "bare createRecord", lambda: one_by_one(pds), runs=3)
    print(f"  {1 / found.ratio:.1f} times as fast as one createRecord for each")
