"""Plans as JSON documents: printed, saved, and read to be applied.

Within a major version of the format, fields are only added: a reader ignores those that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, Final

from atpub.atproto.data import Blob, Encoded, Json, JsonObject, NotInDataModel
from atpub.atproto.syntax import AtUri, Cid, Did, RecordPath, SyntaxViolation, parse_at_identifier
from atpub.engine.desired.model import BlobFile, Steps, StrongRef
from atpub.engine.inventory import Inventory
from atpub.engine.plan.build import plan_digest
from atpub.engine.plan.model import ACTIONS, Change, Cost, Drift, Plan, Refusal, Upload
from atpub.errors import InvalidInput, Place, Problem
from atpub.repository.model import Record, is_local

FORMAT_VERSION: Final = "1.0"


def plan_document(plan: Plan) -> JsonObject:
    """Return the plan as JSON, referenced records first; only a new createdAt differs between runs."""
    cost = plan.cost
    return {
        "format_version": FORMAT_VERSION,
        "digest": plan.digest,
        "project": plan.project,
        "account": plan.account,
        "did": plan.did,
        "head": plan.head.cid if plan.head else None,
        "pending": plan.pending,
        "changes": [_change_json(change) for change in plan.changes],
        "uploads": [*map(_upload_json, plan.uploads)],
        "cost": {"points": cost.points, "writes": cost.writes, "commits": cost.commits, "bytes": cost.bytes},
        "summary": {str(action): count for action, count in plan.summary.items()},
        "refusals": [refusal_json(item) for item in plan.refusals],
        "left_out": [*plan.left_out],
        "unmanaged": [*map(str, plan.unmanaged)],
    }


def saved_document(plan: Plan, folder: Path | None) -> JsonObject:
    """Return the plan as it is saved: with the folder of an embedded repository, without the server's URL."""
    return {**plan_document(plan), "folder": None if folder is None else str(folder)}


def _upload_json(upload: Upload) -> JsonObject:
    target: JsonObject = {"target": str(upload.target)} if upload.target else {}
    return {
        "cid": upload.cid,
        "size": upload.size,
        "mime_type": upload.mime_type,
        "file": str(upload.file),
        **target,
    }


def _change_json(change: Change) -> JsonObject:
    drift: Json = {"applied_cid": change.drift.applied, "live_cid": change.drift.live} if change.drift else None
    return {
        "address": change.address,
        "action": change.action,
        "id": change.id,
        "uri": str(change.uri),
        "before_cid": change.before_cid,
        "after_cid": change.after_cid,
        "after_cid_unknown": change.unknown or None,
        "drift": drift,
        "protect": change.protect,
        "digest_cid": change.digest_cid,
        "value": change.after,
        "strong_refs": [{"path": [*item.steps], "target": str(item.target)} for item in change.strong_refs],
        "open_blobs": [
            {
                "path": [*item.steps],
                "file": str(item.file),
                "blob": item.blob.to_json(),
                "accept": [*item.accept],
            }
            for item in change.open_blobs
        ],
    }


def refusal_json(refusal: Refusal) -> JsonObject:
    """Return a refusal as JSON; address and URI are empty and null where it is about the whole plan."""
    return {
        "address": refusal.address,
        "uri": str(refusal.uri) if refusal.uri else None,
        "code": refusal.code,
        "message": refusal.message,
        "hint": refusal.hint,
    }


def read_plan(text: str | bytes, file: str) -> tuple[Plan, Path | None]:
    """Read a saved plan, to be rebased on the live state, and its folder; raises InvalidInput.

    Its records have CIDs but no earlier values, and it knows no inventory: `rebase` finds both.
    """
    try:
        found: Any = json.loads(text)
        version = _is(str, found["format_version"])
        if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
            raise _bad(file, f"it is of format {version}; this atpub reads {FORMAT_VERSION.partition('.')[0]}.x")
        return _plan(found), _folder(found)
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise _bad(file, reason) from None


def _bad(file: str, reason: str) -> InvalidInput:
    hint = "save one: atpub plan --out FILE"
    return InvalidInput((Problem("bad-plan", f"this is not a plan that can be applied: {reason}", Place(file), hint),))


def _folder(found: dict[str, Any]) -> Path | None:
    """Return the folder of a plan for an embedded repository."""
    return Path(_is(str, found["folder"])) if is_local(found["account"]) else None


