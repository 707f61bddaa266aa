"""A true AT Protocol repository in a folder: records in SQLite, blobs in files, signed commits, CAR export.

repo.sqlite     records, what is known of blobs, and the newest commit
blobs/CID       each blob's bytes
key             the signing key
.gitignore      keeps all of it out of git
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from atpub.atproto.data import Blob
from atpub.atproto.repo.block import matches
from atpub.atproto.syntax import Cid, Did, Nsid, RecordPath
from atpub.errors import BlobNotFound, BlobRejected, RepositoryError, RepositoryNotFound
from atpub.repository.filter import FollowUp, RecordFilter, read_with_follow_up
from atpub.repository.interface import BlobSource, Limits
from atpub.repository.local.blobs import BlobFiles, Received
from atpub.repository.local.store import Store
from atpub.repository.local.tables import StoredHead, Tables
from atpub.repository.model import LOCAL_DID, BlobFault, Commit, Head, Live, Page, Record, Write
from atpub.repository.snapshot import record_of

if TYPE_CHECKING:
    from atpub.repository.local.commits import Commits

LIMITS = Limits(writes=200, body=1_000_000)
_HOUR = 3_600_000_000
_ALL = -1  # SQLite's word for no limit


def _now() -> int:
    return time.time_ns() // 1000


class BlockNotFound(RepositoryError):
    """A CID that is not of the newest commit, of a node of its tree, or of a record."""


class LocalRepository:
    """The repository in a folder, which the first write makes; any number of threads and processes may use it at once.

    `clock` gives the time in microseconds since 1970.
    """

    def __init__(self, path: Path, did: Did = LOCAL_DID, clock: Callable[[], int] = _now) -> None:
        self._store = Store(path.absolute(), did)
        self._files = BlobFiles(self._store.blobs)
        self._clock = clock
        self._is_tidy = False

    @classmethod
    def open(cls, path: Path) -> LocalRepository:
        """Return the repository in a folder, whosever it is; raises RepositoryNotFound where there is none."""
        did = Store(path.absolute(), LOCAL_DID).stored_did()
        repository = cls(path, did or LOCAL_DID)
        if did is None or repository.head() is None:
            repository.close()
            raise repository._not_found()
        return repository

    @cached_property
    def _commits(self) -> Commits:
        from atpub.repository.local.commits import Commits  # trees, signatures and CAR files, which no plan needs

        return Commits(self._store)

    @property
    def did(self) -> Did:
        """The DID of its account."""
        return self._store.did

    @property
    def limits(self) -> Limits:
        """The limits of one commit, as on the reference PDS."""
        return LIMITS

    def blob_limit(self) -> None:
        """Blobs may have any size."""

    @property
    def public_key(self) -> str:
        """The key that signs the commits, as a `did:key`; raises RepositoryNotFound before the first commit."""
        key = self._commits.public_key()
        if key is None:
            raise self._not_found()
        return key

    def head(self) -> Head | None:
        """Return the newest commit; None before the first."""
        with self._store.reading() as tables:
            head = tables.head() if tables else None
        return Head(Cid.of_bytes(head.cid), head.rev) if head else None

    def read(self, wanted: RecordFilter, follow_up: FollowUp | None = None, *, recall: bool = False) -> Live:
        """Return the records that a filter and its follow-up select, all at one head, with each CID checked.

        Of their blobs, it looks at the presence and the size of each file.
        There are none before the first commit. Raises RepositoryError where a record is damaged.
        """
        del recall  # nothing is nearer than the file
        with self._store.reading() as tables:
            head = tables.head() if tables else None
            if not tables or not head:
                return Live(self.did, None, {})
            _, records = read_with_follow_up(lambda part: self._records(tables, part), wanted, follow_up)
            blobs = tables.blobs_of(str(path).encode() for path in records)
            lost = frozenset(cid for cid, size in blobs if not self._files.holds(cid, size))
        return Live(self.did, Head(Cid.of_bytes(head.cid), head.rev), records, lost)

    def get_record(self, path: RecordPath) -> Record | None:
        """Return the record there; None where there is none. Raises RepositoryError where it is damaged."""
        return next(iter(self._read(RecordFilter(paths=frozenset((path,))))), None)

    def list_records(
        self, collection: Nsid, limit: int | None = None, cursor: str | None = None, *, reverse: bool = False
    ) -> Page:
        """Return the records of a collection, the highest record key first, or in `reverse` the lowest.

        Raises RepositoryError where one is damaged.
        """
        with self._store.reading() as tables:
            most = _ALL if limit is None else limit + 1
            rows = tables.page(collection, most, cursor, reverse=reverse) if tables and tables.head() else []
        some = [self._check(*row) for row in rows[:limit]]
        return Page(some, some[-1].path.rkey if some and len(some) < len(rows) else None)

    def list_collections(self) -> list[str]:
        """Return the names of the collections that have records, in order."""
        with self._store.reading() as tables:
            return tables.collections() if tables else []

    def list_blobs(self, limit: int, cursor: str | None = None) -> list[Cid]:
        """Return the blobs that records refer to, in the order of their CIDs, from after `cursor` on."""
        with self._store.reading() as tables:
            return tables.used_blobs(limit, cursor) if tables else []

    def find_blob(self, cid: Cid) -> Blob:
        """Return a blob that a record refers to; raises BlobNotFound, also where its file is missing or too short."""
        with self._store.reading() as tables:
            blob = tables.blob(cid) if tables and tables.is_referred_to(cid) else None
        if blob is None or not self._files.holds(cid, blob.size):
            raise BlobNotFound(f"no record in {self._store.folder} refers to a blob {cid} that is there")
        return blob

    def get_blob(self, cid: Cid) -> Iterator[bytes]:
        """Return the bytes of a blob that a record refers to, in chunks; raises BlobNotFound or BlobDamaged."""
        with self._store.reading() as tables:
            if tables is None or not tables.is_referred_to(cid):
                raise BlobNotFound(f"no record in {self._store.folder} refers to the blob {cid}")
        return self._files.read(cid)

    def blob_source(self, cid: Cid) -> Path:
        """Return the file of a blob, which may not be there."""
        return self._files.folder / cid

    def check_blobs(self, paths: Iterable[RecordPath]) -> Mapping[Cid, BlobFault]:
        """Read the blobs of these records; return the faulty ones."""
        with self._store.reading() as tables:
            blobs = tables.blobs_of(str(path).encode() for path in paths) if tables else set[tuple[Cid, int]]()
        faults = ((cid, self._files.fault(cid, size)) for cid, size in sorted(blobs))
        return {cid: fault for cid, fault in faults if fault}

    def export_car(self, stream: BinaryIO) -> None:
        """Write the whole repository to the stream as a CAR file; raises RepositoryNotFound before the first commit."""
        with self._at_head() as (head, tables):
            self._commits.write_all(head, tables, stream)

    def export_proof(self, path: RecordPath, stream: BinaryIO) -> None:
        """Write a CAR file with all that proves the record at a path, or that there is none.

        These are the commit, the nodes of the tree on the way to the path, and the record. Raises RepositoryNotFound
        before the first commit.
        """
        with self._at_head() as (head, tables):
            self._commits.write_proof(head, tables, path, stream)

    def export_blocks(self, cids: Collection[Cid], stream: BinaryIO) -> None:
        """Write a CAR file with blocks of the newest commit, its tree and its records.

        Raises BlockNotFound where one is not among them, and RepositoryNotFound before the first commit.
        """
        wanted = set(map(bytes, cids))
        with self._at_head() as (head, tables):
            found = self._commits.find_blocks(head, tables, wanted)
            if missing := wanted - found.keys():
                raise BlockNotFound(f"there is no block {Cid.of_bytes(min(missing))} in the newest commit")
            self._commits.write_blocks(head, found.items(), stream)

    @contextmanager
    def _at_head(self) -> Generator[tuple[StoredHead, Tables]]:
        """Yield the newest commit and the tables; raises RepositoryNotFound before the first."""
        with self._store.reading() as tables:
            head = tables.head() if tables else None
            if not tables or not head:
                raise self._not_found()
            yield head, tables

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        """Store the bytes, and return the blob as it has to be referred to.

        The MIME type is, as on the reference PDS, what the bytes give away, else the given one without parameters; a
        blob that records refer to keeps the one that it has. Unless a record refers to it within the hour, the blob may
        be collected. Raises BlobRejected or Unavailable.
        """
        del cid  # the bytes are hashed while they are stored
        essence = mime_type.partition(";")[0].strip()
        if "/" not in essence:
            raise BlobRejected(f"{mime_type!r} is not a MIME type", hint="application/octet-stream fits any bytes")
        self._store.create()
        with self._files.receive(source) as received, self._store.writing() as tables:
            return self._keep(received, essence, tables)

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        """Make all the writes in one commit on top of `swap_commit` (None: before the first commit).

        The first one also collects garbage. A record without a `$type` gets it, a wrong one is InvalidInput. Raises
        HeadMoved, RecordConflict, BlobNotFound, BlobRejected, RequestTooLarge, InvalidInput or Unavailable: nothing was
        written.
        """
        batch, now = self._commits.prepare(writes, self.limits), self._clock()
        with self._store.writing() as tables:
            head, changes = self._commits.add(batch, swap_commit, tables, now)
        with suppress(RepositoryError):  # the commit stands: files that stay behind are collected later
            self._remove_files(changes.unused)
            self._tidy(now)
        return Commit(Head(Cid.of_bytes(head.cid), head.rev), changes.cids)

    def collect_garbage(self) -> int:
        """Delete what has been unused for an hour: blobs that no record refers to, and files of broken uploads.

        Returns the number of files.
        """
        with self._store.reading() as tables:
            if tables is None:
                return 0
        return self._collect(self._clock() - _HOUR)

    def _collect(self, before: int) -> int:
        with self._store.writing() as tables:
            for cid in tables.unused_blobs(before):
                tables.delete_blob(cid)
        with self._store.writing() as tables:  # keeps others from storing a blob whose file is about to go
            stale = self._files.older_than(before) - tables.blobs()
            for name in stale:
                self._files.remove(name)
        return len(stale)

    def close(self) -> None:
        """Close the database; a further call opens it again."""
        self._store.close()

    def _tidy(self, now: int) -> None:
        """Collect garbage, after the first commit only: looking for it takes longer than a commit."""
        if not self._is_tidy:
            self._is_tidy = True
            self._collect(now - _HOUR)

    def _read(self, wanted: RecordFilter) -> Sequence[Record]:
        """Return the records that a filter selects; none before the first commit."""
        with self._store.reading() as tables:
            return tuple(self._records(tables, wanted).values()) if tables and tables.head() else ()

    def _records(self, tables: Tables, wanted: RecordFilter) -> dict[RecordPath, Record]:
        rows = tables.records(wanted.collections, wanted.paths)
        records = (self._check(key, cid, block) for key, cid, block in rows)
        return {record.path: record for record in records}

    def _check(self, key: bytes, cid: bytes, block: bytes) -> Record:
        if not matches(cid, block):
            raise self._store.damaged(f"the record {key.decode()} does not match its CID")
        return record_of(key, cid, block)

    def _keep(self, received: Received, mime_type: str, tables: Tables) -> Blob:
        stored = tables.blob(received.cid)
        if stored is None or self._files.fault(received.cid, received.size):  # written over
            self._files.keep(received)
        if stored is not None and tables.is_referred_to(received.cid):
            return stored
        blob = Blob(received.cid, received.sniffed or mime_type, received.size)
        tables.put_blob(blob, self._clock())
        return blob

    def _remove_files(self, cids: Collection[Cid]) -> None:
        """Delete the files of blobs that the tables no longer hold; none is stored again meanwhile."""
        if cids:
            with self._store.writing() as tables:
                for cid in cids:
                    if tables.blob(cid) is None:
                        self._files.remove(cid)

    def _not_found(self) -> RepositoryNotFound:
        return RepositoryNotFound(
            f"there is no repository in {self._store.folder} yet", hint="the first `atpub apply` creates it"
        )
