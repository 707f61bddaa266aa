"""A past apply as plain values: each record that it changed, as it was before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from atpub.atproto.data import JsonObject, blobs_in
from atpub.atproto.syntax import Cid, Did, RecordPath
from atpub.engine.inventory import Owned
from atpub.engine.plan.model import Action, Change, Outcome, Plan
from atpub.repository.model import Record


@dataclass(frozen=True, slots=True)
class PastChange:
    """The change of one record and of its inventory entry.

    `is_open` where the CID after it is not known: the server decided it, and the apply did not end.
    """

    address: str
    action: Action
    id: str
    path: RecordPath
    before: Record | None
    owned_before: Owned | None
    after_cid: Cid | None
    owned_after: Owned | None
    is_open: bool = False
    times: Mapping[str, str] = field(default_factory=dict[str, str])
    """The times that the manifest left open and the apply filled in, by their fields."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What is listed of a past apply; `undoes` names the apply that it has undone, if it is an undo."""

    name: str
    time: datetime
    project: str
    account: str
    did: Did
    summary: Mapping[str, int]
    undoes: str | None = None
    files: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """The files of the blobs of its records by their CIDs, as far as they were at hand; relative to the manifest."""


@dataclass(frozen=True, slots=True)
class PastApply:
    """A past apply with its changes."""

    heading: Heading
    changes: Sequence[PastChange] = field(repr=False)


def past_apply(plan: Plan, name: str, time: datetime, undoes: str | None, files: Mapping[str, str]) -> PastApply:
    """Return what is kept of a plan that is about to be applied; `files` are those of blobs by their CIDs."""
    changes = tuple(_past_changes(plan))
    held = {blob.cid for change in plan.changes for value in _values(change) for blob in blobs_in(value)}
    kept = {cid: file for cid, file in files.items() if cid in held}
    words = plan.pending_words
    return PastApply(Heading(name, time, plan.project, plan.account, plan.did, words, undoes, kept), changes)


def complete(past: PastApply, outcomes: Sequence[Outcome]) -> PastApply:
    """Return the apply with the CIDs that its outcomes tell."""
    cids = {outcome.change.path: outcome.cid for outcome in outcomes if outcome.status == "applied"}
    changes = [
        replace(item, after_cid=cids[item.path], is_open=False) if item.is_open and item.path in cids else item
        for item in past.changes
    ]
    return replace(past, changes=tuple(changes))


def _past_changes(plan: Plan) -> Iterator[PastChange]:
    owned = plan.inventory.owned
    for change in plan.changes:
        if not (change.writes or change.path in plan.inventory_changes):
            continue
        before = owned.get(change.path)
        stays = change.action != "delete" and change.after is None
        yield PastChange(
            change.address,
            change.action,
            change.id,
            change.path,
            change.before,
            before,
            change.before_cid if stays else change.after_cid,
            plan.inventory_changes.get(change.path, before),
            is_open=change.after is not None and change.after_cid is None,
            times=_times(change),
        )


def _times(change: Change) -> Mapping[str, str]:
    if change.after is None or change.created_at is None:
        return {}
    return {change.created_at: str(change.after[change.created_at])}


def _values(change: Change) -> Iterator[JsonObject]:
    if change.before is not None:
        yield change.before.value
    if change.after is not None:
        yield change.after
