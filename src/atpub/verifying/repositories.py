"""The repositories of a run, each opened and read once: those of its records, and those that they refer to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from atpub.atproto.syntax import AtUri, Cid, Did, RecordPath
from atpub.errors import AtpubError, RepositoryNotFound
from atpub.pulling.download import Source, Url
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Live, Record
from atpub.repository.snapshot import read_all
from atpub.verifying.records import Unread

OpenRepository: TypeAlias = Callable[[AtUri], Repository]
"""A function that opens the repository of a URI's authority; its maker closes it."""

MOST_REPOSITORIES: Final = 100
"""The most repositories that are opened for references."""
MOST_TARGETS: Final = 100_000
"""The most records that are read for references."""
_FEW: Final = 8
"""So many records of a repository are asked for one by one."""


class Key(NamedTuple):
    """A record, by its repository and its path."""

    did: str
    path: RecordPath


class Repositories:
    """Repositories by authority, and the records that were read of them."""

    def __init__(self, open_repository: OpenRepository) -> None:
        self._open = open_repository
        self._opened: dict[str, Repository | Unread] = {}
        self._records: dict[Key, Record | Unread | None] = {}

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

    def learn(self, live: Live) -> None:
        """Note records that were read."""
        self._records.update((Key(live.did, path), record) for path, record in live.records.items())

    def read(self, uris: Sequence[AtUri]) -> tuple[Repository, Mapping[RecordPath, Record]]:
        """Return the records at URIs of one authority: records, collections, or all of the repository."""
        repository = self.at(uris[0])
        if any(uri.collection is None for uri in uris):
            live = read_all(repository)
        else:
            collections = frozenset(uri.collection for uri in uris if uri.collection and uri.rkey is None)
            paths = frozenset(uri.path for uri in uris if uri.path)
            live = repository.read(RecordFilter(collections) | RecordFilter(paths=paths))
        self.learn(live)
        return repository, live.records

    def blob_source(self, did: str, cid: Cid) -> Source:
        """Return where the bytes of a blob are."""
        repository = self._opened[did]
        assert not isinstance(repository, str)
        found = repository.blob_source(cid)
        return found if isinstance(found, Path) else Url(found)

    def find(self, uri: AtUri) -> Record | Unread | None:
        """Return the record at a URI that `fetch` was given; None where there is none."""
        repository = self._opened.get(uri.authority, "too-many")
        if isinstance(repository, str):
            return repository
        assert uri.path is not None
        return self._records.get(Key(repository.did, uri.path), "too-many")

    def fetch(self, uris: Iterable[AtUri]) -> None:
        """Read the records at these URIs, as far as they are not known."""
        by_authority: dict[str, dict[RecordPath, AtUri]] = defaultdict(dict)
        for uri in list(dict.fromkeys(uris))[:MOST_TARGETS]:
            assert uri.path is not None
            by_authority[uri.authority][uri.path] = uri
        for authority, wanted in by_authority.items():
            if authority in self._opened or len(self._opened) < MOST_REPOSITORIES:
                self._fetch(authority, wanted)

    def _fetch(self, authority: str, wanted: Mapping[RecordPath, AtUri]) -> None:
        """Read records of one repository; note why it cannot be read."""
        first = next(iter(wanted.values()))
        try:
            repository = self.at(first)
            did = repository.did
            missing = [path for path in wanted if Key(did, path) not in self._records]
            self._records.update(_read(repository, did, missing))
        except RepositoryNotFound:
            self._opened.setdefault(authority, "no-repository")
        except AtpubError:
            self._fail(authority, wanted)

    def _fail(self, authority: str, wanted: Iterable[RecordPath]) -> None:
        repository = self._opened.setdefault(authority, "unreadable")
        if not isinstance(repository, str):
            self._records.update({Key(repository.did, path): "unreadable" for path in wanted})


def _read(repository: Repository, did: Did, paths: Sequence[RecordPath]) -> Mapping[Key, Record | None]:
    if len(paths) <= _FEW:
        return {Key(did, path): repository.get_record(path) for path in paths}
    found = repository.read(RecordFilter(paths=frozenset(paths))).records
    return {Key(did, path): found.get(path) for path in paths}
