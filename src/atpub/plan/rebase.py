"""A plan made earlier, on what is live now: what is done already is left alone, and what has changed makes it stale."""

from __future__ import annotations

from dataclasses import replace

from atpub.desired.model import CID_FIELD
from atpub.errors import StalePlan
from atpub.inventory import Inventory, read_inventories
from atpub.lexicon.data import Blob, Json, JsonObject, blobs_in, put
from atpub.plan.make import ownership
from atpub.plan.model import Change, Plan
from atpub.state import Live, Record


def rebase(plan: Plan, live: Live) -> Plan:
    """The rest of a plan, on another state; raises StalePlan where a record that it touches has changed otherwise.

    A commit that touches none of its records does not matter.
    """
    if live.did != plan.did:
        raise StalePlan(f"the plan is for {plan.did}, and {plan.account} is {live.did}", hint="make a new plan")
    inventory = read_inventories(live.records.values()).get(plan.project) or Inventory(plan.project)
    changes = tuple(_rebased(change, live.records.get(change.path)) for change in plan.changes)
    there = {blob.cid for record in live.records.values() for blob in blobs_in(record.value)}
    wanted = {blob.cid for change in changes if change.after is not None for blob in blobs_in(change.after)}
    return replace(
        plan,
        head=live.head,
        changes=changes,
        uploads=tuple(item for item in plan.uploads if item.cid in wanted and item.cid not in there),
        inventory=inventory,
        inventory_changes=ownership(changes, inventory.owned),
    )


def _rebased(change: Change, live: Record | None) -> Change:
    if not change.writes:
        return replace(change, before=live)
    if change.action == "delete" and live is None:
        return replace(change, action="forget", before=None)
    if live is not None and change.after is not None and _is_result(change, live):
        return replace(change, action="unchanged", before=live, after=None, after_cid=live.cid, unknown="")
    if (live.cid if live else None) == change.before_cid:
        return replace(change, before=live)
    what = "is not there any more" if live is None else f"is now {live.cid}"
    message = f"{change.address} has been changed since it was planned: {change.uri} {what}"
    raise StalePlan(message, hint="look at a new plan, then apply that")


def _is_result(change: Change, live: Record) -> bool:
    """Whether the live record is what the change makes, whatever the server has decided about it."""
    if change.after_cid is not None:
        return live.cid == change.after_cid
    assert change.after is not None
    return _without_open(change, change.after) == _without_open(change, live.value)


def _without_open(change: Change, value: JsonObject) -> Json:
    """The value with the places that the plan leaves open made equal."""
    try:
        for item in change.open_blobs:
            found = _at(value, item.steps)
            blob = Blob.from_json(found)
            value = put(value, item.steps, None if blob is None else [blob.cid, blob.size])
        for reference in change.strong_refs:
            value = put(value, (*reference.steps, CID_FIELD), None)
    except (KeyError, IndexError, TypeError, AssertionError):
        return None  # it has not even the same places
    return value


def _at(value: Json, steps: tuple[str | int, ...]) -> Json:
    for step in steps:
        match value, step:
            case dict(), str():
                value = value[step]
            case list(), int():
                value = value[step]
            case _:
                raise KeyError(step)
    return value
