"""The plan that leads back from a past apply: values and ownership verbatim, so that the CIDs are those from before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from atpub.atproto.data import Blob, Encoded, Json, blobs_in
from atpub.atproto.syntax import Cid, RecordPath
from atpub.engine.inventory import Owned
from atpub.engine.owned_records import read_owned, records_around
from atpub.engine.ownership import OwnershipView
from atpub.engine.plan.build import cost_of
from atpub.engine.plan.digest import plan_digest
from atpub.engine.plan.model import Action, Change, Plan, Refusal, Rules, Upload
from atpub.engine.plan.order import references, targets_first
from atpub.engine.plan.safety import live_refusals
from atpub.history.model import PastApply, PastChange
from atpub.repository.interface import Repository
from atpub.repository.model import Record
from atpub.storage.parts import WHOLE, Part
from atpub.suggest import size

_RULES = Rules(max_delete=1.0, delete_drifted=True, allow_replace_all=True)


@dataclass(frozen=True, slots=True)
class Undo:
    """What an undo writes, and what it refuses; `lacking` are the blobs that have to be uploaded again."""

    ownership: OwnershipView
    changes: tuple[Change, ...]
    owned: Mapping[RecordPath, Owned | None]
    refusals: tuple[Refusal, ...]
    lacking: Mapping[Blob, Change]


def find_undo(past: PastApply, repository: Repository, *, force: bool = False) -> Undo:
    """Compare the records of a past apply with the live ones; reads the repository.

    A record that was changed since is refused, unless it is forced; never forced is what another project owns by now.
    """
    live = read_owned(repository, records_around(change.path for change in past.changes))
    ownership = OwnershipView.of(live, past.heading.project)
    left = [change for change in past.changes if not _is_as_before(change, ownership)]
    owned = {
        change.path: change.owned_before for change in left if change.owned_before != ownership.owned.get(change.path)
    }
    refusals = [found for change in left if (found := _refusal(change, ownership, force=force))]
    changes = _in_order([_change(item, ownership) for item in left])
    there = {blob.cid for record in live.records.values() for blob in blobs_in(record.value)} - live.lost_blobs
    lacking = {blob: item for item in changes for blob in blobs_in(item.after) if blob.cid not in there}
    return Undo(ownership, changes, owned, (*refusals, *live_refusals(changes, ownership, _RULES)), lacking)


def plan_undo(undo: Undo, *, account: str, files: Mapping[Cid, Path], past_files: Mapping[str, Path]) -> Plan:
    """Return the plan of an undo.

    `files` are those of its lacking blobs, as far as they are at hand; `past_files` had the bytes of blobs once.
    """
    inventory, live = undo.ownership.inventory, undo.ownership.live
    uploads = tuple(
        Upload(blob.cid, blob.size, blob.mime_type, files[blob.cid]) for blob in undo.lacking if blob.cid in files
    )
    missing = [
        _missing_blob(blob, change, past_files.get(blob.cid))
        for blob, change in undo.lacking.items()
        if blob.cid not in files
    ]
    refusals = (*undo.refusals, *missing)
    return Plan(
        project=inventory.project,
        account=account,
        did=live.did,
        head=live.head,
        changes=undo.changes,
        uploads=uploads,
        refusals=refusals,
        warnings=(),
        cost=cost_of(undo.changes, inventory.writes(undo.owned), uploads),
        digest=plan_digest(live.did, inventory.project, undo.changes, refusals, _RULES, uploads),
        inventory=inventory,
        inventory_changes=undo.owned,
        rules=_RULES,
    )


def _is_as_before(past: PastChange, ownership: OwnershipView) -> bool:
    record, owned = ownership.record(past.path), ownership.owned.get(past.path)
    return _cid(record) == _cid(past.before) and owned == past.owned_before


def _refusal(past: PastChange, ownership: OwnershipView, *, force: bool) -> Refusal | None:
    """Return the refusal of what would overwrite a later change; None where the record is as the apply has left it."""
    record, owned, uri = ownership.record(past.path), ownership.owned.get(past.path), ownership.uri(past.path)
    if past.path in ownership.foreign:
        message = f"{past.address} is a record of the project {ownership.foreign[past.path]!r} now"
        return Refusal(past.address, uri, "foreign-owner", message, "change it in that project")
    applied = owned.cid if past.is_open and owned else past.after_cid
    if force or (_cid(record) == applied and (owned is None) == (past.owned_after is None)):
        return None
    message = f"{past.address} was changed since that apply"
    hint = "undo the later applies first (atpub undo --list), or undo it all the same: --force"
    return Refusal(past.address, uri, "changed-since", message, hint)


def _change(past: PastChange, ownership: OwnershipView) -> Change:
    now, owned, before = ownership.record(past.path), ownership.owned.get(past.path), past.before
    is_written = before is not None and _cid(before) != _cid(now)
    kept = past.owned_before or owned
    return Change(
        address=past.address,
        action=_action(before, now, past.owned_before, owned),
        id=kept.id if kept else past.id,
        path=past.path,
        uri=ownership.uri(past.path),
        before=now,
        after=before.value if before and is_written else None,
        after_cid=_cid(before),
        protect=kept.protect if kept else False,
        part=Part(kept.part, 0) if kept and kept.part > 1 else WHOLE,
        digest_cid=_cid(before),
        encoded=Encoded.of(before.value) if before and is_written else None,
        undoes=True,
    )


def _action(before: Record | None, now: Record | None, owned_before: Owned | None, owned: Owned | None) -> Action:
    if before is None:
        return "forget" if now is None else "delete"
    if now is None:
        return "create"
    if owned is not None and owned_before is None:
        return "forget"
    if owned is None and owned_before is not None:
        return "adopt"
    return "unchanged" if before.cid == now.cid else "update"


def _in_order(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Sort as plans are: what is written after what it refers to, then deletes, the other way round."""
    uris = {str(change.uri): change.path for change in changes}
    by_path = {change.path: change for change in changes}
    targets = {change.path: sorted(references(_value(change), uris)) for change in changes}
    ordered = [by_path[path] for path in targets_first(by_path, targets)]
    gone = [change for change in ordered if change.action == "delete"]
    return (*(change for change in ordered if change.action != "delete"), *reversed(gone))


def _value(change: Change) -> Json:
    return change.after or (change.before.value if change.before else None)


def _missing_blob(blob: Blob, change: Change, file: Path | None) -> Refusal:
    what = f"the blob {blob.cid} ({blob.mime_type}, {size(blob.size)})"
    message = f"{change.address} needs {what}: no record refers to it any more, and no file here has its bytes"
    hint = f"put {file or 'its file'} back as it was, then undo again"
    return Refusal(change.address, change.uri, "blob-gone", message, hint)


def _cid(record: Record | None) -> Cid | None:
    return record.cid if record else None
