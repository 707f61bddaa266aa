"""A batch of writes as com.atproto.repo.applyWrites takes it, and what the repository says about it afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from atpub.atproto.data import NotInDataModel, cid_of
from atpub.atproto.syntax import Cid, RecordPath, SyntaxViolation, Tid
from atpub.errors import HeadMoved, InvalidInput, OutcomeUnknown, RecordConflict
from atpub.generated.com.atproto.repo import apply_writes
from atpub.problems import Problem
from atpub.repository.model import Commit, Create, Delete, Head, Live, Record, Update, Write

_READINGS: Final = 16
"""Readings of one head after which their CIDs are put together: a caller may never ask for them."""

_COMMIT: Final = 1_500_000  # the reference PDS takes 2,000,000 bytes of blocks; how many there are is estimated
_NODES: Final = 8192  # bytes of the tree that change with one record, in a large repository


@dataclass(frozen=True, slots=True)
class WriteBatch:
    """Writes of different records, with the CID that each record will have (None for a delete)."""

    writes: tuple[Write, ...]
    cids: tuple[Cid | None, ...]

    @property
    def paths(self) -> frozenset[RecordPath]:
        """The records that it writes."""
        return frozenset(write.path for write in self.writes)

    @property
    def left(self) -> list[RecordPath]:
        """The keys that lose the value that they have, where another key of their collection is given one."""
        filled = Counter(write.path.collection for write in self.writes if not isinstance(write, Delete))
        changed = [write for write in self.writes if not isinstance(write, Create)]
        return [write.path for write in changed if filled[write.path.collection] > isinstance(write, Update)]


def prepare(writes: Sequence[Write]) -> WriteBatch:
    """Return the batch; raises RecordConflict for two writes of one record, and InvalidInput for malformed values."""
    seen = set[RecordPath]()
    for write in writes:
        if write.path in seen:
            raise RecordConflict(f"{write.path} is written twice in one commit")
        seen.add(write.path)
    return WriteBatch(tuple(writes), tuple(map(_future_cid, writes)))


def request(batch: WriteBatch, repo: str, swap_commit: Cid) -> apply_writes.ApplyWritesInput:
    """Return the input of com.atproto.repo.applyWrites."""
    return apply_writes.ApplyWritesInput(repo=repo, writes=list(map(_member, batch.writes)), swap_commit=swap_commit)


def commit_of(output: apply_writes.ApplyWritesOutput, batch: WriteBatch) -> Commit:
    """Return the commit that the server reports; raises OutcomeUnknown where the report is incomplete."""
    results = output.results or []
    if output.commit is None or len(results) != len(batch.writes):
        raise OutcomeUnknown("the answer of com.atproto.repo.applyWrites does not say what was done")
    try:
        head = Head(Cid.parse(output.commit.cid), Tid.parse(output.commit.rev))
        return Commit(head, tuple(map(_cid_in, results)))
    except SyntaxViolation as error:
        raise OutcomeUnknown(f"the answer of com.atproto.repo.applyWrites is malformed: {error}") from None


def may_be_too_large(batch: WriteBatch, body: int) -> bool:
    """Whether the blocks of a commit, records and nodes of the tree, may be more than a PDS takes."""
    return len(batch.writes) > 1 and body + len(batch.writes) * _NODES > _COMMIT


def conflict(batch: WriteBatch, records: Collection[RecordPath]) -> RecordConflict | None:
    """Why the batch cannot be carried out on these records; None where it can."""
    for write in batch.writes:
        there = write.path in records
        if isinstance(write, Create) and there:
            return RecordConflict(f"cannot create {write.path}: it is there already")
        if not isinstance(write, Create) and not there:
            return RecordConflict(f"cannot {type(write).__name__.lower()} {write.path}: it is not there")
    return None


class HeadTracker:
    """The CIDs of records at the newest head that this client knows, kept up to date by its own commits."""

    def __init__(self) -> None:
        self._head: Cid | None = None
        self._read: list[Mapping[RecordPath, Record]] = []
        self._written: dict[RecordPath, Cid | None] = {}
        self._cids: dict[RecordPath, Cid] = {}  # without what was read and written last

    def learn(self, live: Live) -> None:
        """Record what was read."""
        head = live.head.cid if live.head else None
        if head != self._head:
            self._read, self._written, self._cids = [], {}, {}
        self._head = head
        self._read.append(live.records)
        if len(self._read) == _READINGS:
            self._merge()

    def commit(self, batch: WriteBatch, swap_commit: Cid, made: Commit) -> None:
        """Record what was written on top of `swap_commit`."""
        if self._head == swap_commit:
            self._head = made.head.cid
            self._written.update((write.path, cid) for write, cid in zip(batch.writes, batch.cids, strict=True))

    def at(self, head: Cid, paths: Iterable[RecordPath]) -> Mapping[RecordPath, Cid] | None:
        """Return the CIDs at that head; None where it is not known, or one of these records is not."""
        if head != self._head:
            return None
        self._merge()
        return self._cids if all(path in self._cids for path in paths) else None

    def _merge(self) -> None:
        for records in self._read:
            self._cids.update((path, record.cid) for path, record in records.items())
        for path, cid in self._written.items():
            if cid is None:
                self._cids.pop(path, None)
            else:
                self._cids[path] = cid
        self._read, self._written = [], {}


def relocated_records(batch: WriteBatch, cids: Mapping[RecordPath, Cid]) -> RecordPath | None:
    """Return a record that the reference PDS would lose: one that a batch writes under one key and takes from another.

    Of the blocks that a commit both adds and removes the PDS (0.4.217 and 0.5.35) keeps too few: it spares those which
    records that the commit does not touch still refer to, and no others. Its repository is then damaged for good.
    """
    after = {write.path: cid for write, cid in zip(batch.writes, batch.cids, strict=True)}
    written = {*after.values()}
    suspects = [path for path, cid in after.items() if path in cids and cid != cids[path] in written]
    kept = {cid for path, cid in cids.items() if path not in after} if suspects else set[Cid]()
    return next((path for path in suspects if cids[path] not in kept), None)


def reconcile(batch: WriteBatch, swap_commit: Cid, live: Live) -> Commit | None:
    """Return the commit of a batch whose reply is lost, by what the repository holds now; None on an unchanged head.

    On another head the batch was either carried out, or no longer can be: HeadMoved. Where only some of the writes are
    found, another client has written on top of it, or the same: OutcomeUnknown.
    """
    if live.head is None or live.head.cid == swap_commit:
        return None
    found = [live.records.get(write.path) for write in batch.writes]
    stand = [(record and record.cid) == cid for record, cid in zip(found, batch.cids, strict=True)]
    if all(stand):
        return Commit(live.head, batch.cids, alone=False)
    if any(stand):
        raise OutcomeUnknown("the repository has changed meanwhile, and holds some of what was written but not all")
    raise HeadMoved(f"the newest commit is {live.head.cid}, not {swap_commit}", hint="read the records again")


def _future_cid(write: Write) -> Cid | None:
    if isinstance(write, Delete):
        return None
    if write.encoded is not None and write.encoded.value is write.value and "$type" in write.value:
        return write.encoded.cid
    try:
        # The server adds a $type that is absent, and refuses a wrong one.
        return cid_of({"$type": write.path.collection, **write.value})
    except NotInDataModel as error:
        raise InvalidInput((Problem("not-in-data-model", f"{write.path}: {error}"),)) from None


def _member(write: Write) -> apply_writes.ApplyWritesInputWritesItem:
    collection, rkey = write.path
    match write:
        case Create(value=value):
            return apply_writes.Create(collection=collection, rkey=rkey, value=value)
        case Update(value=value):
            return apply_writes.Update(collection=collection, rkey=rkey, value=value)
        case Delete():
            return apply_writes.Delete(collection=collection, rkey=rkey)


def _cid_in(result: apply_writes.ApplyWritesOutputResultsItem) -> Cid | None:
    return None if isinstance(result, apply_writes.DeleteResult) else Cid.parse(result.cid)
