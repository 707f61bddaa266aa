"""Building a plan from desired and live records: a decision on each record, then the rules that look at all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import Final

from atpub.atproto.data import Encoded, blobs_in
from atpub.atproto.syntax import Cid, Nsid, RecordPath
from atpub.engine.desired.model import Desired
from atpub.engine.inventory import COLLECTION as INVENTORY
from atpub.engine.inventory import Owned
from atpub.engine.ownership import OwnershipView
from atpub.engine.plan.created_at import CreatedAtClock, PastTimes, no_past_times
from atpub.engine.plan.decide import decide_gone, decide_wanted
from atpub.engine.plan.digest import plan_digest
from atpub.engine.plan.model import Change, Cost, Options, Plan, Refusal, Rules, Upload
from atpub.engine.plan.resolve import ResolvedRecord, live_blobs, resolve_records, sort_by_references
from atpub.engine.plan.safety import any_stays, total_refusals
from atpub.engine.plan.schema_versions import version_warnings
from atpub.engine.plan.select import check_options, select, selected
from atpub.generated.com.atproto.lexicon import schema as lexicon_schema
from atpub.manifest.atdata_shape import is_atdata_shape, shape_warning
from atpub.manifest.kinds import RECORDS
from atpub.manifest.model import Policy
from atpub.problems import Problem
from atpub.repository.model import Create, Delete, Live, Update, Write

_POINTS: Final = {Create: 3, Update: 2, Delete: 1}
MOST_WRITES: Final = 200


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
    past_times: PastTimes = no_past_times,
) -> Plan:
    """Plan what makes a repository hold exactly these records of a project."""
    options = options or Options()
    ownership = OwnershipView.of(live, project)
    blobs, clock = live_blobs(desired, live.records), CreatedAtClock(now, live.records, past_times)
    resolved = resolve_records(sort_by_references(desired), live.records, blobs, clock)
    decisions = [
        *(decide_wanted(item, ownership) for item in resolved.values()),
        *decide_gone(resolved, ownership, options),
    ]
    whole = [item.change for item in decisions if item.change]
    refused = [item.refusal for item in decisions if item.refusal]
    check_options(options, whole, {item.address for item in refused})
    changes = select(whole, options.only, options.exclude)
    rules = Rules((policy or Policy()).max_delete, options.delete_drifted, options.allow_replace_all)
    gates = (
        *total_refusals(changes, any_stays(whole, ownership.owned), ownership.owned, rules),
        *_forget_refusals(changes, whole, options),
        *_breaking_refusals(changes, ownership, options),
    )
    plan = build_plan(
        changes,
        resolved,
        blobs,
        ownership,
        account=account,
        refusals=(*selected(refused, changes, options), *gates),
        warnings=(*warnings, *_shape_warnings(changes), *version_warnings(changes, ownership)),
        rules=rules,
    )
    chosen = {change.path for change in changes}
    return replace(
        plan,
        left_out=tuple(dict.fromkeys(item.address for item in whole if item.path not in chosen and item.pending)),
        unmanaged=tuple(map(ownership.uri, sorted(_find_unmanaged(resolved, ownership)))),
    )


def build_plan(
    changes: Sequence[Change],
    resolved: Mapping[RecordPath, ResolvedRecord],
    blobs: Collection[Cid],
    ownership: OwnershipView,
    *,
    account: str,
    refusals: tuple[Refusal, ...],
    warnings: tuple[Problem, ...],
    rules: Rules = Rules(),  # noqa: B008 - frozen
) -> Plan:
    """Build the plan of these changes with its uploads, inventory changes, cost and digest; `blobs` are live ones."""
    live, inventory = ownership.live, ownership.inventory
    owned = inventory_changes(changes, ownership.owned) if inventory.project else {}
    uploads = tuple(uploads_of(changes, resolved, blobs, live.lost_blobs))
    return Plan(
        project=inventory.project,
        account=account,
        did=live.did,
        head=live.head,
        changes=tuple(changes),
        uploads=uploads,
        refusals=(*refusals, *_refused_types(changes, resolved)),
        warnings=warnings,
        cost=cost_of(changes, inventory.writes(owned), uploads),
        digest=plan_digest(live.did, inventory.project, changes, refusals, rules, uploads),
        inventory=inventory,
        inventory_changes=owned,
        rules=rules,
    )


def _refused_types(changes: Iterable[Change], resolved: Mapping[RecordPath, ResolvedRecord]) -> Iterator[Refusal]:
    """Yield records to write whose blobs are on the server already, with a type that their lexicon refuses."""
    for change in changes:
        blobs = resolved[change.path].desired.blobs if change.after is not None else ()
        types = {blob.cid: blob.mime_type for blob in blobs_in(change.after)} if blobs else {}
        for item in blobs:
            if item.sniffed and (problem := item.rejection(types[item.blob.cid])):
                yield Refusal(change.address, change.uri, problem.code, problem.message, problem.hint)


def _breaking_refusals(changes: Iterable[Change], ownership: OwnershipView, options: Options) -> Iterable[Refusal]:
    """Refuse changes of published lexicons that break others, unless they are allowed."""
    touched = [change for change in changes if _touches_lexicon(change)]
    if options.allow_breaking or not touched:
        return ()
    from atpub.engine.plan.lexicon_changes import breaking_refusals  # the comparison of lexicons, which few plans need

    return breaking_refusals(touched, ownership, options.approved)


def _touches_lexicon(change: Change) -> bool:
    """Return whether a change is one of a published lexicon."""
    return (
        change.path.collection == lexicon_schema.NSID
        and change.action in ("update", "adopt", "delete")
        and change.before is not None
        and Nsid.accepts(change.path.rkey)
    )


def _shape_warnings(changes: Iterable[Change]) -> Iterator[Problem]:
    """Warn of live records in the shape of atdata 0.7 that are written anew in that of their lexicons."""
    for change in changes:
        if change.before is not None and change.after is not None and is_atdata_shape(change.before.value):
            yield shape_warning(f"{change.address}: the live record", "applying writes it in the lexicon's")


def _find_unmanaged(resolved: Collection[RecordPath], ownership: OwnershipView) -> Iterator[RecordPath]:
    """Yield the live records that the manifest does not name and no project owns."""
    for path in ownership.live.records:
        if not (
            path in resolved or path in ownership.owned or path in ownership.foreign or path.collection == INVENTORY
        ):
            yield path


def _forget_refusals(changes: Iterable[Change], whole: Sequence[Change], options: Options) -> Iterator[Refusal]:
    """Refuse to delete records while a `--forget` names none; `whole` includes changes that were left out."""
    deletes = sum(change.action == "delete" for change in changes)
    for name in sorted(unmatched_forgets(options, whole)) if deletes else ():
        message = f"--forget {name}: the project owns no such record, and this would delete {deletes}"
        yield Refusal("", None, "nothing-to-forget", message, "did you mean one of those?")


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
            now = Owned(change.id, change.path, change.after_cid or Cid(""), change.protect, change.part.number)
            if now != before:
                made[change.path] = now
    return made


def uploads_of(
    changes: Iterable[Change], resolved: Mapping[RecordPath, ResolvedRecord], live: Iterable[Cid], lost: Set[Cid]
) -> Iterator[Upload]:
    """Yield the blobs that no live record refers to yet, or that got lost, in the order in which they are needed."""
    there = {*live} - lost
    for change in changes:
        for item in resolved[change.path].desired.blobs if change.path in resolved else ():
            cid, is_lost = item.blob.cid, item.blob.cid in lost
            if cid not in there and (is_lost or change.after is not None):
                there.add(cid)
                yield Upload(cid, item.blob.size, item.blob.mime_type, item.file, item.target, is_lost)


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
