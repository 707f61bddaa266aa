"""One publish at a time from Python, on a client that has published before, against bare createRecord calls.

Aim: at most 1.5 times as long, whatever number of entries the account has already. A publish of a project writes its
inventory record, too: it is compared with bare applyWrites calls of both records.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from itertools import count

import httpx

from atpub.atmosphere import AtmosphereClient, DatasetPublisher
from atpub.atproto.data import JsonObject
from atpub.engine.inventory import COLLECTION
from tests.benchmarks.entries import ENTRY, SCHEMA, digest, entry
from tests.benchmarks.harness import compare
from tests.benchmarks.pds import fresh
from tests.pds.reference import ReferencePds, serve

SIZES = (0, 1_000, 5_000)
CALLS, RUNS, BATCH = 10, 7, 500
CREATE, UPDATE = ("com.atproto.repo.applyWrites#create", "com.atproto.repo.applyWrites#update")
LIKE_IT = "org.example.inventory"
"""The collection of a record as large as the inventory record, which no project takes for its own."""
numbers = count()


class Publishing:
    """Datasets, one after another, each under a new name."""

    def __init__(self, client: AtmosphereClient, project: str | None = None) -> None:
        self._publisher = DatasetPublisher(client, project=project)
        self.count = 0

    def publish(self, number: int = CALLS) -> None:
        """Publish so many, each in a call of its own."""
        for _ in range(number):
            self.count += 1
            url = f"https://cdn.example.org/{self.count}.tar"
            checksums = {url: digest(self.count)}
            self._publisher.publish_with_urls([url], SCHEMA, name=f"n{self.count}", checksums=checksums)

    def fill(self, number: int) -> None:
        """Publish until there are so many."""
        while self.count < number:
            with self._publisher.batch():
                self.publish(min(BATCH, number - self.count))


def bench() -> None:
    """Each number of entries, in turn; each kind of publish and the bare calls have an account of their own."""
    with serve("0.5") as pds, logged_in(pds) as client, logged_in(pds) as owner, AtmosphereClient(pds.url) as other:
        peer = fresh(pds)
        other.login(peer.handle, peer.password)
        ours, owned, filler = Publishing(client), Publishing(owner, "bench"), Publishing(other)
        headers = {"authorization": f"Bearer {peer.access_jwt}"}
        with httpx.Client(base_url=pds.url, headers=headers, timeout=60) as http:

            def theirs() -> None:
                for number in range(CALLS):
                    body = {"repo": peer.did, "collection": ENTRY, "record": entry(number)}
                    http.post("/xrpc/com.atproto.repo.createRecord", json=body).raise_for_status()

            def both() -> None:
                listed = {**largest_inventory(owner), "$type": LIKE_IT}
                for number in range(CALLS):
                    write: JsonObject = {"$type": CREATE, "collection": ENTRY, "value": entry(number)}
                    again: JsonObject = {"$type": UPDATE, "collection": LIKE_IT, "rkey": "x"}
                    writes = [write, {**again, "value": {**listed, "number": next(numbers)}}]
                    body = {"repo": peer.did, "writes": writes}
                    http.post("/xrpc/com.atproto.repo.applyWrites", json=body).raise_for_status()

            other.put_record(LIKE_IT, "x", {})
            for size in SIZES:
                for publishing in (ours, owned, filler):
                    publishing.fill(size)
                name = f"PDS {pds.version}: {CALLS} publishes, one by one, at {size:,} entries"
                compare(name, ours.publish, "bare createRecord", theirs, runs=RUNS)
                compare(f"{name} of a project", owned.publish, "bare applyWrites of both records", both, runs=RUNS)


@contextmanager
def logged_in(pds: ReferencePds) -> Generator[AtmosphereClient]:
    """Open a client of a new account."""
    account = fresh(pds)
    with AtmosphereClient(pds.url) as client:
        client.login(account.handle, account.password)
        yield client


def largest_inventory(client: AtmosphereClient) -> JsonObject:
    """Return the value of the largest inventory record."""
    empty: JsonObject = {}
    values: list[JsonObject] = [dict(record) for record in client.list_records(COLLECTION)[0]]
    return max(values, key=lambda value: len(str(value)), default=empty)
