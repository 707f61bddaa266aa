"""Writing an inventory that was made anew: in one commit where it fits, else in as few as the limits allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from atpub.errors import HeadMoved, PartlyApplied, RequestTooLarge, StalePlan
from atpub.inventory import COLLECTION
from atpub.lexicon import data
from atpub.repository.interface import Repository
from atpub.repository.whole import read_collections
from atpub.state import Delete, Head, Live, Write
from atpub.syntax import Cid, RecordPath

_TRIES: Final = 5
_OVERHEAD: Final = 400
"""Bytes that a write takes in a request beside its record, generously."""


def write_inventory(writes: Sequence[Write], live: Live, repository: Repository) -> tuple[Head, ...]:
    """Make these writes of inventory records, planned on `live`; gives the heads of the commits.

    Raises StalePlan where somebody else has changed an inventory meanwhile, PartlyApplied where that is after a commit.
    """
    known = _inventories(live)
    head, most = live.head, len(writes)
    made: list[Head] = []
    rest, tries = list(writes), _TRIES
    while rest:
        batch = rest[: min(most, _fitting(rest, repository))]
        try:
            commit = repository.apply_writes(batch, head.cid if head else None)
        except RequestTooLarge:
            if len(batch) == 1:
                raise
            most = len(batch) // 2
        except HeadMoved:
            now = read_collections(repository, [COLLECTION])
            tries -= 1
            if _inventories(now) != known or not tries:
                raise _stale(bool(made)) from None
            head = now.head
        else:
            for write, cid in zip(batch, commit.cids, strict=True):
                known.pop(write.path, None)
                if cid is not None:
                    known[write.path] = cid
            head = commit.head
            made.append(head)
            rest = rest[len(batch) :]
    return tuple(made)


def _stale(is_begun: bool) -> StalePlan | PartlyApplied:
    message = "somebody else has changed an inventory meanwhile"
    return (PartlyApplied if is_begun else StalePlan)(message, hint="run it again, and look at what it says")


def _inventories(live: Live) -> dict[RecordPath, Cid]:
    return {path: record.cid for path, record in live.records.items() if path.collection == COLLECTION}


def _fitting(writes: Sequence[Write], repository: Repository) -> int:
    """How many writes, from the first on, one request takes; at least one."""
    limits = repository.limits
    size = 0
    for count, write in enumerate(writes[: limits.writes]):
        # JSON is longer than DAG-CBOR by its quotes; a quarter covers that.
        size += _OVERHEAD + (0 if isinstance(write, Delete) else len(data.encode(write.value)) * 5 // 4)
        if size > limits.body:
            return max(1, count)
    return min(len(writes), limits.writes)
