"""Plans to publish single records. Without a manifest nothing tells which other records should exist: none is deleted.

Without a project, no project owns the published records; records that a project owns are not changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from atpub.atproto.syntax import AtUri, RecordPath
from atpub.engine.desired.model import Desired
from atpub.engine.ownership import OwnershipView
from atpub.engine.plan.build import build_plan
from atpub.engine.plan.created_at import CreatedAtClock
from atpub.engine.plan.decide import Decision, immutable_refusal, make_change
from atpub.engine.plan.model import Change, Drift, Plan, Refusal
from atpub.engine.plan.resolve import ResolvedRecord, live_blobs, resolve_records, sort_by_references
from atpub.problems import Problem
from atpub.repository.model import Live

IfExists: TypeAlias = Literal["update", "error", "skip"]
EXISTS = "exists"
"""The code of the refusal that `if_exists="error"` asks for."""


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """A record to publish, and what to do if its path has a record already."""

    desired: Desired
    if_exists: IfExists = "update"


def plan_publication(
    requests: Sequence[PublishRequest],
    live: Live,
    *,
    project: str,
    account: str,
    now: datetime,
    warnings: tuple[Problem, ...] = (),
) -> Plan:
    """Plan to publish these records, each at another path; `project` owns them (empty: no project does)."""
    ownership = OwnershipView.of(live, project, {request.desired.path for request in requests})
    requests = _without_new_parts(requests, live)
    desired = tuple(request.desired for request in requests)
    blobs, clock = live_blobs(desired, live.records), CreatedAtClock(now, live.records)
    resolved = resolve_records(sort_by_references(desired), live.records, blobs, clock)
    if_exists: dict[RecordPath, IfExists] = {request.desired.path: request.if_exists for request in requests}
    decisions = [_decide(item, if_exists[path], ownership) for path, item in resolved.items()]
    return build_plan(
        [item.change for item in decisions if item.change],
        resolved,
        blobs,
        ownership,
        account=account,
        refusals=tuple(item.refusal for item in decisions if item.refusal),
        warnings=warnings,
    )


def _without_new_parts(requests: Sequence[PublishRequest], live: Live) -> Sequence[PublishRequest]:
    """Return requests without the new parts of datasets that stay as they are: the first part would not list them."""
    skipped = {
        request.desired.address
        for request in requests
        if request.if_exists == "skip" and request.desired.part.number == 1 and request.desired.path in live.records
    }
    return [
        request
        for request in requests
        if request.desired.address not in skipped or request.desired.path in live.records
    ]


def _decide(resolved: ResolvedRecord, if_exists: IfExists, ownership: OwnershipView) -> Decision:
    """Decide the change of a record by the live record and its owner."""
    desired, path = resolved.desired, resolved.desired.path
    before, owned, uri = ownership.record(path), ownership.owned.get(path), ownership.uri(path)
    if owned is not None:  # what the manifest said of it stays
        desired = replace(desired, id=owned.id, protect=owned.protect)
        resolved = replace(resolved, desired=desired)
    same = before is not None and before.cid == resolved.cid
    refusal = (
        _exists_refusal(desired, uri, if_exists, there=before is not None)
        or immutable_refusal(resolved, before, owned, uri)
        or (None if same or (before and if_exists == "skip") else _foreign_refusal(desired, uri, ownership))
    )
    if refusal is not None:
        return Decision(None, refusal)
    if before is None:
        return Decision(make_change(resolved, uri, before, "create"))
    mine = not ownership.inventory.project or owned is not None
    if same:
        is_free = mine or path in ownership.foreign
        return Decision(make_change(resolved, uri, before, "unchanged" if is_free else "adopt", write=False))
    if if_exists == "skip":
        address = str(desired.address)
        return Decision(Change(address, "unchanged", desired.id, path, uri, before, after_cid=before.cid))
    drift = Drift(owned.cid, before.cid) if owned and owned.cid != before.cid else None
    return Decision(make_change(resolved, uri, before, "update" if mine else "adopt", drift))


def _foreign_refusal(desired: Desired, uri: AtUri, ownership: OwnershipView) -> Refusal | None:
    owner = ownership.foreign.get(desired.path)
    if owner is None:
        return None
    message = f"{desired.address} is a record of the project {owner!r}, and would be changed"
    hint = f"change it in that project's manifest, give it another id, or publish as that project: project={owner!r}"
    return Refusal(str(desired.address), uri, "foreign-owner", message, hint)


def _exists_refusal(desired: Desired, uri: AtUri, if_exists: IfExists, *, there: bool) -> Refusal | None:
    if not there or if_exists != "error":
        return None
    message = f"{desired.address}: there is a record already at {uri}"
    return Refusal(str(desired.address), uri, EXISTS, message, 'give it another name or id, or if_exists="update"')
