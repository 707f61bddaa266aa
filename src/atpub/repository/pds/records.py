"""Reading a repository's records from a server in as few requests as it takes, and checking every one of them.

com.atproto.sync.getRepo gives all of them in one CAR file, whose tree shows that none is missing. The copy is kept:
from then on com.atproto.sync.getLatestCommit shows that it still holds, or else only what has changed is fetched.
Where a server does not give that file, or it is too large, or mostly about other things, the records are listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from atpub.atproto.repo import mst
from atpub.atproto.repo.block import decode
from atpub.atproto.repo.car import Car, CarReader, snapshot_of
from atpub.atproto.repo.commit import parse_commit
from atpub.atproto.syntax import Cid, Did, Nsid, RecordPath, SyntaxViolation, Tid
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.errors import InvalidRequest
from atpub.errors import OversizedResponse, RepositoryError, RepositoryNotFound, SlowResponse, Unavailable
from atpub.generated.com.atproto.sync import get_latest_commit, get_repo
from atpub.repository.backoff import TRIES, back_off
from atpub.repository.filter import FollowUp, RecordFilter, read_with_follow_up
from atpub.repository.model import Commit, Delete, Head, Live, Page, Record, Write
from atpub.repository.pds.cache import LARGEST, Cache, Copy, Listed, Whole
from atpub.repository.pds.listing import Lister
from atpub.repository.pds.writes import WriteBatch
from atpub.repository.record_table import RecordTable

FIRST_LOOK: Final = 8 * 1024 * 1024
"""Bytes of a repository after which it is looked at what they are about, and again whenever they have doubled."""

_TRIES = 3
_MOST_BLOCKS = 900_000  # a short block takes as much memory as one of 250 bytes
_FEW = 10  # one record in so many is wanted: the others are not worth fetching


class _NotGiven(Exception):
    """The server does not give the whole repository, or it is not worth fetching; `lasting`: nor will it be later."""

    def __init__(self, *, lasting: bool) -> None:
        super().__init__()
        self.lasting = lasting


def newest_commit(xrpc: XrpcClient, did: Did) -> Head:
    """Return the head of a repository (com.atproto.sync.getLatestCommit); raises RepositoryNotFound or Unavailable."""
    found = xrpc.query(get_latest_commit.METHOD, get_latest_commit.GetLatestCommitParams(did=did))
    try:
        return Head(Cid.parse(found.cid), Tid.parse(found.rev))
    except SyntaxViolation as error:
        raise Unavailable(f"{xrpc.base}: the newest commit is malformed: {error}") from None


@dataclass(frozen=True, slots=True)
class _Query:
    """What a reader asks for."""

    wanted: RecordFilter
    follow_up: FollowUp | None

    def answer(self, copy: Copy) -> tuple[RecordFilter, dict[RecordPath, Record]]:
        """Return the filter extended by its follow-up, and the records of a copy that it selects."""
        return read_with_follow_up(copy.records_in, self.wanted, self.follow_up)


@dataclass(frozen=True, slots=True)
class Recent:
    """The records of the last reading, as the commits on top of it have left them.

    Of the collections and paths of `wanted` none is missing, and of what `follow_up` selects, given their records.
    """

    head: Head
    wanted: RecordFilter
    follow_up: FollowUp | None
    records: Mapping[RecordPath, Record]

    def holds(self, wanted: RecordFilter, follow_up: FollowUp | None = None) -> bool:
        """Return whether the records that a filter and its follow-up select are among these, as far as there are any.

        Looks at the filter's paths alone: that none is missing of what the follow-up selects is sure of each state.
        """
        return (
            follow_up in (None, self.follow_up)
            and wanted.collections <= self.wanted.collections
            and all(path in self.wanted or path in self.records for path in wanted.paths)
        )

    def after(self, batch: WriteBatch, head: Head) -> Recent | None:
        """Return the records after a commit; None where it makes the follow-up select others."""
        changes = {write.path: _written(write, cid) for write, cid in zip(batch.writes, batch.cids, strict=True)}
        gone = frozenset(path for path, record in changes.items() if record is None and path not in self.wanted)
        wanted = self.wanted | RecordFilter(paths=gone) if gone else self.wanted
        after = Recent(head, wanted, self.follow_up, RecordTable.of(self.records).after(changes))
        new = {path: record for path, record in changes.items() if record and path.collection in wanted.collections}
        try:
            return after if self.follow_up is None or after.holds(self.follow_up(new)) else None
        except RepositoryError:  # it is the next reading's
            return None

    def listed(self) -> Listed:
        """Return the records with the filter that selects all of them."""
        return Listed(self.head, self.wanted | RecordFilter(paths=frozenset(self.records)), self.records, lasting=False)


def _written(write: Write, cid: Cid | None) -> Record | None:
    """Return the record that a write leaves."""
    if isinstance(write, Delete) or cid is None:
        return None
    value = write.value if "$type" in write.value else {"$type": write.path.collection, **write.value}
    return Record(write.path, cid, value)


class Records:
    """The records of one repository; what was read is kept, so that the same head is not read twice.

    `known_head` is the head, where the server has just been asked for it: the next reading need not ask again.
    """

    def __init__(
        self,
        xrpc: XrpcClient,
        did: Did,
        cache: Cache | None = None,
        largest: int = LARGEST,
        first_look: int = FIRST_LOOK,
        known_head: Head | None = None,
    ) -> None:
        self._xrpc = xrpc
        self._did = did
        self._lister = Lister(xrpc, did)
        self._cache = cache
        self._largest = largest
        self._first_look = first_look
        self._known_head = known_head
        self._copy: Copy | None = None
        self._recent: Recent | None = None

    def head(self) -> Head:
        """Return the newest commit."""
        return newest_commit(self._xrpc, self._did)

    def committed(self, batch: WriteBatch, swap_commit: Cid, commit: Commit) -> None:
        """Note a commit of this client: what it wrote need not be read again."""
        recent = self._recent
        if recent is not None and recent.head.cid == swap_commit and commit.cids == batch.cids:
            self._recent = recent.after(batch, commit.head)
        else:
            self.moved()
            if self._copy is not None and self._copy.head.cid != commit.head.cid:
                self._known_head = commit.head

    def moved(self) -> None:
        """Note that there is another head than that of the last reading."""
        self._recent = None

    def changed_beside(self, paths: Set[RecordPath], since: Tid, head: Cid) -> Set[str] | None:
        """Return the keys of records that have changed from a revision to a head, besides those at the paths.

        None where there is a newer head, whose changes cannot be told apart; nothing where the server gives no changes.
        """
        try:
            found = self._fetch(since=since)
            if found.roots[0] != bytes(head):
                return None
            commit = parse_commit(found.blocks[found.roots[0]])
            keys = {key.decode(errors="replace") for key in mst.keys_of_changes(commit.data, found.blocks)}
        except (RepositoryError, _NotGiven, LookupError):
            return set()
        return keys - {str(path) for path in paths}

    def one(self, path: RecordPath) -> Record | None:
        """Return the record there by now, in one request; raises RepositoryNotFound or Unavailable."""
        try:
            return self._lister.one(path)
        except (RepositoryNotFound, Unavailable):
            raise
        except RepositoryError:
            self.head()  # of a repository that is not there the reference PDS says only that its record is not
            raise

    def some(self, collection: Nsid, limit: int | None, cursor: str | None) -> Page:
        """Return the records of a collection by now, as they are listed; raises RepositoryNotFound or Unavailable."""
        try:
            return self._lister.some(collection, limit, cursor)
        except InvalidRequest:
            self.head()  # as above
            raise

    def recall(self, wanted: RecordFilter, follow_up: FollowUp | None = None) -> Live | None:
        """Return what the last reading and the commits on top of it hold; None where it is not all that is selected.

        More records may be in it. It takes as long whatever their number.
        """
        recent = self._recent
        if recent is None or not recent.holds(wanted, follow_up):
            return None
        return Live(self._did, recent.head, recent.records)

    def read(self, wanted: RecordFilter, follow_up: FollowUp | None = None) -> Live:
        """Return the records that a filter and its follow-up select, all at one head.

        Raises RepositoryNotFound, and Unavailable where the head keeps changing.
        """
        query, recent = _Query(wanted, follow_up), self._recent
        if self._copy is None and self._cache is not None:
            self._copy = self._cache.load()
        head, self._known_head = self._known_head, None
        if self._copy is None:
            return self._read_anew(query)
        head = head or self.head()
        if recent is not None and (found := _answer_at(head, recent.listed(), query)) is not None:
            return Live(self._did, head, found)
        return self._read_on(self._copy, query, head) or self._read_anew(query)

    def _read_on(self, copy: Copy, query: _Query, head: Head) -> Live | None:
        """Return the answer from the last copy and what has changed since; None where that is not possible."""
        match copy:
            case Whole():
                try:
                    return self._keep(self._bring_up_to(head, copy), query)
                except RepositoryNotFound:
                    raise
                except (RepositoryError, _NotGiven):  # the server may have forgotten what came since then
                    return None
            case Listed():
                if not query.wanted.collections <= copy.wanted.collections:
                    return None
                records = _answer_at(head, copy, query)
                if records is not None:
                    return Live(self._did, copy.head, records)
                return self._read_lists(query, head, lasting=True) if copy.lasting else None

    def _read_anew(self, query: _Query) -> Live:
        """Read the whole repository. A damaged one may still list the collections that are wanted."""
        for _ in range(_TRIES):
            try:
                snapshot = snapshot_of(self._fetch(about=query.wanted), self._did)
                return self._keep(Whole(snapshot, snapshot.rev), query)
            except _NotGiven as error:
                return self._read_lists(query, self.head(), lasting=error.lasting)
            except RepositoryNotFound:
                raise
            except (OversizedResponse, SlowResponse):  # as it would be at the next try
                return self._read_lists(query, self.head(), lasting=True)
            except RepositoryError:
                pass  # it may have been written to meanwhile
        return self._read_lists(query, self.head(), lasting=False)

    def _read_lists(self, query: _Query, head: Head, *, lasting: bool) -> Live:
        """Read the records as the server lists them, until it has the same head before and after."""
        last = self._copy if isinstance(self._copy, Listed) else None
        # The last copy's collections are read with it: else two projects would keep replacing each other's copy.
        wider = query.wanted | RecordFilter(last.wanted.collections if last else frozenset())
        for moves in range(1, TRIES + 1):
            known = last if last and last.head.cid == head.cid else Listed(head, RecordFilter(), {}, lasting)
            wanted, records = read_with_follow_up(partial(self._list_rest, known), wider, query.follow_up)
            before, head = head, self.head()
            if before.cid == head.cid:
                copy = Listed(head, known.wanted | wanted, {**known.records, **records}, lasting)
                return self._keep(copy, query)
            back_off(moves, self._xrpc.http.sleep)
        raise Unavailable(
            f"{self._did} at {self._xrpc.base} cannot be read: other clients keep writing to it", hint="try again"
        )

    def _list_rest(self, known: Listed, wanted: RecordFilter) -> Mapping[RecordPath, Record]:
        """Return the records that a filter selects: those that are known, and the others from the server."""
        return {**known.records_in(wanted), **self._lister.records(wanted - known.wanted)}

    def _bring_up_to(self, head: Head, copy: Whole) -> Whole:
        """Return the repository at a head, by what has changed since the copy was made; raises RepositoryError."""
        if head.cid == copy.head.cid:
            return copy if head.rev == copy.since else Whole(copy.snapshot, head.rev)
        changes = self._fetch(since=copy.since)
        snapshot = snapshot_of(Car(changes.roots, {**copy.snapshot.blocks, **changes.blocks}), self._did)
        return Whole(snapshot, head.rev if bytes(head.cid) == snapshot.root else snapshot.rev)

    def _keep(self, copy: Copy, query: _Query) -> Live:
        """Return the answer from a copy, and keep that copy if its records are well-formed."""
        extended, records = query.answer(copy)
        self._recent = Recent(copy.head, extended, query.follow_up, records)
        if copy is not self._copy:
            self._copy = copy
            if self._cache is not None:
                self._cache.save(copy)
        return Live(self._did, copy.head, records)

    def _fetch(self, *, since: Tid | None = None, about: RecordFilter | None = None) -> Car:
        """Return the repository, or what has come since a revision (com.atproto.sync.getRepo).

        Raises _NotGiven where the server does not give it, or it is too large, or not `about` what is wanted; and
        RepositoryError where it breaks off or is damaged.
        """
        reader, size, look = CarReader(), 0, self._first_look
        with ExitStack() as stack:
            for piece in self._open(get_repo.GetRepoParams(did=self._did, since=since), stack):
                reader.feed(piece)
                size += len(piece)
                if size > self._largest or len(reader.blocks) > _MOST_BLOCKS:
                    raise _NotGiven(lasting=True)
                if about is not None and size >= look:
                    look = 2 * size
                    if not _is_about(reader.blocks.values(), about):
                        raise _NotGiven(lasting=True)
        return reader.car()

    def _open(self, params: get_repo.GetRepoParams, stack: ExitStack) -> Iterator[bytes]:
        try:
            try:
                return stack.enter_context(self._xrpc.stream(get_repo.METHOD, params))
            except RepositoryNotFound:
                self.head()  # Cirrus makes the repository of a new account when it is asked for that
                return stack.enter_context(self._xrpc.stream(get_repo.METHOD, params))
        except RepositoryNotFound:
            raise
        except RepositoryError as error:
            raise _NotGiven(lasting=not isinstance(error, Unavailable)) from None


def _answer_at(head: Head, copy: Listed, query: _Query) -> Mapping[RecordPath, Record] | None:
    """Return the answer from a copy of some records; None where it is of another head, or has not all of them."""
    if head.cid != copy.head.cid or not query.wanted.collections <= copy.wanted.collections:
        return None
    extended, records = query.answer(copy)
    return records if extended <= copy.wanted else None


def _is_about(blocks: Iterable[bytes], wanted: RecordFilter) -> bool:
    """Whether more than a few of the records in these blocks are of collections that are wanted."""
    types = [name for name in map(_type_of, blocks) if name is not None]
    return _FEW * sum(name in wanted.collections for name in types) >= len(types)


def _type_of(block: bytes) -> str | None:
    """Return the type of the record in a block; None where something else is in it."""
    try:
        match decode(block, "a block"):
            case {"$type": str(name)}:
                return name
            case _:
                return None
    except RepositoryError:
        return None
