"""Building a plan from desired and live records: a decision on each record, then the rules that look at all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Final

from atpub.atproto import data
from atpub.atproto.data import Encoded, Json, blobs_in
from atpub.atproto.syntax import Cid, RecordPath
from atpub.engine.desired.model import Desired
from atpub.engine.inventory import COLLECTION as INVENTORY
from atpub.engine.inventory import Owned, OwnershipView
from atpub.engine.plan.created_at import CreatedAtClock
from atpub.engine.plan.decide import decide_gone, decide_wanted
from atpub.engine.plan.model import Change, Cost, Options, Plan, Refusal, Upload
from atpub.engine.plan.resolve import ResolvedRecord, resolve_records, sort_by_references
from atpub.engine.plan.select import check_options, select, selected
from atpub.errors import Problem
from atpub.manifest.kinds import RECORDS
from atpub.manifest.model import Policy
from atpub.repository.model import Create, Delete, Live, Record, Update, Write

_POINTS: Final = {Create: 3, Update: 2, Delete: 1}
MOST_WRITES: Final = 200
OWNED_FROM: Final = 10
"""A share of what is owned limits deletes from this many owned records on."""

_GONE: Final = ("delete", "keep", "forget")


def plan_manifest(
    desired: tuple[Desired, ...],
    live: Live,
    *,
    project: str,
    account: str,
    now: datetime,
    policy: Policy | None = None,
    options: Options | None = None,
    warnings: tuple[Problem, ...] = (),
) -> Plan:
    """Plan what makes a repository hold exactly these records of a project."""
    options = options or Options()
    ownership = OwnershipView.of(live, project)
    resolved = resolve_records(sort_by_references(desired), live.records, CreatedAtClock(now, live.records))
    decisions = [
        *(decide_wanted(item, ownership) for item in resolved.values()),
        *decide_gone(resolved, ownership, options),
    ]
    whole = [item.change for item in decisions if item.change]
    refused = [item.refusal for item in decisions if item.refusal]
    check_options(options, whole, {item.address for item in refused})
    changes = select(whole, options.only, options.exclude)
    gates = _gates(changes, whole, ownership.owned, policy or Policy(), options)
    plan = build_plan(
        changes,
        resolved,
        ownership,
        account=account,
        refusals=(*selected(refused, changes, options), *gates),
        warnings=warnings,
    )
    chosen = {change.path for change in changes}
    return replace(
        plan,
        left_out=tuple(change.address for change in whole if change.path not in chosen and change.pending),
        unmanaged=tuple(map(ownership.uri, sorted(_unmanaged(resolved, ownership)))),
    )


def build_plan(
    changes: Sequence[Change],
    resolved: Mapping[RecordPath, ResolvedRecord],
    ownership: OwnershipView,
    *,
    account: str,
    refusals: tuple[Refusal, ...],
    warnings: tuple[Problem, ...],
) -> Plan:
    """Build the plan of these changes with its uploads, inventory changes, cost and digest."""
    live, inventory = ownership.live, ownership.inventory
    owned = inventory_changes(changes, ownership.owned) if inventory.project else {}
    uploads = tuple(uploads_of(changes, resolved, live.records.values()))
    return Plan(
        project=inventory.project,
        account=account,
        did=live.did,
        head=live.head,
        changes=tuple(changes),
        uploads=uploads,
        refusals=refusals,
        warnings=warnings,
        cost=cost_of(changes, inventory.writes(owned), uploads),
        digest=plan_digest(live.did, inventory.project, changes),
        inventory=inventory,
        inventory_changes=owned,
    )


def _unmanaged(resolved: Collection[RecordPath], ownership: OwnershipView) -> Iterator[RecordPath]:
    """Yield the live records that the manifest does not name and no project owns."""
    for path in ownership.live.records:
        if not (
            path in resolved or path in ownership.owned or path in ownership.foreign or path.collection == INVENTORY
        ):
            yield path


def _gates(
    changes: Sequence[Change],
    whole: Sequence[Change],
    owned: Collection[RecordPath],
    policy: Policy,
    options: Options,
) -> Iterator[Refusal]:
    """Apply the rules that look at all changes of a plan at once; `whole` includes changes that were left out."""
    deletes = sum(change.action == "delete" for change in changes)
    creates = sum(change.action == "create" for change in changes)
    limit = policy.max_delete
    too_many = deletes > limit * len(owned) if isinstance(limit, float) and len(owned) >= OWNED_FROM else False
    if too_many or (isinstance(limit, int) and deletes > limit):
        allowed = f"{limit:.0%}" if isinstance(limit, float) else str(limit)
        message = f"this would delete {deletes} of {len(owned)} records; the policy allows {allowed}"
        yield Refusal("", None, "max-delete", message, "raise `policy: {max_delete: …}` if that is meant")
    for name in sorted(unmatched_forgets(options, whole)) if deletes else ():
        message = f"--forget {name}: the project owns no such record, and this would delete {deletes}"
        yield Refusal("", None, "nothing-to-forget", message, "did you mean one of those?")
    stays = any(change.path in owned and change.action not in _GONE for change in whole)
    if deletes and creates and not stays and not options.allow_replace_all:
        message = f"none of the project's {len(owned)} records is wanted: this would delete {deletes} and create others"
        hint = "does another manifest use this project name? if it is meant: --allow-replace-all"
        yield Refusal("", None, "replace-all", message, hint)


def unmatched_forgets(options: Options, changes: Iterable[Change]) -> frozenset[str]:
    """Return the `--forget` options that match none of these changes."""
    forgotten = [item for item in changes if item.action == "forget"]
    return options.forget - {
        name for item in forgotten for name in (item.address, str(item.uri), f"{RECORDS.section}/{item.id}")
    }


def inventory_changes(changes: Iterable[Change], owned: Mapping[RecordPath, Owned]) -> dict[RecordPath, Owned | None]:
    """Return how the inventory changes with these records; a CID that is not known yet is empty."""
    made: dict[RecordPath, Owned | None] = {}
    for change in changes:
        before = owned.get(change.path)
        if change.action in ("delete", "forget"):
            if before is not None:
                made[change.path] = None
        elif change.action in ("create", "update", "adopt") or (before and change.action == "unchanged"):
            now = Owned(change.id, change.path, change.after_cid or Cid(""), change.protect)
            if now != before:
                made[change.path] = now
    return made


def uploads_of(
    changes: Iterable[Change], resolved: Mapping[RecordPath, ResolvedRecord], live: Iterable[Record]
) -> Iterator[Upload]:
    """Yield the blobs that no live record refers to yet, in the order in which they are needed."""
    changes = [change for change in changes if change.after is not None and resolved[change.path].desired.blobs]
    there = {blob.cid for record in live for blob in blobs_in(record.value)} if changes else set[Cid]()
    for change in changes:
        for item in resolved[change.path].desired.blobs:
            if item.blob.cid not in there:
                there.add(item.blob.cid)
                yield Upload(item.blob.cid, item.blob.size, item.blob.mime_type, item.file)


def cost_of(changes: Iterable[Change], inventory: tuple[Write, ...], uploads: tuple[Upload, ...]) -> Cost:
    """Compute the cost of the changes with their inventory's writes and their uploads."""
    kinds = [_kind(change) for change in changes if change.writes] + [type(write) for write in inventory]
    between = (len(kinds) - 1) // MOST_WRITES if inventory else 0  # a record of the inventory, rewritten in the next
    kinds += [Update] * between
    size = sum(Encoded.of(change.after, change.encoded).size for change in changes if change.after is not None)
    return Cost(
        points=points_of(kinds),
        writes=len(kinds),
        commits=-(-len(kinds) // MOST_WRITES),
        bytes=size + sum(upload.size for upload in uploads),
    )


def points_of(kinds: Iterable[type[Write]]) -> int:
    """Return the points that a PDS counts for these writes (an account may spend 5,000 an hour and 35,000 a day)."""
    return sum(_POINTS[kind] for kind in kinds)


def _kind(change: Change) -> type[Write]:
    if change.action == "delete":
        return Delete
    return Create if change.before is None else Update


def plan_digest(did: str, project: str, changes: Iterable[Change]) -> str:
    """Return a plan's digest, 64 hexadecimal digits: it depends on neither the time nor the order of the changes."""
    by_uri = sorted(changes, key=lambda change: str(change.uri))
    rows: list[Json] = [[c.address, c.action, str(c.uri), c.before_cid, c.digest_cid] for c in by_uri]
    return sha256(data.encode([did, project, *rows])).hexdigest()
