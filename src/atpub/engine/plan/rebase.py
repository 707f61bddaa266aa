"""Rebasing a saved plan on the live state: completed changes are skipped; other modifications make it stale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from atpub.atproto.data import blobs_in, cid_of, put
from atpub.atproto.syntax import RecordPath
from atpub.engine.desired.model import CID_FIELD
from atpub.engine.inventory import OwnershipView
from atpub.engine.plan.build import cost_of, inventory_changes
from atpub.engine.plan.model import Change, Plan
from atpub.errors import StalePlan
from atpub.repository.model import Live, Record

_ANEW: Final = "look at a new plan, then apply that"


def rebase(plan: Plan, live: Live) -> Plan:
    """Return the rest of a plan on another live state; raises StalePlan where one of its records changed otherwise.

    A commit that touches none of its records does not matter.
    """
    if live.did != plan.did:
        raise StalePlan(f"the plan is for {plan.did}, and {plan.account} is {live.did}", hint=_ANEW)
    ownership = OwnershipView.of(live, plan.project)
    done: dict[RecordPath, Change] = {}
    for change in plan.changes:  # what a strong reference needs comes before it
        if change.path in ownership.foreign and (change.writes or change.action == "adopt"):
            message = (
                f"{change.address} is a record of the project {ownership.foreign[change.path]!r} now: {change.uri}"
            )
            raise StalePlan(message, hint=_ANEW)
        is_owned = change.path in ownership.owned
        made = done[change.path] = _rebase_change(change, live.records.get(change.path), done, is_owned=is_owned)
        if made.before is not None and made.action in ("update", "delete") and not is_owned:
            message = f"{change.address} does not belong to the project {plan.project!r} any more: {change.uri}"
            raise StalePlan(message, hint=_ANEW)
    changes = tuple(done.values())
    there = {blob.cid for record in live.records.values() for blob in blobs_in(record.value)}
    wanted = {blob.cid for change in changes if change.after is not None for blob in blobs_in(change.after)}
    uploads = tuple(item for item in plan.uploads if item.cid in wanted and item.cid not in there)
    owned = inventory_changes(changes, ownership.owned)
    return replace(
        plan,
        head=live.head,
        changes=changes,
        uploads=uploads,
        cost=cost_of(changes, ownership.inventory.writes(owned), uploads),
        inventory=ownership.inventory,
        inventory_changes=owned,
    )


def _rebase_change(change: Change, live: Record | None, done: Mapping[RecordPath, Change], *, is_owned: bool) -> Change:
    found = live.cid if live else None
    if change.action == "unchanged" and found != change.before_cid:
        return replace(change, action="keep", before=live, after_cid=found)  # a new plan will show it
    if change.action == "forget" or (change.action == "delete" and live is None):
        return replace(change, action="forget" if is_owned else "unchanged", before=live)
    if change.action in ("keep", "unchanged"):
        return replace(change, before=live)
    if change.after is None and change.action == "adopt" and found == change.before_cid:
        return replace(change, action="unchanged" if is_owned else "adopt", before=live)
    if live is not None and change.after is not None and _is_result(change, live, done):
        return replace(change, action="unchanged", before=live, after=None, after_cid=live.cid, unknown="")
    if found == change.before_cid:
        return replace(change, before=live)
    what = "is not there any more" if live is None else f"is now {live.cid}"
    message = f"{change.address} has been changed since it was planned: {change.uri} {what}"
    raise StalePlan(message, hint=_ANEW)


def _is_result(change: Change, live: Record, done: Mapping[RecordPath, Change]) -> bool:
    """Return whether the live record is the change's result, whatever the server decided about it."""
    if change.after_cid is not None:
        return live.cid == change.after_cid
    assert change.after is not None
    value = change.after
    blobs = {blob.cid: blob for blob in blobs_in(live.value)}
    for item in change.open_blobs:
        blob = blobs.get(item.blob.cid)
        if blob is None or blob.size != item.blob.size:
            return False
        value = put(value, item.steps, blob.to_json())
    for reference in change.strong_refs:
        target = done.get(reference.target)
        if target is None or target.after_cid is None:
            return False
        value = put(value, (*reference.steps, CID_FIELD), target.after_cid)
    return live.cid == cid_of(value)
