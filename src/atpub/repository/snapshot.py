"""A whole repository, or whole collections of it and nothing else, at one head: what import and inventory look at."""

from __future__ import annotations

from collections.abc import Collection
from io import BytesIO

from atpub.atproto.repo.car import read_car, snapshot_of
from atpub.atproto.syntax import Nsid
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Live


def read_all(repository: Repository) -> Live:
    """Every record of a repository, checked; raises RepositoryError where it is not whole, RepositoryNotFound."""
    stream = BytesIO()
    repository.export_car(stream)
    snapshot = snapshot_of(read_car(stream.getvalue()), repository.did)
    return Live(snapshot.did, snapshot.head, snapshot.records())


def read_collections(repository: Repository, collections: Collection[Nsid]) -> Live:
    """Every record of these collections."""
    wanted = RecordFilter(frozenset(collections))
    live = repository.read(wanted)
    return Live(live.did, live.head, {path: record for path, record in live.records.items() if path in wanted})
