"""Plan × Repository → outcomes: uploads, then as few atomic commits as the limits allow, each checked.

Every commit carries the inventory of the records in it, so that what the project owns is right after each of them.
Nothing is retried blindly: after a lost reply the repository is read again and the outcome known before going on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from atpub.applying.steering import Committed, Event, Halted, Steering
from atpub.applying.uploads import Uploads
from atpub.desired.model import CID_FIELD
from atpub.errors import (
    AtpubError,
    BlobNotFound,
    HeadMoved,
    Interrupted,
    OutcomeUnknown,
    RateLimited,
    Refused,
    RepositoryError,
    RequestTooLarge,
    StalePlan,
)
from atpub.inventory import Inventory, Owned, read_inventories
from atpub.lexicon import data
from atpub.lexicon.data import Blob, JsonObject, put
from atpub.planning.make import points_of
from atpub.planning.model import Change, Outcome, Plan
from atpub.planning.order import Group, commit_order
from atpub.repository.interface import UNLIMITED, BlobSource, Repository, request_bytes
from atpub.repository.live import Wanted
from atpub.state import Commit, Create, Delete, Head, Update, Write
from atpub.syntax import AtUri, Cid, RecordPath

FIRST: Final = 20
"""How many changes the first of several commits takes, where nothing is known of the server's rate limit."""
_TRIES: Final = 5
_PAUSES: Final = 3


