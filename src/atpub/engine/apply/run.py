"""Applying a plan: uploads, then as few atomic commits as the limits allow, each of them checked.

Every commit includes the inventory changes of its records, so that the inventory is correct after each commit. No
write is retried blindly: after a lost reply, the repository is read again to learn what happened.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import islice
from operator import is_
from typing import Final

from atpub.atproto import data
from atpub.atproto.data import Encoded
from atpub.atproto.syntax import AtUri, Cid, RecordPath
from atpub.engine.apply.batching import largest_batch
from atpub.engine.apply.drafts import CommitDraft, Drafts
from atpub.engine.apply.events import ApplyHooks, Committed, PartialApplyError
from atpub.engine.apply.uploads import Uploads
from atpub.engine.inventory import Inventory
from atpub.engine.owned_records import read_owned, records_around
from atpub.engine.ownership import OwnershipView
from atpub.engine.plan.build import points_of
from atpub.engine.plan.model import Change, Outcome, Plan, Refusal
from atpub.engine.plan.order import Group, commit_order
from atpub.engine.plan.rebase import check_pins, find_moved
from atpub.engine.plan.safety import live_refusals
from atpub.errors import (
    AtpubError,
    BlobNotFound,
    BlobRejected,
    HeadMoved,
    Interrupted,
    OutcomeUnknown,
    RateLimited,
    Refused,
    RepositoryError,
    RequestTooLarge,
    StalePlan,
)
from atpub.progress import OnProgress, ignore
from atpub.repository.backoff import TRIES, back_off
from atpub.repository.interface import UNLIMITED, BlobJournal, BlobSource, Limits, MemoryJournal, Repository
from atpub.repository.model import Commit, Delete, Head

FIRST: Final = 20
"""How many changes the first of several commits takes, where nothing is known of the server's rate limit."""
_FAULTS: Final = 5
_PAUSES: Final = 3
_MOVED: Final = "modified outside this run since it was planned"


def apply_plan(
    plan: Plan,
    repository: Repository,
    sources: Mapping[str, BlobSource],
    *,
    on_commit: Callable[[Committed], object] = lambda _: None,
    on_progress: OnProgress = ignore,
    stop: Callable[[], bool] = lambda: False,
    wait: Callable[[int], None] | None = None,
    before_write: Callable[[], object] = lambda: None,
    journal: BlobJournal | None = None,
    is_new: bool = False,
) -> tuple[Outcome, ...]:
    """Apply a plan; `sources` has the bytes of its blobs by CID.

    A plan that `is_new` was made just now: whether the repository still stands at its head shows at the first commit.

    `on_progress` is told of uploads, from any thread, one value at a time. `journal` knows what an earlier apply, which
    did not end, has uploaded. `stop` is asked before each request whether to go on. `wait` waits until a time in
    seconds since 1970: without it, a rate limit that is spent ends the apply. `before_write` is called once, before the
    first commit; its error ends the apply.

    Raises Refused where the plan holds a refusal, StalePlan where it is for another repository or a record that it
    touches has changed, RateLimited, Interrupted, or PartialApplyError for an error after some commits.
    """
    if repository.did != plan.did:
        hint = "apply it to the account that it was made for, or make a new plan"
        raise StalePlan(f"the plan is for {plan.did}, and this repository is {repository.did}'s", hint=hint)
    _refuse(plan.refusals)
    if not plan.pending:
        return tuple(_unchanged(change, change.after_cid) for change in plan.changes)
    hooks = ApplyHooks(on_commit, on_progress, stop, wait, before_write)
    uploads = Uploads(plan, repository, sources, journal or MemoryJournal(), hooks)
    return _Applier(plan, repository, uploads, hooks).run(is_new=is_new)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """The batch that some groups make after a commit that leaves an inventory, within limits other than of points."""

    groups: Sequence[Group]
    inventory: Inventory
    limits: Limits
    batch: CommitDraft

    def fits(self, groups: Sequence[Group], inventory: Inventory, limits: Limits) -> bool:
        """Whether it is the batch to make now: that commit was made, nothing else has changed, and it can be paid."""
        return (
            self.inventory is inventory
            and len(self.groups) <= len(groups)
            and all(map(is_, self.groups, groups))
            and (self.limits.writes, self.limits.body) == (limits.writes, limits.body)
            and limits.points is not None
            and points_of(map(type, self.batch.writes)) <= limits.points
        )


