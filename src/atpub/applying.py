"""Plan × Repository → outcomes: uploads, then as few atomic commits as the limits allow, each checked.

Every commit carries the inventory of the records in it, so that what the project owns is right after each of them.
Nothing is retried blindly: after a lost reply the repository is read again and the outcome known before going on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
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
from atpub.inventory import Inventory, Owned, read_inventories
from atpub.lexicon import data
from atpub.lexicon.data import Blob, JsonObject, put
from atpub.planning.model import Change, Outcome, Plan, Upload
from atpub.planning.order import Group, commit_order
from atpub.repository.interface import BlobSource, Repository
from atpub.repository.live import read_live
from atpub.state import Commit, Create, Delete, Head, Update, Write
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
        self._uploads: dict[Cid, Upload] = {upload.cid: upload for upload in plan.uploads}  # still to be made
        self._blobs: dict[Cid, Blob] = {}
        self._cids: dict[RecordPath, Cid] = {
            change.path: change.after_cid for change in plan.changes if change.after_cid and change.after is None
        }
        self._done: dict[RecordPath, Cid | None] = {}

    def run(self) -> tuple[Outcome, ...]:
        groups = self._unfinished(commit_order(self._plan))
        total = sum(map(len, groups))
        self._check_sources()
        try:
            self._commit_all(groups)
        except AtpubError as error:
            if not self._done:
                raise
            message = f"{len(self._done)} of {total} changes were applied, then: {error.message}"
            raise PartlyApplied(message, hint=error.hint or "run it again: what is done is not done twice") from error
        return tuple(self._outcome(change) for change in self._plan.changes)

    def _outcome(self, change: Change) -> Outcome:
        if change.path in self._done:
            return Outcome(change, "applied", self._done[change.path])
        return Outcome(change, "unchanged", self._cids.get(change.path, change.after_cid))

    # Blobs

    def _check_sources(self) -> None:
        absent = [str(upload.file) for upload in self._uploads.values() if upload.cid not in self._sources]
        if absent:
            raise RepositoryError(
                f"the bytes of {', '.join(absent)} are needed and not here", hint="run it where the files are"
            )
        limit = self._repository.limits.blob
        for upload in self._uploads.values():
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
                    self._uploads.pop(blob.cid, None)
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

    def _again(self, batch: Sequence[Change], attempt: int) -> list[Upload]:
        """The blobs of a batch to bring once more, one of which is lost: those that this plan brings, else all."""
        planned = {upload.cid: upload for upload in self._plan.uploads}
        held = {blob.cid: blob for blob in _blobs_of(batch)}
        found = [planned[cid] for cid in held if cid in planned]
        if found and not attempt:
            return found
        lost = [blob for cid, blob in held.items() if cid in self._sources]
        return [planned.get(blob.cid) or Upload(blob.cid, blob.size, blob.mime_type, Path(blob.cid)) for blob in lost]

    # Commits

    def _commit_all(self, groups: Sequence[Group]) -> None:
        rest = list(groups)
        most = len(rest)
        while rest:
            count = self._fitting(rest[:most])
            batch = _flat(rest[:count])
            held = {blob.cid for blob in _blobs_of(batch)}
            self._upload([upload for cid, upload in self._uploads.items() if cid in held])
            try:
                self._commit(batch)
            except RequestTooLarge:
                if len(batch) == 1:
                    raise
                most = max(1, count // 2)
                if count == 1:  # they exchange blobs, which have to be brought again as they get lost
                    rest[:1] = [(change,) for change in batch]
                continue
            rest = rest[count:]
            most = len(rest)

    def _fitting(self, groups: Sequence[Group]) -> int:
        """How many groups, from the first on, fit in one commit with their inventory."""
        limits = self._repository.limits
        count = min(len(groups), limits.writes)
        while True:
            writes = self._writes(_flat(groups[:count]))
            size = sum(_request_size(write) for write in writes)
            if count <= 1 or (len(writes) <= limits.writes and size <= limits.body):
                return count
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

    def _commit(self, batch: Sequence[Change]) -> None:
        for attempt in range(_TRIES):
            writes = self._writes(batch)
            try:
                commit = self._repository.apply_writes(writes, self._head)
            except (HeadMoved, OutcomeUnknown):
                if attempt == _TRIES - 1:
                    raise
                batch = self._left(batch)
                if not batch:
                    return
            except BlobNotFound:
                again = self._again(batch, attempt)
                if attempt == _TRIES - 1 or not again:
                    raise
                self._upload(again)
            else:
                self._committed(batch, writes, commit)
                return

    def _committed(self, batch: Sequence[Change], writes: tuple[Write, ...], commit: Commit) -> None:
        for write, cid in zip(writes, commit.cids, strict=True):
            if not isinstance(write, Delete) and cid != data.cid_of(write.value):
                uri = AtUri.of(self._repository.did, write.path)
                raise RepositoryError(f"the server stored another record at {uri} than it was sent: {cid}")
        owned = {c.path: self._owned(c) for c in batch if c.path in self._plan.inventory_changes}
        self._inventory = self._inventory.after(owned)
        self._settle(batch, commit.head)

    def _settle(self, batch: Sequence[Change], head: Head) -> None:
        self._head = head.cid
        for change in batch:
            self._done[change.path] = None if change.action in ("delete", "forget") else self._cids.get(change.path)
        self._on_event(Committed(head, tuple(batch)))

    # Going on from another head than the one that the plan, or the last commit, has left

    def _unfinished(self, groups: Sequence[Group]) -> Sequence[Group]:
        """What is still to be done: a plan may be carried out again after a fault."""
        head = self._repository.head()
        if (head.cid if head else None) == self._head:
            return groups
        _, _, left = self._read_again(_flat(groups))
        paths = {change.path for change in left}
        found = [tuple(change for change in group if change.path in paths) for group in groups]
        return [group for group in found if group]

    def _left(self, batch: Sequence[Change]) -> Sequence[Change]:
        """What is still to be done of a batch whose commit may have been made."""
        head, made, left = self._read_again(batch)
        if made and head is not None:
            self._settle(made, head)
        return left

    def _read_again(self, changes: Sequence[Change]) -> tuple[Head | None, list[Change], list[Change]]:
        """The newest commit, which of the changes are made in it, and which are not; goes on from there.

        Raises StalePlan where somebody else has changed a record, or whose it is.
        """
        live = read_live(self._repository, {change.path.collection for change in changes})
        inventories = read_inventories(live.records.values())
        self._head = live.head.cid if live.head else None
        self._inventory = inventories.get(self._plan.project) or Inventory(self._plan.project)
        others = {path for item in inventories.values() if item is not self._inventory for path in item.owned}
        for blob in (blob for record in live.records.values() for blob in data.blobs_in(record.value)):
            self._blobs[blob.cid] = blob
            self._uploads.pop(blob.cid, None)
        made: list[Change] = []
        left: list[Change] = []
        owned = self._inventory.owned
        for change in changes:
            record = live.records.get(change.path)
            found = (record.cid if record else None, owned.get(change.path))
            if found == self._result(change):
                made.append(change)
            elif found == self._planned_on(change) and not (change.writes and change.path in others):
                left.append(change)
            else:
                message = f"{change.address} has been changed by somebody else since it was planned"
                raise StalePlan(message, hint="look at a new plan, then apply that")
        return live.head, made, left

    def _planned_on(self, change: Change) -> tuple[Cid | None, Owned | None]:
        """The record that a change was planned to find, and what the inventory said of it."""
        return change.before_cid, self._plan.inventory.owned.get(change.path)

    def _result(self, change: Change) -> tuple[Cid | None, Owned | None]:
        """What it is to leave there."""
        cid, owned = self._planned_on(change)
        value = self._completed(change)
        if value is not None:
            cid = self._cids[change.path] = data.cid_of(value)
        elif change.action == "delete":
            cid = None
        return cid, self._owned(change) if change.path in self._plan.inventory_changes else owned


def _flat(groups: Iterable[Group]) -> list[Change]:
    return [change for group in groups for change in group]


def _blobs_of(batch: Iterable[Change]) -> Iterator[Blob]:
    return (blob for change in batch if change.after is not None for blob in data.blobs_in(change.after))


def _request_size(write: Write) -> int:
    if isinstance(write, Delete):
        return _JSON_OVERHEAD
    # JSON is longer than DAG-CBOR by its quotes and by the base32 of links; a quarter covers both.
    return len(data.encode(write.value)) * 5 // 4 + _JSON_OVERHEAD