def _plan(found: dict[str, Any]) -> Plan:
    did, project, account = Did.parse(_is(str, found["did"])), _is(str, found["project"]), _is(str, found["account"])
    if not is_local(account):
        parse_at_identifier(account.removeprefix("@"))
    changes = tuple(_change(item, did) for item in _is(list, found["changes"]))
    if plan_digest(did, project, changes) != found["digest"]:
        raise ValueError("its changes are not those of its digest")
    return Plan(
        project=project,
        account=account,
        did=did,
        head=None,
        changes=changes,
        uploads=tuple(map(_upload, _is(list, found["uploads"]))),
        refusals=tuple(map(_refusal, _is(list, found["refusals"]))),
        warnings=(),
        cost=Cost(**{name: _is(int, found["cost"][name]) for name in ("points", "writes", "commits", "bytes")}),
        digest=found["digest"],
        inventory=Inventory(project),
        inventory_changes={},
        left_out=tuple(_is(str, name) for name in _is(list, found.get("left_out", []))),
    )


def _upload(found: dict[str, Any]) -> Upload:
    return Upload(
        Cid.parse(_is(str, found["cid"])),
        _is(int, found["size"]),
        _is(str, found["mime_type"]),
        Path(_is(str, found["file"])),
        Path(_is(str, found["target"])) if "target" in found else None,
    )


def _refusal(found: dict[str, Any]) -> Refusal:
    address, code, message, hint = (_is(str, found[name]) for name in ("address", "code", "message", "hint"))
    return Refusal(address, None, code, message, hint)


def _change(found: dict[str, Any], did: Did) -> Change:
    uri = AtUri.parse(_is(str, found["uri"]))
    if uri.path is None or uri.authority != did:
        raise SyntaxViolation(f"{uri} names no record of {did}")
    if found["action"] not in ACTIONS:
        raise ValueError(f"{found['action']!r} is not an action that this atpub knows")
    before, after = _cid(found["before_cid"]), _cid(found["after_cid"])
    value: JsonObject | None = None if found["value"] is None else _is(dict, found["value"])
    encoded = None if value is None else _encode(value)
    if encoded is not None and after is not None and encoded.cid != after:
        raise ValueError(f"the value of {found['address']} is not the record {after}")
    drift = found["drift"]
    return Change(
        address=_is(str, found["address"]),
        action=found["action"],
        id=_is(str, found["id"]),
        path=uri.path,
        uri=uri,
        before=Record(uri.path, before, {}) if before else None,
        after=value,
        after_cid=after,
        unknown=_is(str, found["after_cid_unknown"] or ""),
        drift=Drift(Cid.parse(_is(str, drift["applied_cid"])), _cid(drift["live_cid"])) if drift else None,
        protect=_is(bool, found["protect"]),
        digest_cid=_cid(found["digest_cid"]),
        strong_refs=tuple(
            StrongRef(_steps(item["path"], value), RecordPath.parse(_is(str, item["target"])))
            for item in _is(list, found["strong_refs"])
        ),
        open_blobs=tuple(_open_blobs(_is(list, found["open_blobs"]), value)),
        encoded=encoded,
    )


def _open_blobs(found: list[dict[str, Any]], value: Json) -> Iterator[BlobFile]:
    for item in found:
        blob = Blob.from_json(item["blob"])
        if blob is None:
            raise ValueError(f"{item['blob']!r} is not a blob")
        accept = tuple(_is(str, pattern) for pattern in _is(list, item.get("accept", [])))
        yield BlobFile(_steps(item["path"], value), blob, Path(_is(str, item["file"])), sniffed=True, accept=accept)


def _steps(found: object, value: Any) -> Steps:
    """Parse a path that exists in the value, where there is a value."""
    steps = tuple(_is(list, found))
    if value is not None:
        reduce(getitem, steps, value)
    return steps


def _cid(text: str | None) -> Cid | None:
    return None if text is None else Cid.parse(_is(str, text))


def _is(kind: type, value: Any) -> Any:
    """Return the value if it is of this type; raise TypeError otherwise."""
    if not isinstance(value, kind):
        raise TypeError(f"{json.dumps(value)[:40]} is not of the type {kind.__name__}")
    return value


def _encode(value: JsonObject) -> Encoded:
    try:
        return Encoded.of(value)
    except NotInDataModel as error:
        raise ValueError(str(error)) from None
