"""What the tests of repositories write: bytes, paths, records."""

import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from atpub.atproto.data import Blob, JsonObject
from atpub.atproto.syntax import Cid, Nsid, RecordPath, Rkey
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Create, Record

NOTE = Nsid("com.example.note")
OTHER = Nsid("com.example.other")


@dataclass(frozen=True, slots=True)
class InMemory:
    """A blob source over bytes, which can claim to be longer or shorter than it is."""

    content: bytes
    claimed: int | None = None

    @property
    def size(self) -> int:
        return len(self.content) if self.claimed is None else self.claimed

    def open(self) -> BinaryIO:
        return io.BytesIO(self.content)


def at(rkey: str, collection: Nsid = NOTE) -> RecordPath:
    return RecordPath(collection, Rkey.parse(rkey))


def note(text: str = "hello", *blobs: Blob) -> JsonObject:
    return {"$type": NOTE, "text": text, "blobs": [blob.to_json() for blob in blobs]}


def tar_of(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("a.txt")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def swap(repository: Repository) -> Cid | None:
    """What the next apply_writes has to name."""
    head = repository.head()
    return head.cid if head else None


def notes(repository: Repository) -> dict[RecordPath, Record]:
    """The records of one collection."""
    return read(repository, NOTE)


def read(repository: Repository, *collections: Nsid) -> dict[RecordPath, Record]:
    """The records of whole collections, without those that come with them."""
    found = repository.read(RecordFilter(frozenset(collections))).records
    return {path: record for path, record in found.items() if path.collection in collections}


def content(repository: Repository, blob: Blob) -> bytes:
    return b"".join(repository.get_blob(blob.cid))


def create(repository: Repository, rkey: str, *blobs: Blob) -> None:
    repository.apply_writes([Create(at(rkey), note("hello", *blobs))], swap(repository))


def clock_at(*microseconds: int) -> Callable[[], int]:
    """A clock that shows these times one after the other, and stays at the last."""
    times = list(microseconds)
    return lambda: times.pop(0) if len(times) > 1 else times[0]
