"""A repository on a PDS, over XRPC (AT Protocol specification: Repository, HTTP API).

Reading needs no credentials and sends none; the first write logs in.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from atpub.atproto.auth.access import Authorizer
from atpub.atproto.auth.oauth.scopes import OAuthScope
from atpub.atproto.data import Blob
from atpub.atproto.runtime import Nothing
from atpub.atproto.syntax import RAW, Cid, Did, Nsid, RecordPath, Tid
from atpub.atproto.xrpc.client import XrpcClient, encode_input
from atpub.atproto.xrpc.errors import InvalidRequest, NamelessRefusal, ServerFailed
from atpub.atproto.xrpc.rate_limits import Budget
from atpub.errors import (
    AtpubError,
    AtpubWarning,
    BlobNotFound,
    BlobRejected,
    HeadMoved,
    OutcomeUnknown,
    OversizedResponse,
    RateLimited,
    RepositoryError,
    RequestTooLarge,
    Unavailable,
)
from atpub.generated.com.atproto.repo.apply_writes import METHOD as APPLY_WRITES
from atpub.generated.com.atproto.repo.apply_writes import ApplyWritesInput
from atpub.generated.com.atproto.repo.upload_blob import METHOD as UPLOAD_BLOB
from atpub.generated.com.atproto.server.describe_server import METHOD as DESCRIBE_SERVER
from atpub.generated.com.atproto.sync.get_blob import METHOD as GET_BLOB
from atpub.generated.com.atproto.sync.get_blob import GetBlobParams
from atpub.generated.com.atproto.sync.get_repo import METHOD as GET_REPO
from atpub.generated.com.atproto.sync.get_repo import GetRepoParams
from atpub.repository.filter import FollowUp, RecordFilter
from atpub.repository.interface import UNLIMITED, BlobSource, Limits
from atpub.repository.model import Commit, Head, Live, Page, Record, Write
from atpub.repository.pds import writes as pds_writes
from atpub.repository.pds.cache import Cache
from atpub.repository.pds.records import Records
from atpub.repository.pds.writes import HeadTracker, WriteBatch

WRITES = 200
BODY = 1_000_000
LARGEST_EXPORT = 16 * 1024**3  # bytes of a repository that are written to a file
SMALL_BODY = 150 * 1024  # what the reference PDS takes before 0.5

_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)  # seconds before each look at what became of a write whose reply is lost
_CHUNK = 1024 * 1024
_AGAIN = "run atpub apply again: it reads first what was written"


class PdsRepository:
    """The repository of an account on its server; several threads may upload blobs at once."""

    def __init__(
        self, did: Did, xrpc: XrpcClient, authorizer: Authorizer, cache: Path | None = None, head: Head | None = None
    ) -> None:
        self._did = did
        self._xrpc = xrpc
        self._authorizer = authorizer
        self._records = Records(xrpc, did, Cache(cache, did, xrpc.base) if cache else None, known_head=head)
        self._tracker = HeadTracker()
        self._revisions: dict[Cid, Tid] = {}
        self._body = BODY  # what fits, as far as that can be guessed
        self._too_long = BODY + 1  # what is known not to
        self._blob: tuple[int | None] | None = None
        self._lock = threading.Lock()

    @property
    def did(self) -> Did:
        """The DID of its account."""
        return self._did

    @property
    def url(self) -> str:
        """The URL of its server."""
        return self._xrpc.base

    @property
    def limits(self) -> Limits:
        """The limits of one commit.

        A server does not announce the size of a body: the limit shrinks when one is refused. The points are those that
        its last reply to a write showed; none of its replies showing any limit, there is none.
        """
        budget = self._budget(APPLY_WRITES.nsid)
        if budget is None:
            return Limits(WRITES, self._body, None)
        return Limits(WRITES, self._body, UNLIMITED if budget.points is None else budget.points, budget.reset)

    def login_scope(self) -> OAuthScope | None:
        """Return what the login permits, as far as that is known without a request; None where it is not limited."""
        return self._authorizer.scope()

    def blob_limit(self) -> int | None:
        """Return the largest blob that the server accepts, if it tells (com.atproto.server.describeServer, asked once).

        Raises RateLimited.
        """
        if self._blob is None:
            try:
                limit = self._xrpc.query(DESCRIBE_SERVER, Nothing()).blob_upload_limit
            except RepositoryError:
                limit = None  # what cannot be asked is found out by the upload itself
            self._blob = (limit,)
        return self._blob[0]

    def head(self) -> Head | None:
        """Return the newest commit; an account on a PDS always has one. Raises RepositoryNotFound or Unavailable."""
        head = self._records.head()
        self._revisions[head.cid] = head.rev
        return head

    def read(self, wanted: RecordFilter, follow_up: FollowUp | None = None, *, recall: bool = False) -> Live:
        """Return the records that a filter and its follow-up select, all at one head, with each CID checked.

        With `recall`, what this client has read and then written is not asked for again, except of a server that may
        ignore swaps: a commit on an old head would overwrite what other clients have written since.

        Raises RepositoryNotFound, Unavailable or RateLimited.
        """
        with self._lock:
            if recall and self._xrpc.traits.keeps_swaps and (left := self._records.recall(wanted, follow_up)):
                return left
            live = self._records.read(wanted, follow_up)
            self._tracker.learn(live)
            if live.head is not None:
                self._revisions[live.head.cid] = live.head.rev
            return live

    def get_record(self, path: RecordPath) -> Record | None:
        """Return the current record at a path, its CID checked (com.atproto.repo.getRecord); None where there is none.

        Raises RepositoryNotFound, Unavailable or RateLimited.
        """
        return self._records.one(path)

    def list_records(self, collection: Nsid, limit: int | None = None, cursor: str | None = None) -> Page:
        """Return the current records of a collection, each CID checked (com.atproto.repo.listRecords).

        Raises RepositoryNotFound, Unavailable or RateLimited.
        """
        return self._records.some(collection, limit, cursor)

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        """Upload the bytes and return the blob as the server describes it (com.atproto.repo.uploadBlob).

        The server hashes the bytes: where it comes to the `cid` that is known already, that need not be done here, too.
        Raises BlobRejected, Unavailable, RateLimited or AuthenticationFailed.
        """
        self._check_blob(source.size, mime_type)
        budget = self._budget(UPLOAD_BLOB.nsid)
        if budget and budget.points == 0:
            raise RateLimited(f"{self.url} takes no more uploads for now", reset=budget.reset)
        body = _Body(source, is_hashed=cid is None)
        try:
            output = self._authorizer.authorized(lambda access: self._xrpc.upload(UPLOAD_BLOB, body, mime_type, access))
        except RequestTooLarge as error:
            raise BlobRejected(error.message, hint=f"the blob has {source.size:,} bytes") from None
        if (output.blob.cid, output.blob.size) != (cid or body.cid, body.size):
            sent = body.cid or _cid_of(source)
            if output.blob.cid != sent or output.blob.size != body.size:
                raise Unavailable(f"{self.url} says of the blob {sent} that it is {output.blob.cid}")
        return output.blob

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        """Make all the writes in one commit on top of `swap_commit` (com.atproto.repo.applyWrites).

        Where the server fails or its reply is lost, the repository is read to find out what was done. Raises HeadMoved,
        RecordConflict, BlobNotFound, BlobRejected, RequestTooLarge, InvalidInput, RateLimited, AuthenticationFailed or
        Unavailable: nothing was written; OutcomeUnknown where that cannot be found out.
        """
        if len(writes) > WRITES:
            raise RequestTooLarge(f"{len(writes)} writes in one commit; {WRITES} are allowed")
        batch = pds_writes.prepare(writes)
        if swap_commit is None:
            raise HeadMoved(f"{self._did} has a commit already", hint="read the records again")
        request = pds_writes.request(batch, self._did, swap_commit)
        body = self._checked_body(request)
        self._check_moves(batch, swap_commit)
        try:
            output = self._authorizer.authorized(lambda access: self._xrpc.write(APPLY_WRITES, body, access))
            commit = pds_writes.commit_of(output, batch)
            self._tracker.commit(batch, swap_commit, commit)
            with self._lock:
                self._records.committed(batch, swap_commit, commit)
            return self._check_race(batch, swap_commit, commit)
        except HeadMoved:
            with self._lock:
                self._records.moved()
            raise
        except RequestTooLarge:
            self._too_long = len(body)
            self._body = SMALL_BODY if len(body) > SMALL_BODY else len(body) // 2
            raise
        except (InvalidRequest, NamelessRefusal) as refusal:
            raise self._explain(batch, swap_commit, len(body), refusal) from None
        except OutcomeUnknown as unknown:
            return self._find_outcome(batch, swap_commit, unknown)

    def get_blob(self, cid: Cid) -> Iterator[bytes]:
        """Return the bytes of a blob that a record refers to, checked at the end (com.atproto.sync.getBlob).

        Raises BlobNotFound, and Unavailable where they break off or are not those that the CID stands for.
        """
        chunks = self._blob_chunks(cid)
        try:
            first = next(chunks, b"")
        except InvalidRequest as error:  # so the reference PDS calls a blob that it does not hold
            raise BlobNotFound(error.message) from None
        return chain((first,), chunks)

    def blob_source(self, cid: Cid) -> str:
        """Return the public URL of a blob (com.atproto.sync.getBlob), which the server may not hold."""
        return f"{self.url}/xrpc/{GET_BLOB.nsid}?did={self._did}&cid={cid}"

    def export_car(self, stream: BinaryIO) -> None:
        """Write the whole repository to a stream as a CAR file (com.atproto.sync.getRepo), as the server gives it.

        Raises RepositoryNotFound, and Unavailable where it breaks off or has more bytes than LARGEST_EXPORT.
        """
        size = 0
        with self._xrpc.stream(GET_REPO, GetRepoParams(did=self._did)) as chunks:
            for chunk in chunks:
                size += len(chunk)
                if size > LARGEST_EXPORT:
                    raise OversizedResponse(f"{self.url}: the repository has more than {LARGEST_EXPORT:,} bytes")
                stream.write(chunk)

    def close(self) -> None:
        """Close the connections."""
        self._xrpc.http.close()

    def _budget(self, nsid: str) -> Budget | None:
        return self._xrpc.rate_limits.budget(nsid, self._xrpc.http.clock())

    def _check_blob(self, size: int, mime_type: str) -> None:
        limit = self.blob_limit()
        if limit is not None and size > limit:
            raise BlobRejected(f"the blob has {size:,} bytes; {self.url} takes at most {limit:,}")
        if not mime_type.partition(";")[0].strip():
            raise BlobRejected("a blob needs a MIME type", hint="application/octet-stream says nothing about the bytes")

    def _checked_body(self, request: ApplyWritesInput) -> bytes:
        body = encode_input(request)
        if len(body) >= self._too_long:
            message = f"the records of one commit make {len(body):,} bytes of JSON; {self._too_long:,} are too many"
            raise RequestTooLarge(message)
        return body

    def _check_moves(self, batch: WriteBatch, swap_commit: Cid) -> None:
        """Raise RequestTooLarge for a batch that has to be split, or else the server would lose a record."""
        left = batch.left
        if not left:
            return
        cids = self._tracker.at(swap_commit, left)
        if cids is None:
            live = self.read(RecordFilter(frozenset(path.collection for path in left), batch.paths))
            if live.head is None or live.head.cid != swap_commit:
                raise HeadMoved(f"the newest commit is not {swap_commit}", hint="read the records again")
            cids = {path: record.cid for path, record in live.records.items()}
        conflict = pds_writes.conflict(batch, cids)
        if conflict is not None:
            raise conflict
        moved = pds_writes.relocated_records(batch, cids)
        if moved is not None:
            raise RequestTooLarge(
                f"what is at {moved} goes to another key in the same commit: a PDS would lose the record",
                hint="write it under its new key first, and take it from the old one in a commit of its own",
            )

    def _check_race(self, batch: WriteBatch, swap_commit: Cid, commit: Commit) -> Commit:
        """Return the commit, not `alone` where the server made it on another head than `swap_commit`; and warn then.

        Servers other than the reference PDS may ignore the swap: what has changed since that head then includes
        records that this commit did not write. One that keeps its own is not asked. Where others have committed on top
        of this commit, their changes cannot be told from such a race: the warning names no record then.
        """
        since = self._revisions.get(swap_commit)
        self._revisions[commit.head.cid] = commit.head.rev
        if since is None or self._xrpc.traits.keeps_swaps:
            return commit
        others = self._records.changed_beside(batch.paths, since, commit.head.cid)
        if others is not None and not others:
            return commit
        with self._lock:
            self._records.moved()
        if others:
            message = f"did not keep to swapCommit: another client wrote {min(others)} at the same time"
        else:
            message = "may not have kept to swapCommit: other clients wrote at the same time"
        warnings.warn(f"{self.url} {message} [swap-ignored]", AtpubWarning, stacklevel=2)
        return replace(commit, alone=False)

    def _explain(self, batch: WriteBatch, swap_commit: Cid, body: int, refusal: RepositoryError) -> AtpubError:
        """Return the reason of a refusal that the server gives in prose, by what the repository holds now."""
        live = self.read(RecordFilter(paths=batch.paths))
        if live.head is None or live.head.cid != swap_commit:
            return HeadMoved(refusal.message, hint="read the records again")
        conflict = pds_writes.conflict(batch, live.records)
        if conflict is not None:
            return conflict
        if isinstance(refusal, InvalidRequest) and pds_writes.may_be_too_large(batch, body):
            return RequestTooLarge(refusal.message)
        return refusal

    def _find_outcome(self, batch: WriteBatch, swap_commit: Cid, unknown: OutcomeUnknown) -> Commit:
        """Find out what became of a write, by what the repository holds now.

        A server that failed has finished with it; where the reply is lost, the write may still be under way.
        """
        for pause in _PAUSES:
            self._xrpc.http.sleep(pause)
            live = self._read_after(batch, unknown)
            commit = pds_writes.reconcile(batch, swap_commit, live)
            if commit is not None:
                return commit
            conflict = pds_writes.conflict(batch, live.records)
            if conflict is not None:
                raise conflict from None
            if isinstance(unknown, ServerFailed):
                hint = "the server's own log says why; an integer beyond 2^53 is one reason"
                raise Unavailable(f"{unknown.message}; nothing was written", hint=hint) from None
        raise OutcomeUnknown(
            f"{unknown.message}; so far nothing of it is written",
            hint=_AGAIN,
        )

    def _read_after(self, batch: WriteBatch, unknown: OutcomeUnknown) -> Live:
        try:
            return self.read(RecordFilter(paths=batch.paths))
        except AtpubError as error:
            raise OutcomeUnknown(
                f"{unknown.message}; and then: {error.message}",
                hint=_AGAIN,
            ) from None

    def _blob_chunks(self, cid: Cid) -> Iterator[bytes]:
        digest = sha256()
        params = GetBlobParams(did=self._did, cid=cid)
        with self._xrpc.stream(GET_BLOB, params) as chunks:
            for chunk in chunks:
                digest.update(chunk)
                yield chunk
        if Cid.of_digest(digest.digest(), RAW) != cid:
            raise Unavailable(f"{self.url} gives other bytes than those of the blob {cid}")


class _Body:
    """The bytes of a source; if it `is_hashed`, that is done while they are sent, and `cid` is theirs once all were."""

    def __init__(self, source: BlobSource, *, is_hashed: bool) -> None:
        self._source = source
        self._is_hashed = is_hashed
        self.size = source.size
        self.cid: Cid | None = None

    def __iter__(self) -> Iterator[bytes]:
        digest, sent = sha256(), 0
        with self._source.open() as stream:
            while chunk := stream.read(_CHUNK):
                sent += len(chunk)
                self._check(sent <= self.size)
                if self._is_hashed:
                    digest.update(chunk)
                yield chunk
        self._check(sent == self.size)
        if self._is_hashed:
            self.cid = Cid.of_digest(digest.digest(), RAW)

    def _check(self, fits: bool) -> None:
        if not fits:
            raise BlobRejected(
                f"the blob has not the {self.size:,} bytes that were announced: did it change meanwhile?"
            )


def _cid_of(source: BlobSource) -> Cid | None:
    """Return the CID of a source's bytes, read once more."""
    body = _Body(source, is_hashed=True)
    for _ in body:
        pass
    return body.cid
