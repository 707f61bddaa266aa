"""A whole repository, or whole collections of it, read at one head: what import and inventory look at.

Here it does not matter whether the inventories in it can be read.
"""

from __future__ import annotations

from collections.abc import Collection
from io import BytesIO

from atpub.errors import InvalidRecord
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
    try:
        live = repository.read(wanted)
    except InvalidRecord:  # an inventory is damaged
        live = read_whole(repository)
    return Live(live.did, live.head, {path: record for path, record in live.records.items() if path in wanted})
