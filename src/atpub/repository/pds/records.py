"""Reading a repository's records from a server, and checking every one of them.

com.atproto.sync.getRepo gives all of them in one CAR file, whose tree shows that none is missing; after that only what
has changed is fetched. Where a server does not give it, or it is too large, com.atproto.repo.listRecords has to do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from atpub.errors import RepositoryError, RepositoryNotFound, Unavailable
from atpub.generated.com.atproto.repo import list_records
from atpub.generated.com.atproto.sync import get_latest_commit, get_repo
from atpub.lexicon.data import NotInDataModel, cid_of
from atpub.repository.format.car import Car, read_car, records_of
from atpub.repository.pds.http import TooLong
from atpub.repository.pds.xrpc import Xrpc
from atpub.state import Head, Live, Record
from atpub.syntax import AtUri, Cid, Did, Nsid, SyntaxViolation, Tid

LARGEST_CAR = 256 * 1024 * 1024
_PAGE = 100  # the most that the reference PDS gives at once
_TRIES = 3


@dataclass(frozen=True, slots=True)
class _Known:
    """The repository at a head, as it was last fetched."""

    head: Head
    car: Car


class _Unsettled(Exception):
    """The repository was written to while it was read, or so it seems: reading again may succeed."""


class Records:
    """The records of one repository; what was fetched is kept, so that the same head is not fetched twice."""

    def __init__(self, xrpc: Xrpc, did: Did, largest_car: int = LARGEST_CAR) -> None:
        self._xrpc = xrpc
        self._did = did
        self._largest_car = largest_car
        self._known: _Known | None = None
        self._gives_cars = True

    def head(self) -> Head:
        """The newest commit (com.atproto.sync.getLatestCommit)."""
        params = get_latest_commit.GetLatestCommitParams(did=self._did)
        found = self._xrpc.query(get_latest_commit.METHOD, params)
        try:
            return Head(Cid.parse(found.cid), Tid.parse(found.rev))
        except SyntaxViolation as error:
            raise Unavailable(f"{self._xrpc.base}: the newest commit is ill-formed: {error}") from None

    def read(self, collections: Collection[Nsid]) -> Live:
        """The records of these collections, all at one head; raises Unavailable where it does not stand still."""
        trouble = ""
        for read in self._ways:
            try:
                live = read(collections)
            except _Unsettled as error:
                trouble = str(error)
            else:
                if live is not None:
                    return live
        raise Unavailable(f"{self._did} at {self._xrpc.base} cannot be read: {trouble}", hint="try again")

    @property
    def _ways(self) -> tuple[Callable[[Collection[Nsid]], Live | None], ...]:
        """How to read, one after the other. A damaged repository may still list the collections that are wanted."""
        lists = (self._listed,) * _TRIES
        return (self._in_car,) * _TRIES + lists if self._gives_cars else lists

    def _in_car(self, collections: Collection[Nsid]) -> Live | None:
        """The records in what getRepo gives; None where it does not give the repository."""
        known, self._known = self._known, None
        if known is not None:
            head = self.head()
            try:
                return self._kept(self._brought_up_to(head, known), collections)
            except RepositoryError:
                pass  # the server may have forgotten what came since then: ask for everything
        car = self._fetched()
        try:
            return None if car is None else self._kept(car, collections)
        except RepositoryError as error:
            raise _Unsettled(error.message) from None

    def _kept(self, car: Car, collections: Collection[Nsid]) -> Live:
        """The records in a CAR file, which is kept if it is whole; raises RepositoryError."""
        live = records_of(car, self._did, collections)
        assert live.head is not None
        self._known = _Known(live.head, car)
        return live

    def _brought_up_to(self, head: Head, known: _Known) -> Car:
        """The repository at a head, by what has changed since it was fetched; raises RepositoryError."""
        if known.head.cid == head.cid:
            return known.car
        params = get_repo.GetRepoParams(did=self._did, since=known.head.rev)
        content = self._xrpc.fetch(get_repo.METHOD, params, self._largest_car)
        if isinstance(content, TooLong):
            raise RepositoryError("more has changed than is fetched at once")
        changes = read_car(content)
        return Car(changes.roots, {**known.car.blocks, **changes.blocks})

    def _fetched(self) -> Car | None:
        if not self._gives_cars:
            return None
        content: bytes | TooLong | None = None
        try:
            content = self._xrpc.fetch(get_repo.METHOD, get_repo.GetRepoParams(did=self._did), self._largest_car)
        except RepositoryNotFound:
            raise
        except RepositoryError:
            pass
        if isinstance(content, bytes):
            return _read(content)
        self._gives_cars = False
        return None

    def _listed(self, collections: Collection[Nsid]) -> Live:
        head = self.head()
        records = {record.path: record for collection in set(collections) for record in self._list(collection)}
        if self.head().cid != head.cid:
            raise _Unsettled("somebody else keeps writing to it")
        return Live(self._did, head, records)

    def _list(self, collection: Nsid) -> Iterator[Record]:
        """The records of a collection, page by page (com.atproto.repo.listRecords).

        A page that is not full need not be the last: a server may have a smaller limit than the reference PDS.
        """
        cursor: str | None = None
        while True:
            page = self._xrpc.query(
                list_records.METHOD,
                list_records.ListRecordsParams(repo=self._did, collection=collection, limit=_PAGE, cursor=cursor),
            )
            for item in page.records:
                yield self._checked(item, collection)
            if not page.records or page.cursor is None:
                return
            if page.cursor == cursor:
                raise Unavailable(f"{self._xrpc.base} gives the same page of {collection} again and again")
            cursor = page.cursor

    def _checked(self, item: list_records.Record, collection: Nsid) -> Record:
        try:
            path = AtUri.parse(item.uri).path
            cid = cid_of(item.value)
        except (SyntaxViolation, NotInDataModel) as error:
            raise Unavailable(f"{self._xrpc.base}: the record {item.uri} is ill-formed: {error}") from None
        if path is None or path.collection != collection or cid != item.cid:
            raise Unavailable(f"{self._xrpc.base}: the record {item.uri} is not what its address and CID say")
        return Record(path, cid, item.value)


def _read(content: bytes) -> Car:
    try:
        return read_car(content)
    except RepositoryError as error:
        raise _Unsettled(error.message) from None
