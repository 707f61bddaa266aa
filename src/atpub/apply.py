"""Plan × Repository → outcomes: uploads, then as few atomic commits as the limits allow, each checked.

Every commit carries the inventory of the records in it, so that what the project owns is right after each of them.
Nothing is retried blindly: after a lost reply the repository is read again and the outcome known before going on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from atpub.desired.model import CID_FIELD
from atpub.errors import (
    AtpubError,
    BlobNotFound,
    HeadMoved,
    OutcomeUnknown,
    PartlyApplied,
    Refused,
    RepositoryError,
    RequestTooLarge,
    StalePlan,
)
from atpub.inventory import Inventory, Owned, order, read_inventories
from atpub.lexicon import data
from atpub.lexicon.data import Blob, JsonObject, put
from atpub.plan.model import Change, Outcome, Plan, Upload
from atpub.repository.interface import BlobSource, Repository
from atpub.repository.live import read_live
from atpub.state import Commit, Create, Delete, Head, Live, Update, Write
from atpub.syntax import AtUri, Cid, RecordPath

UPLOADS_AT_ONCE: Final = 4
_TRIES: Final = 5
_JSON_OVERHEAD: Final = 400
"""Bytes that a write takes in a request beside its record, generously."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Progress: a blob is in the repository."""

    upload: Upload


@dataclass(frozen=True, slots=True)
class Committed:
    """Progress: a commit was made."""

    head: Head
    changes: tuple[Change, ...]


Event: TypeAlias = Uploaded | Committed


def apply_plan(
    plan: Plan,
    repository: Repository,
    sources: Mapping[str, BlobSource],
    *,
    on_event: Callable[[Event], None] = lambda _: None,
) -> tuple[Outcome, ...]:
    """Carry out a plan; `sources` has the bytes of its blobs by CID.

    Raises Refused where the plan holds a refusal, StalePlan where a record that it touches has changed, PartlyApplied
    where some commits were made before another error.
    """
    if plan.refusals:
        refusal = plan.refusals[0]
        raise Refused("\n".join(item.message for item in plan.refusals), hint=refusal.hint)
    if not plan.pending:
        return tuple(Outcome(change, "unchanged", change.after_cid) for change in plan.changes)
    return _Applier(plan, repository, sources, on_event).run()


