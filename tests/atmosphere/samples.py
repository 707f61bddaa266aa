"""What the tests publish."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from tests.shards.tars import Member, make_tar

from atpub.atmosphere import AtmosphereClient
from atpub.atmosphere.ready_plan import Event
from atpub.engine.apply import Committed
from atpub.progress import Completed, Progress
from atpub.repository.model import Head

msgpack: Any = import_module("msgpack")  # it has no types
SCHEMA = "at://did:plc:aliceaaaaaaaaaaaaaaaaaaa/science.alt.dataset.schema/org.lab.image:1.0.0"
URL = "https://cdn.example.org/cats-{000..002}.tar"
DIGESTS = {f"cats-{number:03}.tar": f"{number:064x}" for number in range(3)}


@dataclass
class MySample:
    text: str
    label: int
    weight: float | None = None


def shard(*texts: str) -> bytes:
    """A shard with a sample for each text."""
    members = [
        Member(f"{number:06}.msgpack", msgpack.packb({"text": text, "label": number}))
        for number, text in enumerate(texts)
    ]
    return make_tar(members)


@dataclass
class Events:
    """Notes what a publisher tells of."""

    seen: list[Event | Progress] = field(default_factory=list[Event | Progress])

    def __call__(self, event: Event | Progress) -> None:
        self.seen.append(event)

    @property
    def commits(self) -> list[int]:
        """How many records each commit had, since the last look."""
        return [len(event.changes) for event in self._taken() if isinstance(event, Committed)]

    @property
    def uploads(self) -> int:
        """How many blobs were uploaded, since the last look."""
        return sum(isinstance(event, Completed) for event in self._taken())

    def _taken(self) -> Iterator[Event | Progress]:
        seen, self.seen = self.seen, []
        return iter(seen)


def head(client: AtmosphereClient) -> Head | None:
    """The newest commit."""
    return client.account.repository.head()
