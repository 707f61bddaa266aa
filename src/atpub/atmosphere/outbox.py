"""Publishing what calls ask for: each call at once, or several in one batch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from atpub.atmosphere.accounts import Account
from atpub.atmosphere.ready_plan import OnEvent, Opened, Outcomes, ReadyPlan, carry_out, ignore
from atpub.atproto.syntax import AtUri, Did, RecordPath
from atpub.engine.apply import PartialApplyError
from atpub.engine.plan.publication import PublishRequest
from atpub.errors import AtpubError, StalePlan, Usage
from atpub.pipeline import plan_requests
from atpub.repository.backoff import TRIES, back_off
from atpub.repository.interface import BlobSource
from atpub.suggest import pluralize


@dataclass(frozen=True, slots=True)
class QueuedRecord:
    """The records of one call, the last of which it is about; the bytes of their blobs and the MIME types to send.

    `project` owns them (empty: no project).
    """

    requests: tuple[PublishRequest, ...]
    project: str = ""
    sources: Mapping[str, BlobSource] = field(default_factory=dict[str, BlobSource], repr=False)
    mime_types: Mapping[str, str] = field(default_factory=dict[str, str])

    def uri(self, did: Did) -> AtUri:
        """Return the URI of the record that the call is about."""
        return AtUri.of(did, self.requests[-1].desired.path)


class Batch:
    """Calls whose records are published together: in one atomic commit, or in as few as the limits allow."""

    def __init__(self, account: Account, again: Opened, on_event: OnEvent = ignore) -> None:
        """Take the account, what opens it to apply a plan, and who is told of uploads and commits."""
        self._account = account
        self._again = again
        self._on_event = on_event
        self._requests: dict[RecordPath, PublishRequest] = {}
        self._sources: dict[str, BlobSource] = {}
        self._mime_types: dict[str, str] = {}
        self._project: str | None = None
        self.outcomes = Outcomes()
        """What became of each record, once the batch is published."""

    def __repr__(self) -> str:
        state = "published" if self.outcomes else "not published"
        return f"Batch({pluralize(len(self._requests), 'record')}, {state})"

    def add(self, queued: QueuedRecord) -> None:
        """Add a call's records, all or none; raises Usage where one contradicts an earlier call."""
        if self._project not in (None, queued.project):
            raise Usage("a batch is of one project", hint="use publishers of the same `project` in it")
        for request in queued.requests:
            first = self._requests.get(request.desired.path, request)
            if first.desired.value != request.desired.value:
                message = f"{request.desired.address} is published twice in one batch, with different content"
                raise Usage(message, hint="give one of them another name, id or rkey")
        self._project = queued.project
        for request in queued.requests:
            self._requests.setdefault(request.desired.path, request)
        self._sources.update(queued.sources)
        self._mime_types.update(queued.mime_types)

    def plan(self) -> ReadyPlan:
        """Plan to publish the calls so far; writes nothing."""
        return self._plan(recall=False)

    def _plan(self, *, recall: bool) -> ReadyPlan:
        requests = tuple(self._requests.values())
        plan = plan_requests(
            requests,
            self._account.repository,
            project=self._project or "",
            account=self._account.name,
            now=datetime.now(UTC),
            recall=recall,
        )
        mime_types = self._mime_types
        uploads = tuple(replace(item, mime_type=mime_types.get(item.cid, item.mime_type)) for item in plan.uploads)
        return ReadyPlan(replace(plan, uploads=uploads), dict(self._sources), self._again)

    def publish(self) -> None:
        """Publish it all; raises Refused, RecordConflict or PartlyApplied.

        If another publisher changes a record meanwhile, a new plan is made: no one has reviewed the old one.
        """
        moves = 0
        while self._requests:
            try:
                self.outcomes = carry_out(self._newest_plan(), self._on_event, is_new=True)
            except AtpubError as error:
                moves += 1
                if moves == TRIES or not _was_late(error):
                    raise
                back_off(moves)
            else:
                return

    def _newest_plan(self) -> ReadyPlan:
        """Return a plan on what this client has left, where its commits show of each record whether that still holds.

        Of a record that is not written, no commit shows it: then the head must be the newest, or else all is read.
        """
        recalled = self._plan(recall=True)
        is_written = all(change.pending for change in recalled.changes)
        if recalled.pending and is_written and not recalled.refusals:
            return recalled
        return recalled if recalled.plan.head == self._account.repository.head() else self.plan()


def _was_late(error: AtpubError) -> bool:
    """Return whether a record that the plan is about was changed by another publisher."""
    return isinstance(error.__cause__ if isinstance(error, PartialApplyError) else error, StalePlan)


class Outbox:
    """The way of calls to the repository: published at once, or kept for the open batch."""

    def __init__(self, new_batch: Callable[[OnEvent], Batch]) -> None:
        """Take what makes a batch for the account."""
        self._new_batch = new_batch
        self._open: Batch | None = None

    def post(self, queued: QueuedRecord, on_event: OnEvent) -> None:
        """Publish a call's records, or add them to the open batch."""
        if self._open is not None:
            self._open.add(queued)
            return
        batch = self._new_batch(on_event)
        batch.add(queued)
        batch.publish()

    @contextmanager
    def batch(self, on_event: OnEvent) -> Generator[Batch]:
        """Yield a batch that takes in every call in the block, and publish it at the end unless the block fails."""
        with self.collecting(on_event) as batch:
            yield batch
        batch.publish()

    @contextmanager
    def collecting(self, on_event: OnEvent = ignore) -> Generator[Batch]:
        """Yield a batch that is not published."""
        if self._open is not None:
            raise Usage("a batch is open already", hint="end it first: batches do not go into each other")
        self._open = batch = self._new_batch(on_event)
        try:
            yield batch
        finally:
            self._open = None
