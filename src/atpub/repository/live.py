"""The live state that a plan needs, read at one head."""

from __future__ import annotations

from collections.abc import Collection

from atpub.errors import Unavailable
from atpub.inventory import COLLECTION, read_inventories
from atpub.repository.interface import Repository
from atpub.state import Live
from atpub.syntax import Nsid

_TRIES = 3


def read_live(repository: Repository, wanted: Collection[Nsid]) -> Live:
    """The records of the wanted collections, of every inventory, and of what the inventories list, at one head."""
    for _ in range(_TRIES):
        head = repository.head()
        if head is None:
            return Live(repository.did, None, {})
        inventories = repository.read_records([COLLECTION])
        owned = {path.collection for item in read_inventories(inventories.values()).values() for path in item.owned}
        records = repository.read_records([*{COLLECTION, *wanted, *owned}])
        if repository.head() == head:
            return Live(repository.did, head, records)
    raise Unavailable(
        f"{repository.did} changed each time it was read", hint="something else is writing to it; run again later"
    )