class _Applier:
    def __init__(
        self,
        plan: Plan,
        repository: Repository,
        sources: Mapping[str, BlobSource],
        on_event: Callable[[Event], None],
    ) -> None:
        self._plan = plan
        self._repository = repository
        self._sources = sources
        self._on_event = on_event
        self._head = plan.head.cid if plan.head else None
        self._inventory: Inventory = plan.inventory
        self._blobs: dict[Cid, Blob] = {}
        self._cids: dict[RecordPath, Cid] = {
            change.path: change.after_cid for change in plan.changes if change.after_cid and change.after is None
        }
        self._done: dict[RecordPath, Cid | None] = {}

    def run(self) -> tuple[Outcome, ...]:
        self._check_sources()
        try:
            self._upload(self._plan.uploads)
            self._commit_all(_ordered(self._plan))
        except AtpubError as error:
            if not self._done:
                raise
            message = f"{len(self._done)} of {len(_ordered(self._plan))} changes were applied, then: {error.message}"
            raise PartlyApplied(message, hint=error.hint or "run it again: what is done is not done twice") from error
        return tuple(self._outcome(change) for change in self._plan.changes)

    def _outcome(self, change: Change) -> Outcome:
        if change.path in self._done:
            return Outcome(change, "applied", self._done[change.path])
        return Outcome(change, "unchanged", change.after_cid)

    # Blobs

    def _check_sources(self) -> None:
        absent = [upload.file.name for upload in self._plan.uploads if upload.cid not in self._sources]
        if absent:
            raise RepositoryError(
                f"the bytes of {', '.join(absent)} are needed and not here", hint="run it where the files are"
            )
        limit = self._repository.limits.blob
        for upload in self._plan.uploads:
            if limit is not None and upload.size > limit:
                message = f"{upload.file} has {upload.size:,} bytes; {self._plan.account} takes blobs of {limit:,}"
                raise RequestTooLarge(message, hint="make smaller shards")

    def _upload(self, uploads: Iterable[Upload]) -> None:
        with ThreadPoolExecutor(UPLOADS_AT_ONCE, thread_name_prefix="atpub-upload") as pool:
            jobs = [pool.submit(self._upload_one, upload) for upload in uploads]
            try:
                for job in jobs:
                    upload, blob = job.result()
                    self._blobs[blob.cid] = blob
                    self._on_event(Uploaded(upload))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _upload_one(self, upload: Upload) -> tuple[Upload, Blob]:
        blob = self._repository.upload_blob(self._sources[upload.cid], upload.mime_type)
        if (blob.cid, blob.size) != (upload.cid, upload.size):
            hint = "did the file change? run it again"
            raise RepositoryError(f"{upload.file} arrived as another blob than planned ({blob.cid})", hint=hint)
        return upload, blob

    # Commits

    def _commit_all(self, changes: Sequence[Change]) -> None:
        rest = list(changes)
        size = len(rest)
        while True:
            batch, writes = self._batch(rest[:size])
            try:
                self._commit(batch, writes)
            except RequestTooLarge:
                if len(batch) <= 1:
                    raise
                size = len(batch) // 2
                continue
            rest = rest[len(batch) :]
            size = len(rest)
            if not rest:
                return

    def _batch(self, changes: Sequence[Change]) -> tuple[Sequence[Change], tuple[Write, ...]]:
        """The most changes, from the first on, that fit in one commit with their inventory, and all its writes."""
        limits = self._repository.limits
        count = min(len(changes), limits.writes)
        while True:
            batch = changes[:count]
            writes = self._writes(batch)
            size = sum(_request_size(write) for write in writes)
            if count <= 1 or (len(writes) <= limits.writes and size <= limits.body):
                return batch, writes
            fitting = min(limits.writes / len(writes), limits.body / size, 0.9)
            count = max(1, int(count * fitting))

    def _writes(self, batch: Sequence[Change]) -> tuple[Write, ...]:
        """The writes of a batch's records, then those of their inventory."""
        records: list[Write] = []
        owned: dict[RecordPath, Owned | None] = {}
        for change in batch:
            value = self._completed(change)
            if value is not None:
                records.append(Update(change.path, value) if change.before else Create(change.path, value))
                self._cids[change.path] = data.cid_of(value)
            elif change.action == "delete":
                records.append(Delete(change.path))
            if change.path in self._plan.inventory_changes:
                owned[change.path] = self._owned(change)
        return (*records, *self._inventory.writes(owned))

    def _owned(self, change: Change) -> Owned | None:
        planned = self._plan.inventory_changes[change.path]
        return replace(planned, cid=self._cids[change.path]) if planned is not None else None

    def _completed(self, change: Change) -> JsonObject | None:
        """The value to write, with what only an upload or an earlier record could tell."""
        value = change.after
        if value is None:
            return None
        for item in change.open_blobs:
            blob = self._blobs.get(item.blob.cid)
            if blob is not None:
                value = put(value, item.steps, blob.to_json())
        for reference in change.strong_refs:
            value = put(value, (*reference.steps, CID_FIELD), self._cids[reference.target])
        return value

    def _commit(self, batch: Sequence[Change], writes: tuple[Write, ...]) -> None:
        for attempt in range(_TRIES):
            try:
                commit = self._repository.apply_writes(writes, self._head)
            except (HeadMoved, OutcomeUnknown):
                if attempt == _TRIES - 1:
                    raise
                if self._already_there(batch, writes):
                    return
                continue
            except BlobNotFound:
                if attempt == _TRIES - 1 or not self._upload_again(batch):
                    raise
                continue
            self._committed(batch, writes, commit)
            return

    def _committed(self, batch: Sequence[Change], writes: tuple[Write, ...], commit: Commit) -> None:
        for write, cid in zip(writes, commit.cids, strict=True):
            if not isinstance(write, Delete) and cid != data.cid_of(write.value):
                uri = AtUri.of(self._repository.did, write.path)
                raise RepositoryError(f"the server stored another record at {uri} than it was sent: {cid}")
        self._settle(batch, commit.head)

    def _settle(self, batch: Sequence[Change], head: Head) -> None:
        self._head = head.cid
        owned = {c.path: self._owned(c) for c in batch if c.path in self._plan.inventory_changes}
        self._inventory = self._inventory.after(owned)
        for change in batch:
            self._done[change.path] = None if change.action in ("delete", "forget") else self._cids.get(change.path)
        self._on_event(Committed(head, tuple(batch)))

    def _already_there(self, batch: Sequence[Change], writes: tuple[Write, ...]) -> bool:
        """Whether the batch's commit was made after all; if not, go on from the new head. Raises StalePlan."""
        live = self._read(writes)
        if live.head is not None and all(_holds(live, write) for write in writes):
            self._settle(batch, live.head)
            return True
        for change in batch:
            record = live.records.get(change.path)
            if (record.cid if record else None) != change.before_cid:
                message = f"{change.address} has been changed by somebody else since it was planned"
                raise StalePlan(message, hint="look at a new plan, then apply that")
        inventory = read_inventories(live.records.values()).get(self._plan.project)
        if (inventory or Inventory(self._plan.project)).shards != self._inventory.shards:
            message = f"another run has changed what the project {self._plan.project!r} owns"
            raise StalePlan(message, hint="look at a new plan, then apply that")
        self._head = live.head.cid if live.head else None
        return False

    def _read(self, writes: tuple[Write, ...]) -> Live:
        return read_live(self._repository, {write.path.collection for write in writes})

    def _upload_again(self, batch: Sequence[Change]) -> bool:
        """Bring the blobs of a batch again: what is not referred to may have expired."""
        wanted = {blob.cid for change in batch if change.after is not None for blob in data.blobs_in(change.after)}
        again = [upload for upload in self._plan.uploads if upload.cid in wanted]
        self._upload(again)
        return bool(again)


