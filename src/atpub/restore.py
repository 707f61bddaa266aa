"""Writing an inventory that was made anew: in one commit where it fits, else in as few as the limits allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from atpub.errors import AtpubError, HeadMoved, PartlyApplied, RequestTooLarge, StalePlan
from atpub.inventory import COLLECTION
from atpub.lexicon import data
from atpub.repository.interface import Repository, request_bytes
from atpub.repository.whole import read_collections
from atpub.state import Commit, Delete, Head, Live, Write
from atpub.syntax import Cid, RecordPath

_TRIES: Final = 5


def write_inventory(writes: Sequence[Write], live: Live, repository: Repository) -> tuple[Head, ...]:
    """Make these writes of inventory records, planned on `live`; gives the heads of the commits.

    Raises StalePlan where somebody else has changed an inventory meanwhile, and what the repository raises; where that
    is after a commit, PartlyApplied.
    """
    made: list[Head] = []
    try:
        _commit_all(writes, live, repository, made)
    except AtpubError as error:
        if not made:
            raise
        message = f"{len(made)} commits were made, then: {error.message}"
        raise PartlyApplied(message, hint="run it again, and look at what it says") from error
    return tuple(made)


def _commit_all(writes: Sequence[Write], live: Live, repository: Repository, made: list[Head]) -> None:
    """Make the writes, noting each commit."""
    known, head = _inventories(live), live.head
    rest, most, tries = list(writes), len(writes), _TRIES
    while rest:
        batch = rest[: min(most, _fitting(rest, repository))]
        try:
            commit = repository.apply_writes(batch, head.cid if head else None)
        except RequestTooLarge:
            if len(batch) == 1:
                raise
            most = len(batch) // 2
        except HeadMoved:
            now, tries = read_collections(repository, [COLLECTION]), tries - 1
            if _inventories(now) != known or not tries:
                hint = "run it again, and look at what it says"
                raise StalePlan("somebody else has changed an inventory meanwhile", hint=hint) from None
            head = now.head
        else:
            known = _after(known, batch, commit)
            head, rest = commit.head, rest[len(batch) :]
            made.append(head)


def _after(known: Mapping[RecordPath, Cid], batch: Sequence[Write], commit: Commit) -> dict[RecordPath, Cid]:
    """The inventory records that are there after a commit."""
    new = {write.path: cid for write, cid in zip(batch, commit.cids, strict=True)}
    return {path: cid for path, cid in {**known, **new}.items() if cid is not None}


def _inventories(live: Live) -> dict[RecordPath, Cid]:
    return {path: record.cid for path, record in live.records.items() if path.collection == COLLECTION}


def _fitting(writes: Sequence[Write], repository: Repository) -> int:
    """How many writes, from the first on, one request takes; at least one."""
    limits = repository.limits
    size = 0
    for count, write in enumerate(writes[: limits.writes]):
        size += request_bytes(0 if isinstance(write, Delete) else len(data.encode(write.value)))
        if size > limits.body:
            return max(1, count)
    return min(len(writes), limits.writes)
