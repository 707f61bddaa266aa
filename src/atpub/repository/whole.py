"""A whole repository, or whole collections of it, read at one head: what import and inventory look at.

Unlike `read_live`, this does not ask whether the inventories in it can be read.
"""

from __future__ import annotations

from collections.abc import Collection
from io import BytesIO

from atpub.errors import Unavailable
from atpub.repository.format.car import read_car, records_of
from atpub.repository.interface import Repository
from atpub.state import Live
from atpub.syntax import Nsid

_TRIES = 3


def read_whole(repository: Repository) -> Live:
    """Every record of a repository, checked; raises RepositoryError where it is not whole, RepositoryNotFound."""
    stream = BytesIO()
    repository.export_car(stream)
    return records_of(read_car(stream.getvalue()), repository.did)


def read_collections(repository: Repository, collections: Collection[Nsid]) -> Live:
    """Every record of these collections; raises Unavailable where the repository changes all the time."""
    for _ in range(_TRIES):
        head = repository.head()
        records = repository.read_records(collections)
        if repository.head() == head:
            return Live(repository.did, head, records)
    raise Unavailable(
        f"{repository.did} changed each time it was read", hint="something else is writing to it; run again later"
    )
