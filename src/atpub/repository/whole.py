"""A whole repository, or whole collections of it and nothing else, at one head: what import and inventory look at."""

from __future__ import annotations

from collections.abc import Collection
from io import BytesIO

from atpub.repository.format.car import read_car, snapshot_of
from atpub.repository.interface import Repository
from atpub.repository.live import Wanted
from atpub.state import Live
from atpub.syntax import Nsid


def read_whole(repository: Repository) -> Live:
    """Every record of a repository, checked; raises RepositoryError where it is not whole, RepositoryNotFound."""
    stream = BytesIO()
    repository.export_car(stream)
    snapshot = snapshot_of(read_car(stream.getvalue()), repository.did)
    return Live(snapshot.did, snapshot.head, snapshot.records())


def read_collections(repository: Repository, collections: Collection[Nsid]) -> Live:
    """Every record of these collections."""
    wanted = Wanted(frozenset(collections))
    live = repository.read(wanted)
    return Live(live.did, live.head, {path: record for path, record in live.records.items() if path in wanted})
