"""Writing a rebuilt inventory, in as few commits as the limits allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atpub.atproto.syntax import Cid, RecordPath
from atpub.engine.apply.batching import largest_batch
from atpub.engine.apply.events import PartialApplyError
from atpub.engine.inventory import COLLECTION
from atpub.errors import AtpubError, HeadMoved, RequestTooLarge, StalePlan
from atpub.repository.backoff import TRIES, back_off
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Commit, Head, Live, Write


@dataclass(frozen=True, slots=True)
class _Batch:
    writes: Sequence[Write]


def write_inventory(writes: Sequence[Write], live: Live, repository: Repository) -> tuple[Head, ...]:
    """Write these inventory records, planned on `live`; return the heads of the commits.

    Raises StalePlan where an inventory was modified meanwhile, PartialApplyError for an error after the first commit,
    and the repository's errors before it.
    """
    made: list[Commit] = []
    try:
        _commit_all(writes, live, repository, made)
    except AtpubError as error:
        if not made:
            raise
        done = sum(len(commit.cids) for commit in made)
        raise PartialApplyError(f"{done} of {len(writes)} inventory records were written", error) from error
    return tuple(commit.head for commit in made)


def _commit_all(writes: Sequence[Write], live: Live, repository: Repository, made: list[Commit]) -> None:
    """Commit the writes; append each commit to `made`."""
    known, head = _inventories(live), live.head
    rest, most, moves = list(writes), len(writes), 0
    while rest:
        count, batch = largest_batch(rest[:most], _Batch, repository.limits)
        try:
            commit = repository.apply_writes(batch.writes, head.cid if head else None)
        except RequestTooLarge:
            if count == 1:
                raise
            most = count // 2
        except HeadMoved:
            moves += 1
            back_off(moves)
            now = repository.read(RecordFilter(frozenset([COLLECTION])))
            if _inventories(now) != known or moves == TRIES:
                hint = "run it again, and review its proposal"
                raise StalePlan("an inventory was modified meanwhile, outside this run", hint=hint) from None
            head = now.head
        else:
            made.append(commit)
            known = _after(known, batch.writes, commit)
            head, rest = commit.head, rest[count:]


def _after(known: Mapping[RecordPath, Cid], batch: Sequence[Write], commit: Commit) -> dict[RecordPath, Cid]:
    """Return the inventory records after a commit."""
    new = {write.path: cid for write, cid in zip(batch, commit.cids, strict=True)}
    return {path: cid for path, cid in {**known, **new}.items() if cid is not None}


def _inventories(live: Live) -> dict[RecordPath, Cid]:
    return {path: record.cid for path, record in live.records.items() if path.collection == COLLECTION}
