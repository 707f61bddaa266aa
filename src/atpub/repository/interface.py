"""The interface of repositories. The contract suite tests every implementation of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from atpub.atproto.data import Blob
from atpub.atproto.syntax import AtUri, Cid, Did, Nsid, RecordPath
from atpub.errors import AtpubError, OversizedResponse, RecordNotFound
from atpub.repository.filter import FollowUp, RecordFilter
from atpub.repository.model import Commit, Head, Live, Page, Record, Write
from atpub.suggest import short_list, suggest

UNLIMITED: Final = 2**63
"""More points than any writes can cost."""
_HINTED: Final = 100
"""The records of a collection whose keys may be suggested: one page of them, which is one request."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one commit: writes, and bytes of its JSON body.

    `points` is what writes may cost until `reset` (seconds since 1970), None while that is unknown.
    """

    writes: int
    body: int
    points: int | None = UNLIMITED
    reset: int | None = None


class BlobSource(Protocol):
    """Bytes that can be read more than once, such as a file or bytes in memory."""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        ...

    def open(self) -> BinaryIO:
        """Return a new stream from its start."""
        ...


class BlobJournal(Protocol):
    """Blobs that were uploaded to one repository and that no record refers to yet; several threads may use it.

    What it holds may be out of date: only a commit shows whether the server still has the blob.
    """

    def find(self, cid: Cid) -> Blob | None:
        """Return the blob as the server has described it; None where it is not known to be there."""
        ...

    def add(self, blob: Blob) -> None:
        """Add a blob whose upload has succeeded."""
        ...

    def remove(self, cids: Iterable[Cid]) -> None:
        """Remove blobs, which a record refers to now, or which are lost."""
        ...


class MemoryJournal:
    """A journal in memory, for one process."""

    def __init__(self) -> None:
        self._blobs: dict[Cid, Blob] = {}

    def find(self, cid: Cid) -> Blob | None:
        """Return the blob; None where it is not known to be there."""
        return self._blobs.get(cid)

    def add(self, blob: Blob) -> None:
        """Add a blob."""
        self._blobs[blob.cid] = blob

    def remove(self, cids: Iterable[Cid]) -> None:
        """Remove blobs."""
        for cid in cids:
            self._blobs.pop(cid, None)


class Repository(Protocol):
    """An AT Protocol repository that records are read from and written to."""

    @property
    def did(self) -> Did:
        """The DID of its account."""
        ...

    @property
    def limits(self) -> Limits:
        """The limits of one commit, as far as they are known without a request."""
        ...

    def blob_limit(self) -> int | None:
        """Return the most bytes of a blob; None where only an upload can tell. May make one request."""
        ...

    def head(self) -> Head | None:
        """Return the newest commit; None where the repository does not exist yet (and the first write makes it)."""
        ...

    def read(self, wanted: RecordFilter, follow_up: FollowUp | None = None, *, recall: bool = False) -> Live:
        """Return the records that a filter selects, all at one head, with each CID checked.

        With `recall`, the answer may be what this client has left, and have other records in it, too: a commit on top
        of that head fails where another client has written since.

        `follow_up` is given the records of the filter's collections, and selects further records to read at that head.
        It may be called more than once. Raises RepositoryNotFound, Unavailable or RateLimited; a failure is never an
        empty answer.
        """
        ...

    def get_record(self, path: RecordPath) -> Record | None:
        """Return the current record at a path, its CID checked; None where there is none.

        Raises RepositoryNotFound, Unavailable or RateLimited.
        """
        ...

    def list_records(self, collection: Nsid, limit: int | None = None, cursor: str | None = None) -> Page:
        """Return the current records of a collection, each CID checked: at most `limit`, from a page's cursor on.

        Raises RepositoryNotFound, Unavailable or RateLimited.
        """
        ...

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        """Upload bytes and return the blob as the repository describes it; may be called by several threads.

        Where the `cid` of the bytes is known already, they need not be hashed. The blob has another one where they have
        changed. A record must refer to the blob soon: until then it may expire. Raises BlobRejected or Unavailable.
        """
        ...

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        """Make all the writes in one commit on top of `swap_commit` (None: on a repository that does not exist yet).

        Raises HeadMoved, RecordConflict, BlobNotFound, BlobRejected, RequestTooLarge, RateLimited: nothing was written.
        Raises OutcomeUnknown where the reply is lost.
        """
        ...

    def get_blob(self, cid: Cid) -> Iterator[bytes]:
        """Return the bytes of a blob that a record refers to, in chunks; raises BlobNotFound.

        Bytes that are not those of the blob raise BlobDamaged or Unavailable after the last chunk.
        """
        ...

    def blob_source(self, cid: Cid) -> Path | str:
        """Return the file or the public URL of a blob, which may not be there."""
        ...

    def export_car(self, stream: BinaryIO) -> None:
        """Write the whole repository to a stream as a CAR file; raises RepositoryNotFound before the first commit."""
        ...

    def close(self) -> None:
        """Close connections and files."""
        ...


def bounded_blob(repository: Repository, blob: Blob) -> Iterator[bytes]:
    """Return the bytes of a blob as `get_blob` does; raises OversizedResponse for more than its record states."""
    size = 0
    for chunk in repository.get_blob(blob.cid):
        size += len(chunk)
        if size > blob.size:
            message = f"the blob {blob.cid} has more than the {blob.size:,} bytes that its record states"
            raise OversizedResponse(message)
        yield chunk


def record_not_found(repository: Repository, path: RecordPath) -> RecordNotFound:
    """Return the error of a record that is not there, with a hint of the keys that its collection has."""
    page = Page((), None)
    with suppress(AtpubError):  # only the hint needs it
        page = repository.list_records(path.collection, limit=_HINTED)
    keys = [record.path.rkey for record in page.records]
    hint = f"the account has no records in {path.collection}"
    if keys:
        has = f"{path.collection} has {short_list(keys)}{' and more' if page.cursor else ''}"
        hint = suggest(path.rkey, keys) or has
    return RecordNotFound(f"there is no record {AtUri.of(repository.did, path)}", hint=hint)
