"""Rebasing a saved plan on the live state: completed changes are skipped; other modifications make it stale.

The safety rules are checked again. The values of the plan that its digest does not cover are compared with the live
records: the MIME types of blobs, and the createdAt of a record that exists.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from typing import Final

from atpub.atproto.data import Blob, blobs_in, cid_of, put
from atpub.atproto.syntax import Cid, RecordPath
from atpub.engine.desired.model import CID_FIELD, BlobFile
from atpub.engine.ownership import OwnershipView
from atpub.engine.plan.build import cost_of, inventory_changes
from atpub.engine.plan.digest import blob_at
from atpub.engine.plan.model import Change, Plan, Upload
from atpub.engine.plan.safety import live_refusals
from atpub.errors import StalePlan
from atpub.repository.model import Live, Record

_ANEW: Final = "look at a new plan, then apply that"


def rebase(plan: Plan, live: Live) -> Plan:
    """Return the rest of a plan on another live state; raises StalePlan where one of its records changed otherwise.

    A commit that touches none of its records does not matter, unless a safety rule refuses a change now.
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
    check_pins(plan, done.values(), find_moved(plan, live))
    blobs = {blob for record in live.records.values() for blob in blobs_in(record.value)}
    changes = tuple(_with_live_values(change, blobs) for change in done.values())
    uploads = tuple(_uploads_left(plan, changes, {blob.cid for blob in blobs} - live.lost_blobs, live.lost_blobs))
    refusals = dict.fromkeys((*plan.refusals, *live_refusals(changes, ownership, plan.rules)))
    owned = inventory_changes(changes, ownership.owned)
    return replace(
        plan,
        head=live.head,
        changes=changes,
        uploads=uploads,
        refusals=tuple(refusals),
        cost=cost_of(changes, ownership.inventory.writes(owned), uploads),
        inventory=ownership.inventory,
        inventory_changes=owned,
    )


def find_moved(plan: Plan, live: Live) -> dict[RecordPath, Cid | None]:
    """Return the records that a plan leaves alone and that are not as it found them, with their CIDs now."""
    moved: dict[RecordPath, Cid | None] = {}
    for change in plan.changes:
        record = live.records.get(change.path)
        cid = record.cid if record else None
        if not change.pending and cid != change.before_cid:
            moved[change.path] = cid
    return moved


def check_pins(plan: Plan, changes: Iterable[Change], moved: Container[RecordPath]) -> None:
    """Raise StalePlan where one of these changes writes a record that pins what a moved one was."""
    addresses = {change.path: change.address for change in plan.changes}
    for change in changes:
        for reference in change.strong_refs if change.after is not None else ():
            if reference.target in moved:
                message = f"{addresses[reference.target]} has been changed since {change.address} was planned"
                raise StalePlan(message, hint=_ANEW)


def _with_live_values(change: Change, live: Set[Blob]) -> Change:
    """Return the change with the live description of its blobs, where there is one now; raises StalePlan."""
    value, before = change.after, change.before
    if value is None:
        return change
    field = change.created_at
    if field and before and isinstance(before.value.get(field), str) and before.value[field] != value[field]:
        raise StalePlan(f"{change.address} has another {field} than was planned", hint=_ANEW)
    by_cid = {blob.cid: blob for blob in live}
    still_open: list[BlobFile] = []
    for item in change.sniffed_blobs:
        if item not in change.open_blobs:
            if blob_at(value, item.steps) not in live:
                message = f"{change.address} has a blob of {item.file.name} that is not in the repository any more"
                raise StalePlan(message, hint=_ANEW)
        elif item.blob.cid in by_cid:
            value = put(value, item.steps, by_cid[item.blob.cid].to_json())
        else:
            still_open.append(item)
    return replace(change, after=value, open_blobs=tuple(still_open))


def _uploads_left(plan: Plan, changes: Iterable[Change], there: Set[Cid], lost: Set[Cid]) -> Iterator[Upload]:
    """Yield the uploads that are still needed; raises StalePlan where the plan lacks one.

    `there` are the blobs that the repository has, `lost` those whose bytes it has no more.
    """
    wanted = {blob.cid: change for change in changes for blob in blobs_in(change.after) if blob.cid not in there}
    for item in plan.uploads:
        if item.cid in wanted or (item.repair and item.cid in lost):
            yield replace(item, repair=item.cid in lost)
    for cid in wanted.keys() - {item.cid for item in plan.uploads}:
        message = f"{wanted[cid].address} needs the blob {cid}, which is not in the repository any more"
        raise StalePlan(message, hint=_ANEW)


def _rebase_change(change: Change, live: Record | None, done: Mapping[RecordPath, Change], *, is_owned: bool) -> Change:
    found = live.cid if live else None
    if change.action == "unchanged" and found != change.before_cid:
        return replace(change, action="keep", before=live, after_cid=found)  # a new plan will show it
    if change.action == "forget" or (change.action == "delete" and live is None):
        return replace(change, action="forget" if is_owned else "unchanged", before=live)
    if change.action in ("keep", "unchanged"):
        return replace(change, before=live, after_cid=found)
    if change.after is None and change.action == "adopt" and found == change.before_cid:
        return replace(change, action="unchanged" if is_owned else "adopt", before=live, after_cid=found)
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
