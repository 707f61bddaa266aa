"""Reading a repository's records from a server in as few requests as it takes, and checking every one of them.

com.atproto.sync.getRepo gives all of them in one CAR file, whose tree shows that none is missing. The copy is kept:
from then on com.atproto.sync.getLatestCommit shows that it still holds, or else only what has changed is fetched.
Where a server does not give that file, or it is too large, or mostly about other things, the records are listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Final

from atpub.atproto.repo.block import decoded
from atpub.atproto.repo.car import Car, CarReader, snapshot_of
from atpub.atproto.syntax import Cid, Did, Nsid, RecordPath, SyntaxViolation, Tid
from atpub.atproto.xrpc.client import XrpcClient
from atpub.errors import RepositoryError, RepositoryNotFound, Unavailable
from atpub.generated.com.atproto.sync import get_latest_commit, get_repo
from atpub.repository.backoff import TRIES, back_off
from atpub.repository.filter import INVENTORIES, RecordFilter, completed
from atpub.repository.model import Head, Live, Page, Record
from atpub.repository.pds.cache import LARGEST, Cache, Copy, Listed, Whole
from atpub.repository.pds.listing import Lister

FIRST_LOOK: Final = 8 * 1024 * 1024
"""Bytes of a repository after which it is looked at what they are about, and again whenever they have doubled."""

_TRIES = 3
_FEW = 10  # one record in so many is wanted: the others are not worth fetching


class _NotGiven(Exception):
    """The server does not give the whole repository, or it is not worth fetching; `lasting`: nor will it be later."""

    def __init__(self, *, lasting: bool) -> None:
        super().__init__()
        self.lasting = lasting


def newest_commit(xrpc: XrpcClient, did: Did) -> Head:
    """The head of a repository (com.atproto.sync.getLatestCommit); raises RepositoryNotFound or Unavailable."""
    found = xrpc.query(get_latest_commit.METHOD, get_latest_commit.GetLatestCommitParams(did=did))
    try:
        return Head(Cid.parse(found.cid), Tid.parse(found.rev))
    except SyntaxViolation as error:
        raise Unavailable(f"{xrpc.base}: the newest commit is ill-formed: {error}") from None


class Records:
    """The records of one repository; what was read is kept, so that the same head is not read twice.

    `told` is the head, where the server has just been asked for it: the reading that comes next need not ask again.
    """

    def __init__(
        self,
        xrpc: XrpcClient,
        did: Did,
        cache: Cache | None = None,
        largest: int = LARGEST,
        first_look: int = FIRST_LOOK,
        told: Head | None = None,
    ) -> None:
        self._xrpc = xrpc
        self._did = did
        self._lister = Lister(xrpc, did)
        self._cache = cache
        self._largest = largest
        self._first_look = first_look
        self._told = told
        self._copy: Copy | None = None

    def head(self) -> Head:
        """The newest commit."""
        return newest_commit(self._xrpc, self._did)

    def committed(self, head: Head) -> None:
        """Take note of a commit of our own: whether what is kept is from before it need not be asked."""
        if self._copy is not None and self._copy.head.cid != head.cid:
            self._told = head

    def one(self, path: RecordPath) -> Record | None:
        """The record there by now, in one request; raises RepositoryNotFound or Unavailable."""
        try:
            return self._lister.one(path)
        except (RepositoryNotFound, Unavailable):
            raise
        except RepositoryError:
            self.head()  # of a repository that is not there the reference PDS says only that its record is not
            raise

    def some(self, collection: Nsid, limit: int | None, cursor: str | None) -> Page:
        """The records of a collection by now, as they are listed; raises RepositoryNotFound or Unavailable."""
        return self._lister.some(collection, limit, cursor)

    def read(self, wanted: RecordFilter) -> Live:
        """The records that are wanted, every inventory, and what these list, all at one head.

        Raises RepositoryNotFound, and Unavailable where it does not stand still.
        """
        if self._copy is None and self._cache is not None:
            self._copy = self._cache.load()
        told, self._told = self._told, None
        found = self._read_on(self._copy, wanted, told or self.head()) if self._copy else None
        return found or self._read_anew(wanted)

    def _read_on(self, copy: Copy, wanted: RecordFilter, head: Head) -> Live | None:
        """The same from the last copy, and what has changed since; None where that will not do."""
        match copy:
            case Whole():
                try:
                    return self._kept(self._brought_up_to(head, copy), wanted)
                except RepositoryNotFound:
                    raise
                except (RepositoryError, _NotGiven):  # the server may have forgotten what came since then
                    return None
            case Listed():
                if head.cid == copy.head.cid and wanted <= copy.wanted:
                    return copy.live(wanted)
                same = copy.lasting and wanted.collections <= copy.wanted.collections
                return self._read_lists(wanted, head, lasting=True) if same else None

    def _read_anew(self, wanted: RecordFilter) -> Live:
        """The whole repository. One that is damaged may still list the collections that are wanted."""
        for _ in range(_TRIES):
            try:
                snapshot = snapshot_of(self._fetched(about=completed(wanted, ())), self._did)
                return self._kept(Whole(snapshot, snapshot.head.rev), wanted)
            except _NotGiven as error:
                return self._read_lists(wanted, self.head(), lasting=error.lasting)
            except RepositoryNotFound:
                raise
            except RepositoryError:
                pass  # it may have been written to meanwhile
        return self._read_lists(wanted, self.head(), lasting=False)

    def _read_lists(self, wanted: RecordFilter, head: Head, *, lasting: bool) -> Live:
        """The records as the server lists them, once it has the same head before and after."""
        more = wanted
        if isinstance(self._copy, Listed):  # else two projects would take turns at replacing each other's copy
            more = RecordFilter(wanted.collections | self._copy.wanted.collections, wanted.paths)
        for moves in range(1, TRIES + 1):
            inventories = self._lister.records(INVENTORIES)
            full = completed(more, inventories.values())
            others = RecordFilter(full.collections - INVENTORIES.collections, full.paths)
            records = {**inventories, **self._lister.records(others)}
            before, head = head, self.head()
            if before.cid == head.cid:
                return self._kept(Listed(self._did, head, full, records, lasting), wanted)
            back_off(moves, self._xrpc.http.sleep)
        raise Unavailable(
            f"{self._did} at {self._xrpc.base} cannot be read: somebody else keeps writing to it", hint="try again"
        )

    def _brought_up_to(self, head: Head, copy: Whole) -> Whole:
        """The repository at a head, by what has changed since the copy was made; raises RepositoryError."""
        if head.cid == copy.snapshot.head.cid:
            return copy if head.rev == copy.since else Whole(copy.snapshot, head.rev)
        changes = self._fetched(since=copy.since)
        snapshot = snapshot_of(Car(changes.roots, {**copy.snapshot.blocks, **changes.blocks}), self._did)
        return Whole(snapshot, head.rev if snapshot.head.cid == head.cid else snapshot.head.rev)

    def _kept(self, copy: Copy, wanted: RecordFilter) -> Live:
        """What is wanted of a copy, which is kept if it is sound."""
        live = copy.snapshot.live(wanted) if isinstance(copy, Whole) else copy.live(wanted)
        if copy is not self._copy:
            self._copy = copy
            if self._cache is not None:
                self._cache.save(copy)
        return live

    def _fetched(self, *, since: Tid | None = None, about: RecordFilter | None = None) -> Car:
        """The repository, or what has come since a revision (com.atproto.sync.getRepo).

        Raises _NotGiven where the server does not give it, or it is too large, or not `about` what is wanted; and
        RepositoryError where it breaks off or is damaged.
        """
        reader, size, look = CarReader(), 0, self._first_look
        with ExitStack() as stack:
            for piece in self._opened(get_repo.GetRepoParams(did=self._did, since=since), stack):
                reader.feed(piece)
                size += len(piece)
                if size > self._largest:
                    raise _NotGiven(lasting=True)
                if about is not None and size >= look:
                    look = 2 * size
                    if not _is_about(reader.blocks.values(), about):
                        raise _NotGiven(lasting=True)
        return reader.car()

    def _opened(self, params: get_repo.GetRepoParams, stack: ExitStack) -> Iterator[bytes]:
        try:
            return stack.enter_context(self._xrpc.stream(get_repo.METHOD, params))
        except RepositoryNotFound:
            raise
        except RepositoryError as error:
            raise _NotGiven(lasting=not isinstance(error, Unavailable)) from None


def _is_about(blocks: Iterable[bytes], wanted: RecordFilter) -> bool:
    """Whether more than a few of the records in these blocks are of collections that are wanted."""
    types = [name for name in map(_type_of, blocks) if name is not None]
    return _FEW * sum(name in wanted.collections for name in types) >= len(types)


def _type_of(block: bytes) -> str | None:
    """The type of the record in a block; None where something else is in it."""
    try:
        match decoded(block, "a block"):
            case {"$type": str(name)}:
                return name
            case _:
                return None
    except RepositoryError:
        return None
