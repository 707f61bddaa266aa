"""Plans as JSON documents: printed, saved, and read to be applied.

Within a major version of the format, fields are only added: a reader ignores those that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import reduce
from hashlib import sha256
from operator import getitem
from pathlib import Path
from typing import Any, Final, cast

from atpub.atproto.data import Blob, Encoded, Json, JsonObject, NotInDataModel
from atpub.atproto.lexicon.formats import is_datetime
from atpub.atproto.syntax import AtUri, Cid, Did, RecordPath, SyntaxViolation, parse_at_identifier
from atpub.engine.desired.model import BlobFile, Steps, StrongRef
from atpub.engine.inventory import Inventory
from atpub.engine.plan.digest import announced_blobs, blob_at, plan_digest, portable_cid
from atpub.engine.plan.model import ACTIONS, Change, Cost, Drift, Plan, Refusal, Rules, Upload
from atpub.engine.plan.three_way import drift_fields
from atpub.errors import AlteredPlan, InvalidInput
from atpub.problems import Place, Problem
from atpub.repository.model import Record, is_local
from atpub.storage.parts import WHOLE, Part
from atpub.text.json_document import parse_json
from atpub.text.source import Source, decode

FORMAT_VERSION: Final = "2.0"
_CHECKSUM: Final = "checksum"
_BAD: Final = "bad-plan"
_HINT: Final = "save one: atpub plan --out FILE"


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
        "rules": {
            "max_delete": plan.rules.max_delete,
            "delete_drifted": plan.rules.delete_drifted,
            "allow_replace_all": plan.rules.allow_replace_all,
        },
        "cost": {"points": cost.points, "writes": cost.writes, "commits": cost.commits, "bytes": cost.bytes},
        "summary": {**{str(action): count for action, count in plan.summary.items()}, "drift": len(plan.drifted)},
        "refusals": [refusal_json(item) for item in plan.refusals],
        "left_out": [*plan.left_out],
        "unmanaged": [*map(str, plan.unmanaged)],
    }


def saved_document(plan: Plan, folder: Path | None) -> JsonObject:
    """Return the plan as it is saved: with the folder of a local repository, and a checksum of all of it."""
    return seal({**plan_document(plan), "folder": None if folder is None else str(folder)})


def seal(document: JsonObject) -> JsonObject:
    """Return the document with its checksum: any edit shows, though not one by a program that seals it again."""
    content = {name: item for name, item in document.items() if name != _CHECKSUM}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**content, _CHECKSUM: sha256(text.encode()).hexdigest()}


def _upload_json(upload: Upload) -> JsonObject:
    target: JsonObject = {"target": str(upload.target)} if upload.target else {}
    return {
        "cid": upload.cid,
        "size": upload.size,
        "mime_type": upload.mime_type,
        "file": str(upload.file),
        **target,
        **({"repair": True} if upload.repair else {}),
    }


def _change_json(change: Change) -> JsonObject:
    return {
        "address": change.address,
        "action": change.action,
        "id": change.id,
        "uri": str(change.uri),
        "before_cid": change.before_cid,
        "after_cid": change.after_cid,
        "after_cid_unknown": change.unknown or None,
        "drift": drift_json(change),
        "protect": change.protect,
        "digest_cid": change.digest_cid,
        "value": change.after,
        "strong_refs": [{"path": [*item.steps], "target": str(item.target)} for item in change.strong_refs],
        "sniffed_blobs": [
            {
                "path": [*item.steps],
                "file": str(item.file),
                "blob": item.blob.to_json(),
                "accept": [*item.accept],
                "open": item in change.open_blobs,
            }
            for item in change.sniffed_blobs
        ],
        "created_at": change.created_at,
        **({} if change.part == WHOLE else {"part": [change.part.number, change.part.count]}),
    }


def drift_json(change: Change) -> Json:
    """Return the drift of a record, if any; its fields lack `applied` where the applied value is not known here."""
    drift = change.drift
    if drift is None:
        return None
    return {
        "applied_cid": drift.applied,
        "live_cid": drift.live,
        "kind": "modified" if drift.live else "deleted",
        "applied_known": drift.value is not None,
        "fields": [item.to_json() for item in drift_fields(change)],
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
    """Read a saved plan, to be rebased on the live state, and its folder; raises InvalidInput or AlteredPlan.

    Its records have CIDs but no earlier values, and it knows no inventory: `rebase` finds both.
    """
    parsed = _parse(text, file)
    if not isinstance(parsed, dict):
        raise _bad(file, "it is not a JSON object")
    found = cast("dict[str, Any]", parsed)
    try:
        version = _is(str, found["format_version"])
        if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
            raise _bad(file, f"it is of format {version}; this atpub reads {FORMAT_VERSION.partition('.')[0]}.x")
        if seal(found)[_CHECKSUM] != found[_CHECKSUM]:
            raise _altered(file)
        plan = _plan(found)
        if _digest(plan) != plan.digest:
            raise _altered(file)
        return plan, _folder(found)
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise _bad(file, reason) from None


def _parse(text: str | bytes, file: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        parse_json(decode(text, file) if isinstance(text, bytes) else Source(file, text))
    except InvalidInput as error:  # the same faults, with their places
        faults = (replace(item, code=_BAD, message=_not_a_plan(item.message), hint=_HINT) for item in error.problems)
        raise InvalidInput(tuple(faults)) from None
    raise _bad(file, "it is not JSON")


def _digest(plan: Plan) -> str:
    return plan_digest(plan.did, plan.project, plan.changes, plan.refusals, plan.rules, plan.uploads)


def _bad(file: str, reason: str) -> InvalidInput:
    return InvalidInput((Problem(_BAD, _not_a_plan(reason), Place(file), _HINT),))


def _not_a_plan(reason: str) -> str:
    return f"this is not a plan that can be applied: {reason}"


def _altered(file: str) -> AlteredPlan:
    return AlteredPlan(f"{file} is not as it was saved", hint="save a new plan: atpub plan --out FILE")


def _folder(found: dict[str, Any]) -> Path | None:
    """Return the folder of a plan for a local repository."""
    return Path(_is(str, found["folder"])) if is_local(found["account"]) else None


def _plan(found: dict[str, Any]) -> Plan:
    did, project, account = Did.parse(_is(str, found["did"])), _is(str, found["project"]), _is(str, found["account"])
    if not is_local(account):
        parse_at_identifier(account.removeprefix("@"))
    changes = tuple(_changes(_is(list, found["changes"]), did))
    return Plan(
        project=project,
        account=account,
        did=did,
        head=None,
        changes=changes,
        uploads=tuple(_uploads(_is(list, found["uploads"]), changes)),
        refusals=tuple(map(_refusal, _is(list, found["refusals"]))),
        warnings=(),
        cost=Cost(**{name: _is(int, found["cost"][name]) for name in ("points", "writes", "commits", "bytes")}),
        digest=_is(str, found["digest"]),
        inventory=Inventory(project),
        inventory_changes={},
        rules=_rules(found["rules"]),
        left_out=tuple(_is(str, name) for name in _is(list, found.get("left_out", []))),
    )


def _rules(found: dict[str, Any]) -> Rules:
    limit = found["max_delete"]
    return Rules(
        limit if isinstance(limit, float) else _is(int, limit),
        _is(bool, found["delete_drifted"]),
        _is(bool, found["allow_replace_all"]),
    )


def _uploads(found: list[dict[str, Any]], changes: Iterable[Change]) -> Iterator[Upload]:
    """Yield the uploads; each must be of a blob that a change announces, or a repair."""
    announced = {blob for change in changes for blob in announced_blobs(change)}
    for item in found:
        upload = _upload(item)
        if not upload.repair and Blob(upload.cid, upload.mime_type, upload.size) not in announced:
            raise ValueError(f"no change has the blob {upload.cid} of {upload.file}")
        yield upload


def _upload(found: dict[str, Any]) -> Upload:
    return Upload(
        Cid.parse(_is(str, found["cid"])),
        _is(int, found["size"]),
        _is(str, found["mime_type"]),
        Path(_is(str, found["file"])),
        Path(_is(str, found["target"])) if "target" in found else None,
        _is(bool, found.get("repair", False)),
    )


def _refusal(found: dict[str, Any]) -> Refusal:
    address, code, message, hint = (_is(str, found[name]) for name in ("address", "code", "message", "hint"))
    uri = found["uri"]
    return Refusal(address, None if uri is None else AtUri.parse(_is(str, uri)), code, message, hint)


def _changes(found: list[dict[str, Any]], did: Did) -> Iterator[Change]:
    """Yield the changes, each once, with the digest CIDs that their values have."""
    targets: dict[RecordPath, Cid | None] = {}
    for item in found:
        change = _change(item, did)
        if change.path in targets:
            raise ValueError(f"{change.uri} is there twice")
        if change.after is not None:
            _check_open(change, change.after)
            parts = change.created_at, change.sniffed_blobs, change.strong_refs
            change = replace(change, digest_cid=portable_cid(change.after, *parts, targets))
        targets[change.path] = change.digest_cid
        yield change


def _check_open(change: Change, value: JsonObject) -> None:
    """Raise ValueError where a value is open in another way than by a time or by a blob as it was announced."""
    if change.created_at is not None and not is_datetime(_is(str, value[change.created_at])):
        raise ValueError(f"the {change.created_at} of {change.address} is not a datetime")
    for item in change.open_blobs:
        if blob_at(value, item.steps) != item.blob:
            raise ValueError(f"a blob of {change.address} is not the one of {item.file}")


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
    sniffed = tuple(_sniffed_blobs(_is(list, found["sniffed_blobs"]), value))
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
        part=Part(*(_is(int, number) for number in _is(list, found.get("part", [1, 1])))),
        digest_cid=_cid(found["digest_cid"]),
        strong_refs=tuple(_strong_ref(item, value) for item in _is(list, found["strong_refs"])),
        open_blobs=tuple(blob for blob, is_open in sniffed if is_open),
        sniffed_blobs=tuple(blob for blob, _ in sniffed),
        created_at=None if found["created_at"] is None else _is(str, found["created_at"]),
        encoded=encoded,
    )


def _sniffed_blobs(found: list[dict[str, Any]], value: Json) -> Iterator[tuple[BlobFile, bool]]:
    """Yield the blobs whose MIME type the server decides, and whether it is still open."""
    for item in found:
        blob = Blob.from_json(item["blob"])
        if blob is None:
            raise ValueError(f"{item['blob']!r} is not a blob")
        accept = tuple(_is(str, pattern) for pattern in _is(list, item.get("accept", [])))
        file = Path(_is(str, item["file"]))
        blob_file = BlobFile(_steps(item["path"], value), blob, file, sniffed=True, accept=accept)
        yield blob_file, _is(bool, item["open"])


def _strong_ref(found: dict[str, Any], value: Any) -> StrongRef:
    steps = _steps(found["path"], value)
    if value is not None:
        _is(dict, reduce(getitem, steps, value))
    return StrongRef(steps, RecordPath.parse(_is(str, found["target"])))


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
