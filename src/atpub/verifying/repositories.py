"""The repositories of a run, each opened and read once: those of its records, and those that they refer to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from atpub.atproto.syntax import AtUri, Cid, Did, RecordPath
from atpub.errors import AtpubError, RepositoryNotFound
from atpub.pulling.download import Source
from atpub.pulling.entries import OpenRepository, blob_source
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Record
from atpub.repository.snapshot import read_all
from atpub.verifying.records import Unread

MOST_REPOSITORIES: Final = 100
"""The most repositories that are opened for references."""
MOST_TARGETS: Final = 100_000
"""The most records that are read for references."""
MOST_SECONDS: Final = 300.0
"""The time after which no further repository is opened for references."""
_FEW: Final = 8
"""So many records of a repository are asked for one by one."""


class _Key(NamedTuple):
    """A record, by its repository and its path."""

    did: str
    path: RecordPath


class Repositories:
    """Repositories by authority, and the records that were read of them."""

    def __init__(self, open_repository: OpenRepository, clock: Callable[[], float] = lambda: 0.0) -> None:
        """Take a function that opens repositories, and a clock in seconds."""
        self._open = open_repository
        self._clock = clock
        self._opened: dict[str, Repository | Unread] = {}
        self._records: dict[_Key, Record | Unread | None] = {}

    def at(self, uri: AtUri) -> Repository:
        """Return the repository of a URI's authority; raises RepositoryNotFound, Unavailable and others."""
        known = self._opened.get(uri.authority)
        if known is None or isinstance(known, str):
            known = self._open(uri)
            self.add(known, authority=uri.authority)
        return known

    def add(self, repository: Repository, *, authority: str | None = None) -> None:
        """Note an open repository, by its DID and the authority that it was opened for."""
        self._opened[authority or repository.did] = repository
        self._opened.setdefault(repository.did, repository)

    def learn(self, did: Did, records: Mapping[RecordPath, Record | None]) -> None:
        """Note records that were read of a repository, and those that are not there (None)."""
        self._records.update((_Key(did, path), record) for path, record in records.items())

    def read(self, uris: Sequence[AtUri]) -> tuple[Repository, Mapping[RecordPath, Record]]:
        """Return the records at URIs of one authority: records, collections, or all of the repository."""
        repository = self.at(uris[0])
        collections = frozenset(uri.collection for uri in uris if uri.collection and uri.rkey is None)
        paths = frozenset(uri.path for uri in uris if uri.path)
        if any(uri.collection is None for uri in uris):
            records = read_all(repository).records
        elif collections:
            records = repository.read(RecordFilter(collections) | RecordFilter(paths=paths)).records
        else:
            records = {path: record for path, record in _read(repository, paths).items() if record is not None}
        self.learn(repository.did, records)
        return repository, records

    def blob_source(self, did: str, cid: Cid) -> Source:
        """Return where the bytes of a blob are."""
        repository = self._opened[did]
        assert not isinstance(repository, str)
        return blob_source(repository, cid)

    def find(self, uri: AtUri) -> Record | Unread | None:
        """Return the record at a URI that `fetch` was given; None where there is none."""
        repository = self._opened.get(uri.authority, "too-many")
        if isinstance(repository, str):
            return repository
        assert uri.path is not None
        return self._records.get(_Key(repository.did, uri.path), "too-many")

    def fetch(self, uris: Iterable[AtUri]) -> None:
        """Read the records at these URIs, as far as they are not known."""
        by_authority: dict[str, dict[RecordPath, AtUri]] = defaultdict(dict)
        for uri in list(dict.fromkeys(uris))[:MOST_TARGETS]:
            assert uri.path is not None
            by_authority[uri.authority][uri.path] = uri
        end = self._clock() + MOST_SECONDS
        for authority, wanted in by_authority.items():
            if authority in self._opened or (len(self._opened) < MOST_REPOSITORIES and self._clock() < end):
                self._fetch(authority, wanted)

    def _fetch(self, authority: str, wanted: Mapping[RecordPath, AtUri]) -> None:
        """Read records of one repository; note why it cannot be read."""
        first = next(iter(wanted.values()))
        try:
            repository = self.at(first)
            unknown = [path for path in wanted if _Key(repository.did, path) not in self._records]
            self.learn(repository.did, _read(repository, unknown))
        except RepositoryNotFound:
            self._opened.setdefault(authority, "no-repository")
        except AtpubError:
            self._fail(authority, wanted)

    def _fail(self, authority: str, wanted: Iterable[RecordPath]) -> None:
        repository = self._opened.setdefault(authority, "unreadable")
        if not isinstance(repository, str):
            for path in wanted:
                self._records.setdefault(_Key(repository.did, path), "unreadable")


def _read(repository: Repository, paths: Collection[RecordPath]) -> Mapping[RecordPath, Record | None]:
    """Return the records at these paths; None where there is none."""
    if len(paths) <= _FEW:
        return {path: repository.get_record(path) for path in paths}
    found = repository.read(RecordFilter(paths=frozenset(paths))).records
    return {path: found.get(path) for path in paths}
