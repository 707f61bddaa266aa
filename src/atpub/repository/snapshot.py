"""Records and heads out of a verified snapshot, and the reading of a whole repository at one head."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from atpub.atproto.data import NotInDataModel, decode
from atpub.atproto.syntax import Cid, Nsid, RecordPath, Rkey, SyntaxViolation
from atpub.errors import OversizedResponse, RepositoryError
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Head, Live, Record

if TYPE_CHECKING:
    from atpub.atproto.repo.car import Snapshot


def read_all(repository: Repository) -> Live:
    """Return every record of a repository, checked.

    Raises RepositoryNotFound, and RepositoryError where the repository is incomplete or damaged.
    """
    from atpub.atproto.repo.car import MOST_BYTES, read_car, snapshot_of  # CAR files, which single records need not

    stream = _Bounded(MOST_BYTES)
    repository.export_car(stream)
    snapshot = snapshot_of(read_car(stream.getvalue()), repository.did)
    return Live(snapshot.did, head_of(snapshot), records_of(snapshot))


class _Bounded(BytesIO):
    """Bytes in memory, of a limited number."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, content: Any, /) -> int:
        """Add bytes; raises OversizedResponse."""
        if self.tell() > self._most:
            raise OversizedResponse(f"the repository has more than {self._most:,} bytes")
        return super().write(content)


def head_of(snapshot: Snapshot) -> Head:
    """Return the head that a snapshot was taken at."""
    return Head(Cid.of_bytes(snapshot.root), snapshot.rev)


def records_of(snapshot: Snapshot, wanted: RecordFilter | None = None) -> dict[RecordPath, Record]:
    """Return the records of a snapshot that a filter selects (None: all of them).

    Decodes no other record. Raises RepositoryError where one of them is malformed.
    """
    selected = snapshot.entries if wanted is None else _select(snapshot.entries, wanted)
    found = (record_of(key, cid, snapshot.blocks[cid]) for key, cid in selected.items())
    return {record.path: record for record in found}


def record_of(key: bytes, cid: bytes, block: bytes) -> Record:
    """Decode the record with that key in its repository's tree; raises RepositoryError."""
    collection, _, rkey = key.decode(errors="replace").partition("/")
    try:
        return Record(RecordPath(_parse_collection(collection), Rkey.parse(rkey)), Cid.of_bytes(cid), decode(block))
    except (SyntaxViolation, NotInDataModel) as error:
        raise RepositoryError(f"the record {key.decode(errors='replace')} is malformed: {error}") from None


def _select(entries: Mapping[bytes, bytes], wanted: RecordFilter) -> Mapping[bytes, bytes]:
    collections = {collection.encode() for collection in wanted.collections}
    paths = {str(path).encode() for path in wanted.paths}
    return {key: cid for key, cid in entries.items() if key.partition(b"/")[0] in collections or key in paths}


_parse_collection = lru_cache(maxsize=256)(Nsid.parse)  # a repository has few of them, and many records of each