def _ordered(plan: Plan) -> list[Change]:
    """The changes that write something: creates and updates first, so that a blob that moves is never without a holder.

    Within each kind, what refers comes after what it refers to; where references leave it open, by the inventory's
    order, which keeps the inventory records that a batch touches few.
    """
    pending = [change for change in plan.changes if change.writes or change.path in plan.inventory_changes]
    ranks = _ranks(pending)
    return sorted(pending, key=lambda change: (change.action == "delete", ranks[change.path], order(change.path)))


def _ranks(changes: Sequence[Change]) -> Mapping[RecordPath, int]:
    """How many collections' worth of records come before each: the plan's own order, in steps of one collection."""
    ranks: dict[RecordPath, int] = {}
    rank, previous = 0, None
    for change in changes:
        if previous is not None and (change.path.collection != previous or change.strong_refs):
            rank += 1
        previous = change.path.collection
        ranks[change.path] = rank
    return ranks


def _request_size(write: Write) -> int:
    if isinstance(write, Delete):
        return _JSON_OVERHEAD
    # JSON is longer than DAG-CBOR by its quotes and by the base32 of links; a quarter covers both.
    return len(data.encode(write.value)) * 5 // 4 + _JSON_OVERHEAD


def _holds(live: Live, write: Write) -> bool:
    record = live.records.get(write.path)
    if isinstance(write, Delete):
        return record is None
    return record is not None and record.cid == data.cid_of(write.value)