class _Applier:
    """The state of applying a plan, commit by commit.

    `_all` is all that was still to be done when it began, `_done` what of that is done, with the CID of each record,
    and `_current` the batch at hand. Where an error ends it, the last has failed and the rest of the first is pending.
    `_head` and `_inventory` are those that the next commit builds on, and `_ahead` is what was prepared of it.
    `_moved` are the records that the plan leaves alone and that others have modified meanwhile, with their CIDs now.
    """

    def __init__(self, plan: Plan, repository: Repository, uploads: Uploads, hooks: ApplyHooks) -> None:
        self._plan = plan
        self._repository = repository
        self._hooks = hooks
        self._uploads = uploads
        self._drafts = Drafts(plan, self._uploads.describe)
        self._head = plan.head.cid if plan.head else None
        self._inventory = plan.inventory
        self._all: Sequence[Change] = ()
        self._current: Sequence[Change] = ()
        self._done: dict[RecordPath, Cid | None] = {}
        self._has_read_again = False
        self._moved: Mapping[RecordPath, Cid | None] = {}
        self._ahead: _Ahead | None = None
        self._has_begun = False

    def run(self, *, is_new: bool) -> tuple[Outcome, ...]:
        groups: Sequence[Group] = commit_order(self._plan)
        if not is_new:
            groups = self._skip_applied(groups)
        self._all = _flatten(groups)
        self._uploads.check()
        try:
            with closing(self._uploads):
                self._uploads.begin(self._all)
                self._commit_all(groups)
        except AtpubError as error:
            if not self._done:
                raise
            done = f"{len(self._done):,} of {len(self._all):,} changes were applied"
            raise PartialApplyError(done, error, self._partial_outcomes(error)) from error
        return tuple(self._outcome(change) for change in self._plan.changes)

    def _partial_outcomes(self, error: AtpubError) -> tuple[Outcome, ...]:
        """Return the outcome of each change up to the error."""
        pending = {change.path for change in self._all} - self._done.keys()
        was_refused = not isinstance(error, Interrupted | RateLimited)
        failed = {change.path for change in self._current if was_refused} & pending

        def outcome(change: Change) -> Outcome:
            if change.path in failed:
                return Outcome(change, "failed", change.before_cid, error.message)
            if change.path in pending:
                return Outcome(change, "pending", change.before_cid)
            return self._outcome(change)

        return tuple(outcome(change) for change in self._plan.changes)

    def _outcome(self, change: Change) -> Outcome:
        if change.path in self._done:
            return Outcome(change, "applied", self._done[change.path])
        if change.path in self._moved:
            return Outcome(change, "unchanged", self._moved[change.path], _MOVED)
        return _unchanged(change, self._drafts.cid(change))

    # Commits

    def _commit_all(self, groups: Sequence[Group]) -> None:
        rest = deque(groups)
        most = len(rest)
        pauses = 0
        while rest:
            self._hooks.check()
            count, batch = self._next_batch(rest, most, has_paused=bool(pauses))
            self._current = batch.changes
            try:
                self._check_points(batch)
                if self._uploads.bring(batch.changes):
                    self._hooks.check()
                    batch = self._prepare(batch.changes)
                self._commit(batch, self._first(islice(rest, count, None)))
            except RateLimited as error:
                pauses += 1
                if self._hooks.wait is None or error.reset is None or pauses > _PAUSES:
                    raise  # the caller does not wait, or waiting does not help
                self._hooks.wait(error.reset)
            except RequestTooLarge:
                if len(batch.changes) == 1:
                    raise
                most = max(1, count // 2)
                if count == 1:  # they exchange blobs, which have to be brought again as they get lost
                    rest.popleft()
                    rest.extendleft((change,) for change in reversed(batch.changes))
            else:
                for _ in range(count):
                    rest.popleft()
                most = len(rest)
                pauses = 0
            if self._has_read_again:  # later changes may be done, too
                self._has_read_again = False
                rest = deque(_filter_groups(rest, lambda change: change.path not in self._done))

    def _next_batch(self, groups: Collection[Group], most: int, *, has_paused: bool) -> tuple[int, CommitDraft]:
        """Return how many groups fit in one commit, the first ones, at least one; and the batch that they make."""
        limits = self._repository.limits
        first = self._first(islice(groups, most))
        ahead, self._ahead = self._ahead, None
        if ahead and ahead.fits(first, self._inventory, limits):
            return len(ahead.groups), ahead.batch
        count, batch = largest_batch(first, lambda part: self._prepare(_flatten(part)), limits)
        if limits.points is None and count > FIRST and (count < len(groups) or has_paused):
            return FIRST, self._prepare(_flatten(first[:FIRST]))  # its reply tells what the next may cost
        return count, batch

    def _first(self, groups: Iterable[Group]) -> Sequence[Group]:
        """Return those of the groups that the next commit may hold, as far as writes and uploads go."""
        first = [*islice(groups, self._repository.limits.writes)]
        return first[: self._uploads.reach(first)]

    def _prepare(self, changes: Iterable[Change]) -> CommitDraft:
        return self._drafts.batch(changes, self._inventory)

    def _check_points(self, batch: CommitDraft) -> None:
        """Raise RateLimited for a batch that the server is known to refuse."""
        limits = self._repository.limits
        if limits.points is not None and points_of(map(type, batch.writes)) > limits.points:
            raise RateLimited(f"the rate limit of {self._plan.account} is spent", reset=limits.reset)

    def _commit(self, batch: CommitDraft, following: Sequence[Group]) -> None:
        moves = faults = 0
        while batch.changes:
            try:
                commit = self._send(batch, following)
            except HeadMoved:
                moves += 1
                if moves == TRIES:
                    raise
                back_off(moves)
                self._hooks.check()
                batch = self._remaining_after_read(batch)
            except OutcomeUnknown:
                faults += 1
                if faults == _FAULTS:
                    raise
                batch = self._remaining_after_read(batch)
            except BlobNotFound as error:
                if not self._uploads.bring_again(batch.changes, error.cids):
                    raise
                batch = self._prepare(batch.changes)
            except BlobRejected:
                if not self._uploads.bring_remembered(batch.changes):
                    raise
                batch = self._prepare(batch.changes)
            else:
                self._check_commit(batch, commit)
                if not commit.alone and len(self._done) < len(self._all):
                    self._read_on()  # others' commits may be there, too
                return

    def _send(self, batch: CommitDraft, following: Sequence[Group]) -> Commit:
        """Make a commit, and prepare the one after it while the server is at work.

        Both have ended when this does, so that no state is shared between threads at any other time.
        """
        if not self._has_begun:
            self._hooks.before_write()
            self._has_begun = True
        if not following:
            return self._repository.apply_writes(batch.writes, self._head)
        limits = replace(self._repository.limits, points=UNLIMITED)
        with ThreadPoolExecutor(1) as worker:
            ahead = worker.submit(self._prepare_ahead, following, batch.inventory, limits)
            commit = self._repository.apply_writes(batch.writes, self._head)
        with suppress(AtpubError):  # it is raised when the turn of that batch has come
            self._ahead = ahead.result()
        return commit

    def _prepare_ahead(self, groups: Sequence[Group], inventory: Inventory, limits: Limits) -> _Ahead:
        count, batch = largest_batch(groups, lambda part: self._drafts.batch(_flatten(part), inventory), limits)
        return _Ahead(groups[:count], inventory, limits, batch)

    def _check_commit(self, batch: CommitDraft, commit: Commit) -> None:
        for write, cid in zip(batch.writes, commit.cids, strict=True):
            if cid != (None if isinstance(write, Delete) else Encoded.of(write.value, write.encoded).cid):
                uri = AtUri.of(self._repository.did, write.path)
                raise RepositoryError(f"the server stored another record at {uri} than it was sent: {cid}")
        self._inventory = batch.inventory
        self._record_commit(batch.changes, commit.head)

    def _record_commit(self, changes: Sequence[Change], head: Head) -> None:
        self._head = head.cid
        self._uploads.commit(changes)
        self._done |= {change.path: self._drafts.cid(change) for change in changes}
        self._hooks.on_commit(Committed(head, tuple(changes), tuple(self._drafts.records(changes))))

    # Going on from another head than the one that the plan, or the last commit, has left

    def _skip_applied(self, groups: Sequence[Group]) -> Sequence[Group]:
        """Return the changes that are not applied yet: a plan may be applied again after a fault."""
        head = self._repository.head()
        if (head.cid if head else None) == self._head:
            return groups
        _, _, left = self._read_again(_flatten(groups))
        paths = {change.path for change in left}
        return _filter_groups(groups, lambda change: change.path in paths)

    def _remaining_after_read(self, batch: CommitDraft) -> CommitDraft:
        """Return what remains of a batch whose commit may have been made; reads the repository again."""
        left = self._read_on()
        return self._prepare(change for change in batch.changes if change.path in left)

    def _read_on(self) -> Collection[RecordPath]:
        """Read the repository again, and return the changes that remain.

        Later changes are checked too: on the new head, nothing else would detect that their records were modified.
        So are applied ones: if one was undone, the remaining changes would leave an inconsistent state.
        """
        self._has_read_again = True
        head, made, left = self._read_again(self._all)
        undone = [change for change in left if change.path in self._done]
        if undone:
            raise _stale(undone[0])
        made = [change for change in made if change.path not in self._done]
        if made and head is not None:
            self._record_commit(made, head)
        return {change.path for change in left}

    def _read_again(self, changes: Sequence[Change]) -> tuple[Head | None, list[Change], list[Change]]:
        """Return the newest commit, the changes that it contains and those that remain; continue from it.

        Raises StalePlan where a record or its ownership was modified outside this run, and Refused where a safety rule
        forbids a change now. A record that the plan leaves alone does not make it stale, unless a change refers to what
        it was: the outcome is as if this run had come first, and names the record.
        """
        live = read_owned(self._repository, records_around(change.path for change in self._plan.changes))
        ownership = OwnershipView.of(live, self._plan.project)
        self._head = live.head.cid if live.head else None
        self._inventory = ownership.inventory
        blobs = (blob for record in live.records.values() for blob in data.blobs_in(record.value))
        self._uploads.found(blobs, live.lost_blobs)
        made: list[Change] = []
        left: list[Change] = []
        for change in changes:
            record = ownership.record(change.path)
            found = (record.cid if record else None, ownership.owned.get(change.path))
            if found == self._drafts.result(change):
                made.append(change)
            elif found == self._drafts.planned_on(change) and not (change.writes and change.path in ownership.foreign):
                left.append(change)
            else:
                raise _stale(change)
        self._moved = find_moved(self._plan, live)
        check_pins(self._plan, left, self._moved)
        _refuse(live_refusals(left, ownership, self._plan.rules))
        return live.head, made, left


def _unchanged(change: Change, cid: Cid | None) -> Outcome:
    return Outcome(change, "unchanged", cid, _MOVED if change.was_left else None)


def _refuse(refusals: Iterable[Refusal]) -> None:
    """Raise Refused if there is a refusal."""
    found = tuple(refusals)
    if found:
        raise Refused("\n".join(item.message for item in found), hint=found[0].hint)


def _stale(change: Change) -> StalePlan:
    message = f"{change.address} was {_MOVED}"
    return StalePlan(message, hint="look at a new plan, then apply that")


def _flatten(groups: Iterable[Group]) -> list[Change]:
    return [change for group in groups for change in group]


def _filter_groups(groups: Iterable[Group], is_selected: Callable[[Change], bool]) -> list[Group]:
    """Return the groups with the selected changes only; empty groups are left out."""
    found = (tuple(filter(is_selected, group)) for group in groups)
    return [group for group in found if group]
