"""The safety rules for deletes: checked by a plan, and again on the live state when it is applied."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from atpub.atproto.syntax import RecordPath
from atpub.engine.desired.model import VERSIONED
from atpub.engine.inventory import Owned
from atpub.engine.ownership import OwnershipView
from atpub.engine.plan.model import Change, Drift, Refusal, Rules
from atpub.engine.plan.order import references
from atpub.repository.model import Record

OWNED_FROM: Final = 10
"""A share of what is owned limits deletes from this many owned records on."""

_GONE: Final = ("delete", "keep", "forget")


def drift_of(owned: Owned, before: Record | None) -> Drift | None:
    """Return the edit that was made outside the project; None where the record is as it was applied."""
    return None if before and before.cid == owned.cid else Drift(owned.cid, before.cid if before else None)


def deletion_refusal(change: Change, *, delete_drifted: bool) -> Refusal | None:
    """Return the refusal to delete a record; None where it may be deleted.

    Protection and limits are those of the first part of a dataset: the number of the others may change.
    """
    address = change.address
    if change.protect and change.part.number == 1:
        hint = "set `protect: false` on it, apply, then remove it; or forget it: --forget " + address
        return Refusal(address, change.uri, "protected", f"{address} is protected: it is not deleted", hint)
    if change.drift and not delete_drifted:
        message = f"{address} was modified outside this project since it was applied"
        hint = f"delete it anyway: --delete-drifted; or leave it alone: --forget {address}"
        return Refusal(address, change.uri, "drifted-delete", message, hint)
    return None


def total_refusals(
    changes: Sequence[Change], stays: bool, owned: Mapping[RecordPath, Owned], rules: Rules
) -> Iterator[Refusal]:
    """Apply the rules that count deletes, of a dataset's first part alone; `stays`: whether an owned record remains."""
    deletes = sum(change.action == "delete" and change.part.number == 1 for change in changes)
    creates = sum(change.action == "create" for change in changes)
    limit, total = rules.max_delete, sum(item.part == 1 for item in owned.values())
    too_many = deletes > limit * total if isinstance(limit, float) and total >= OWNED_FROM else False
    if too_many or (isinstance(limit, int) and deletes > limit):
        allowed = f"{limit:.0%}" if isinstance(limit, float) else str(limit)
        message = f"this would delete {deletes} of {total} records; the policy allows {allowed}"
        yield Refusal("", None, "max-delete", message, "raise `policy: {max_delete: …}` if that is meant")
    if deletes and creates and not stays and not rules.allow_replace_all:
        message = f"none of the project's {total} records is wanted: this would delete {deletes} and create others"
        hint = "does another manifest use this project name? if it is meant: --allow-replace-all"
        yield Refusal("", None, "replace-all", message, hint)


def any_stays(changes: Iterable[Change], owned: Collection[RecordPath]) -> bool:
    """Return whether one of these changes leaves an owned record in the project."""
    return any(change.path in owned and change.action not in _GONE for change in changes)


def live_refusals(changes: Sequence[Change], ownership: OwnershipView, rules: Rules) -> Iterator[Refusal]:
    """Yield what the safety rules refuse on the live state, of changes that were planned on an earlier one."""
    owned = ownership.owned
    referrers = _referrers(changes, ownership)
    for change in changes:
        held = owned.get(change.path)
        if change.action != "delete" or held is None:
            continue
        now = replace(
            change, protect=change.protect or held.protect, drift=drift_of(held, ownership.record(change.path))
        )
        refusal = deletion_refusal(now, delete_drifted=rules.delete_drifted)
        if refusal is None and change.path in referrers:
            message = f"{change.address} is not deleted: {ownership.uri(referrers[change.path])} refers to it"
            refusal = Refusal(change.address, change.uri, "referenced-version", message, "look at a new plan")
        if refusal is not None:
            yield refusal
    gone = {change.path for change in changes if change.action in _GONE}
    yield from total_refusals(changes, any(path not in gone for path in owned), owned, rules)


def _referrers(changes: Sequence[Change], ownership: OwnershipView) -> dict[RecordPath, RecordPath]:
    """Return the versions to be deleted that a remaining record of the project refers to, each with one such record."""
    gone = {change.path for change in changes if change.action in ("delete", "forget")}
    versions = {
        str(item.uri): item.path for item in changes if item.action == "delete" and item.path.collection in VERSIONED
    }
    if not versions:
        return {}
    after = {change.path: change.after for change in changes if change.after is not None}
    found: dict[RecordPath, RecordPath] = {}
    for path in sorted({*ownership.owned, *after} - gone):
        record = ownership.record(path)
        value = after.get(path, record.value if record else None)
        found.update(dict.fromkeys(references(value, versions), path))
    return found