def apply_plan(
    plan: Plan,
    repository: Repository,
    sources: Mapping[str, BlobSource],
    *,
    on_event: Callable[[Event], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    wait: Callable[[int], None] | None = None,
) -> tuple[Outcome, ...]:
    """Carry out a plan; `sources` has the bytes of its blobs by CID.

    `stop` is asked before each request whether to go on. `wait` waits until a time in seconds since 1970: without it,
    a rate limit that is spent ends the apply.

    Raises Refused where the plan holds a refusal, StalePlan where it is for another repository or a record that it
    touches has changed, RateLimited, Interrupted, or Halted where some commits were made before another error.
    """
    if repository.did != plan.did:
        hint = "apply it to the account that it was made for, or make a new plan"
        raise StalePlan(f"the plan is for {plan.did}, and this repository is {repository.did}'s", hint=hint)
    if plan.refusals:
        refusal = plan.refusals[0]
        raise Refused("\n".join(item.message for item in plan.refusals), hint=refusal.hint)
    if not plan.pending:
        return tuple(Outcome(change, "unchanged", change.after_cid) for change in plan.changes)
    return _Applier(plan, repository, sources, Steering(on_event, stop, wait)).run()


@dataclass(frozen=True, slots=True)
class _Draft:
    """A record as it is to be written, and its bytes in DAG-CBOR."""

    value: JsonObject
    cid: Cid
    size: int


class _Applier:
    def __init__(
        self, plan: Plan, repository: Repository, sources: Mapping[str, BlobSource], steering: Steering
    ) -> None:
        self._plan = plan
        self._repository = repository
        self._steering = steering
        self._head = plan.head.cid if plan.head else None
        self._inventory: Inventory = plan.inventory
        self._uploads = Uploads(plan, repository, sources, steering)
        self._cids: dict[RecordPath, Cid] = {
            change.path: change.after_cid for change in plan.changes if change.after_cid and change.after is None
        }
        self._drafts: dict[RecordPath, _Draft] = {}
        self._done: dict[RecordPath, Cid | None] = {}
        self._meant: Sequence[Change] = ()
        self._trying: Sequence[Change] = ()
        self._pauses = 0

    def run(self) -> tuple[Outcome, ...]:
        groups = self._unfinished(commit_order(self._plan))
        self._meant = _flat(groups)
        self._uploads.check()
        try:
            self._commit_all(groups)
        except AtpubError as error:
            if not self._done:
                raise
            raise Halted(error, self._halfway(self._meant, error)) from error
        return tuple(self._outcome(change) for change in self._plan.changes)

    def _halfway(self, meant: Iterable[Change], error: AtpubError) -> tuple[Outcome, ...]:
        """What became of each change until the error."""
        pending = {change.path for change in meant} - self._done.keys()
        was_refused = not isinstance(error, Interrupted | RateLimited)
        tried = {change.path for change in self._trying if was_refused}

        def outcome(change: Change) -> Outcome:
            if change.path not in pending:
                return self._outcome(change)
            if change.path in tried:
                return Outcome(change, "failed", change.before_cid, error.message)
            return Outcome(change, "pending", change.before_cid)

        return tuple(outcome(change) for change in self._plan.changes)

    def _outcome(self, change: Change) -> Outcome:
        if change.path in self._done:
            return Outcome(change, "applied", self._done[change.path])
        return Outcome(change, "unchanged", self._cids.get(change.path, change.after_cid))

    # Commits

    def _commit_all(self, groups: Sequence[Group]) -> None:
        rest = list(groups)
        most = len(rest)
        while rest:
            self._steering.check()
            count = self._fitting(rest[:most])
            self._trying = batch = _flat(rest[:count])
            try:
                self._check_points(batch)
                self._uploads.bring(_blobs_of(batch))
                self._commit(batch)
            except RateLimited as error:
                self._pause(error)
                rest = self._not_done(rest)
                continue
            except RequestTooLarge:
                if len(batch) == 1:
                    raise
                most = max(1, count // 2)
                if count == 1:  # they exchange blobs, which have to be brought again as they get lost
                    rest[:1] = [(change,) for change in batch]
                continue
            rest = self._not_done(rest[count:])
            most = len(rest)
            self._pauses = 0

    def _fitting(self, groups: Sequence[Group]) -> int:
        """How many groups, from the first on and one at least, fit in one commit with their inventory."""
        limits = self._repository.limits
        points = UNLIMITED if limits.points is None else max(1, limits.points)
        count = min(len(groups), limits.writes)
        while count > 1:
            writes = self._writes(_flat(groups[:count]))
            size = sum(map(self._request_size, writes))
            use = max(size / limits.body, points_of(map(type, writes)) / points)
            excess = len(writes) - limits.writes
            if use <= 1 and excess <= 0:
                break
            count = max(1, min(count - max(1, excess), int(count / max(use, 1))))
        if limits.points is None and (count < len(groups) or self._pauses):
            return min(count, FIRST)  # its reply tells what the next may cost
        return count

    def _check_points(self, batch: Sequence[Change]) -> None:
        """Raise RateLimited for a batch that the server is known to refuse."""
        limits = self._repository.limits
        if limits.points is not None and points_of(map(type, self._writes(batch))) > limits.points:
            raise RateLimited(f"the rate limit of {self._plan.account} is spent", reset=limits.reset)

    def _pause(self, error: RateLimited) -> None:
        """Wait until the rate limit starts anew; raises the error where nobody wants to wait, or it is of no use."""
        self._pauses += 1
        if self._steering.wait is None or error.reset is None or self._pauses > _PAUSES:
            raise error
        self._steering.wait(error.reset)

    def _not_done(self, groups: Iterable[Group]) -> list[Group]:
        left = (tuple(change for change in group if change.path not in self._done) for group in groups)
        return [group for group in left if group]

    def _writes(self, batch: Sequence[Change]) -> tuple[Write, ...]:
        """The writes of a batch's records, then those of their inventory."""
        records: list[Write] = []
        owned: dict[RecordPath, Owned | None] = {}
        for change in batch:
            draft = self._draft(change)
            if draft is not None:
                write = Update if change.before else Create
                records.append(write(change.path, draft.value))
            elif change.action == "delete":
                records.append(Delete(change.path))
            if change.path in self._plan.inventory_changes:
                owned[change.path] = self._owned(change)
        return (*records, *self._inventory.writes(owned))

    def _request_size(self, write: Write) -> int:
        if isinstance(write, Delete):
            return request_bytes(0)
        draft = self._drafts.get(write.path)
        return request_bytes(draft.size if draft is not None else len(data.encode(write.value)))

    def _owned(self, change: Change) -> Owned | None:
        planned = self._plan.inventory_changes[change.path]
        return replace(planned, cid=self._cids[change.path]) if planned is not None else None

    def _draft(self, change: Change) -> _Draft | None:
        """The record to write, with what only an upload or an earlier record could tell."""
        if change.after is None:
            return None
        draft = self._drafts.get(change.path)
        if draft is None or change.open_blobs or change.strong_refs:
            value = self._completed(change, change.after)
            block = data.encode(value)
            draft = self._drafts[change.path] = _Draft(value, Cid.of_block(block), len(block))
            self._cids[change.path] = draft.cid
        return draft

    def _completed(self, change: Change, value: JsonObject) -> JsonObject:
        for item in change.open_blobs:
            blob = self._uploads.described(item.blob.cid)
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
                if attempt == _TRIES - 1 or not self._uploads.bring_again(_blobs_of(batch), attempt):
                    raise
            else:
                self._committed(batch, writes, commit)
                if not commit.alone and any(change.path not in self._done for change in self._meant):
                    self._left(())  # others' commits may be there, too
                return

    def _committed(self, batch: Sequence[Change], writes: tuple[Write, ...], commit: Commit) -> None:
        for write, cid in zip(writes, commit.cids, strict=True):
            draft = self._drafts.get(write.path)
            if not isinstance(write, Delete) and cid != (draft.cid if draft else data.cid_of(write.value)):
                uri = AtUri.of(self._repository.did, write.path)
                raise RepositoryError(f"the server stored another record at {uri} than it was sent: {cid}")
        owned = {c.path: self._owned(c) for c in batch if c.path in self._plan.inventory_changes}
        self._inventory = self._inventory.after(owned)
        self._settle(batch, commit.head)

    def _settle(self, batch: Sequence[Change], head: Head) -> None:
        self._head = head.cid
        for change in batch:
            self._done[change.path] = None if change.action in ("delete", "forget") else self._cids.get(change.path)
        self._steering.on_event(Committed(head, tuple(batch)))

    # Going on from another head than the one that the plan, or the last commit, has left

    def _unfinished(self, groups: Sequence[Group]) -> Sequence[Group]:
        """What is still to be done: a plan may be carried out again after a fault."""
        head = self._repository.head()
        if (head.cid if head else None) == self._head:
            return groups
        _, _, left = self._read_again(_flat(groups))
        paths = {change.path for change in left}
        found = (tuple(change for change in group if change.path in paths) for group in groups)
        return [group for group in found if group]

    def _left(self, batch: Sequence[Change]) -> Sequence[Change]:
        """What is still to be done of a batch whose commit may have been made.

        What comes after the batch is looked at too: on this head nothing else would tell that somebody has changed it.
        And so is what is done: where that is undone, what is left would make a mixture.
        """
        head, made, left = self._read_again(self._meant)
        undone = [change for change in left if change.path in self._done]
        if undone:
            raise _stale(undone[0])
        made = [change for change in made if change.path not in self._done]
        if made and head is not None:
            self._settle(made, head)
        paths = {change.path for change in left}
        return [change for change in batch if change.path in paths]

    def _read_again(self, changes: Sequence[Change]) -> tuple[Head | None, list[Change], list[Change]]:
        """The newest commit, which of the changes are made in it, and which are not; goes on from there.

        Raises StalePlan where somebody else has changed a record, or whose it is.
        """
        live = self._repository.read(Wanted.around(change.path for change in changes))
        inventories = read_inventories(live.records.values())
        self._head = live.head.cid if live.head else None
        self._inventory = inventories.get(self._plan.project) or Inventory(self._plan.project)
        others = {path for item in inventories.values() if item is not self._inventory for path in item.owned}
        self._uploads.found(blob for record in live.records.values() for blob in data.blobs_in(record.value))
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
                raise _stale(change)
        return live.head, made, left

    def _planned_on(self, change: Change) -> tuple[Cid | None, Owned | None]:
        """The record that a change was planned to find, and what the inventory said of it."""
        return change.before_cid, self._plan.inventory.owned.get(change.path)

    def _result(self, change: Change) -> tuple[Cid | None, Owned | None]:
        """What it is to leave there."""
        cid, owned = self._planned_on(change)
        draft = self._draft(change)
        if draft is not None:
            cid = draft.cid
        elif change.action == "delete":
            cid = None
        return cid, self._owned(change) if change.path in self._plan.inventory_changes else owned


def _stale(change: Change) -> StalePlan:
    message = f"{change.address} has been changed by somebody else since it was planned"
    return StalePlan(message, hint="look at a new plan, then apply that")


def _flat(groups: Iterable[Group]) -> list[Change]:
    return [change for group in groups for change in group]


def _blobs_of(batch: Iterable[Change]) -> Collection[Blob]:
    """The blobs that the records of a batch refer to, each once."""
    found = (blob for change in batch if change.after is not None for blob in data.blobs_in(change.after))
    return {blob.cid: blob for blob in found}.values()
