"""Reading a repository's records from a server, and checking every one of them.

com.atproto.sync.getRepo gives all of them in one CAR file, whose tree shows that none is missing; after that only what
has changed is fetched. Where a server does not give it, or it is too large, com.atproto.repo.listRecords has to do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from atpub.errors import RepositoryError, RepositoryNotFound, Unavailable
from atpub.generated.com.atproto.repo import list_records
from atpub.generated.com.atproto.sync import get_latest_commit, get_repo
from atpub.lexicon.data import NotInDataModel, cid_of
from atpub.repository.car import Car, read_car, records_of
from atpub.repository.pds_http import TooLong
from atpub.repository.xrpc import Xrpc
from atpub.state import Head, Live, Record
from atpub.syntax import AtUri, Cid, Did, Nsid, RecordPath, SyntaxViolation, Tid

LARGEST_CAR = 256 * 1024 * 1024
_PAGE = 100  # the most that the reference PDS gives at once
_TRIES = 3


@dataclass(frozen=True, slots=True)
class _Known:
    """The repository at a head, as it was last fetched."""

    head: Head
    car: Car


class Records:
    """The records of one repository; what was fetched is kept, so that the same head is not fetched twice."""

    def __init__(self, xrpc: Xrpc, did: Did, largest_car: int = LARGEST_CAR) -> None:
        self._xrpc = xrpc
        self._did = did
        self._largest = largest_car
        self._known: _Known | None = None
        self._only_lists = False

    def head(self) -> Head:
        """The newest commit (com.atproto.sync.getLatestCommit)."""
        params = get_latest_commit.GetLatestCommitParams(did=self._did)
        found = self._xrpc.query(get_latest_commit.METHOD, params)
        try:
            return Head(Cid.parse(found.cid), Tid.parse(found.rev))
        except SyntaxViolation as error:
            raise Unavailable(f"{self._xrpc.base}: the newest commit is ill-formed: {error}") from None

    def read(self, collections: Collection[Nsid]) -> Live:
        """The records of these collections at one head; raises Unavailable where it does not stand still."""
        trouble = RepositoryError("")
        for _ in range(_TRIES):
            head = self.head()
            try:
                live = self._listed(head, collections) if self._only_lists else self._in_car(head, collections)
            except _Changed as error:
                trouble = error
            else:
                return live
        raise Unavailable(f"{self._did} at {self._xrpc.base}: {trouble.message}", hint="try again")
