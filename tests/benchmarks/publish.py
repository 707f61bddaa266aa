"""One publish at a time from Python, on a client that has published before, against bare createRecord calls.

Aim: at most 1.5 times as long, whatever number of entries the account has already.
"""

from __future__ import annotations

import httpx

from atpub.atmosphere import AtmosphereClient, DatasetPublisher
from tests.benchmarks.entries import ENTRY, SCHEMA, digest, entry
from tests.benchmarks.harness import compare
from tests.benchmarks.pds import fresh
from tests.pds.reference import serve

SIZES = (0, 1_000, 5_000)
CALLS, RUNS, BATCH = 10, 7, 500


class Publishing:
    """Datasets, one after another, each under a new name."""

    def __init__(self, client: AtmosphereClient) -> None:
        self._publisher = DatasetPublisher(client)
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
    """Each number of entries, in turn; the bare calls go to another account, of as many records."""
    with serve("0.5") as pds, AtmosphereClient(pds.url) as client, AtmosphereClient(pds.url) as other:
        account, peer = fresh(pds), fresh(pds)
        client.login(account.handle, account.password)
        other.login(peer.handle, peer.password)
        ours, filler = Publishing(client), Publishing(other)
        headers = {"authorization": f"Bearer {peer.access_jwt}"}
        with httpx.Client(base_url=pds.url, headers=headers, timeout=60) as http:

            def theirs() -> None:
                for number in range(CALLS):
                    body = {"repo": peer.did, "collection": ENTRY, "record": entry(number)}
                    http.post("/xrpc/com.atproto.repo.createRecord", json=body).raise_for_status()

            for size in SIZES:
                ours.fill(size)
                filler.fill(size)
                name = f"PDS {pds.version}: {CALLS} publishes, one by one, at {size:,} entries"
                compare(name, ours.publish, "bare createRecord", theirs, runs=RUNS)
