"""Resolving desired records against the live ones: open values are filled in, or marked as unknown."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from atpub.atproto.data import Blob, Encoded, JsonObject, blobs_in, put
from atpub.atproto.syntax import Cid, RecordPath
from atpub.engine.desired.model import CID_FIELD, BlobFile, Desired
from atpub.engine.plan.created_at import VERSION, CreatedAtClock, by_version
from atpub.engine.plan.order import targets_first
from atpub.repository.model import Record
from atpub.repository.record_table import RecordTable

_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ResolvedRecord:
    """A desired record as it would be written, as far as that is known before its blobs are uploaded.

    `unknown` tells what only the server decides. `digest_cid` is the CID of the record without what a later plan may
    fill in differently: plan digests are made of it.
    """

    desired: Desired
    encoded: Encoded
    unknown: str
    open_blobs: tuple[BlobFile, ...]
    digest_cid: Cid

    @property
    def value(self) -> JsonObject:
        """The record."""
        return self.encoded.value

    @property
    def cid(self) -> Cid | None:
        """The CID of the record; None where it is unknown."""
        return None if self.unknown else self.encoded.cid


def live_blobs(records: Iterable[Desired], live: Mapping[RecordPath, Record]) -> dict[Cid, Blob]:
    """Return the blobs of the live records that refer to any blob of the desired ones."""
    wanted = {item.blob.cid for desired in records for item in desired.blobs}
    holders = RecordTable.of(live).find(_blob_cids, wanted) if wanted else ()
    return {blob.cid: blob for record in holders for blob in blobs_in(record.value)}


def resolve_records(
    ordered: tuple[Desired, ...],
    live: Mapping[RecordPath, Record],
    known: dict[Cid, Blob],
    clock: CreatedAtClock,
) -> Mapping[RecordPath, ResolvedRecord]:
    """Resolve each desired record to the value to write; takes them with strong references' targets first.

    `known` has their `live_blobs`.
    """
    values = _with_created_at(ordered, clock)
    resolved: dict[RecordPath, ResolvedRecord] = {}
    for desired in ordered:
        path = desired.path
        resolved[path] = _resolve(desired, values[path], live.get(path), resolved, known)
    return resolved


def sort_by_references(records: tuple[Desired, ...]) -> tuple[Desired, ...]:
    """Sort records so that each follows what it refers to; where references form a circle, the given order decides.

    What a strong reference needs is always before it, even where a plain reference leads back.
    """
    by_path = {record.path: record for record in records}
    plain = {
        path: sorted(by_path.keys() & record.refers_to, key=lambda target: (by_path[target].part.number, target))
        for path, record in by_path.items()
    }
    strong = {path: [reference.target for reference in record.strong_refs] for path, record in by_path.items()}
    return tuple(by_path[path] for path in targets_first(targets_first(by_path, plain), strong))


def desired_cids(records: tuple[Desired, ...], live: Mapping[RecordPath, Record]) -> Mapping[RecordPath, Cid | None]:
    """Return the CID that each record has to have, if it is live; what the live state leaves unknown is None."""
    clock = CreatedAtClock(_NO_TIME, live)
    resolved = resolve_records(sort_by_references(records), live, live_blobs(records, live), clock)
    return {path: item.cid for path, item in resolved.items()}


def _blob_cids(record: Record) -> Set[Cid]:
    return {blob.cid for blob in blobs_in(record.value)}


def _resolve(
    desired: Desired,
    value: JsonObject,
    live: Record | None,
    resolved: Mapping[RecordPath, ResolvedRecord],
    known: dict[Cid, Blob],
) -> ResolvedRecord:
    digest = _encode_for_digest(desired, resolved)
    own = {blob.cid: blob for blob in blobs_in(live.value)} if live and desired.blobs else {}
    value, open_blobs = _with_blobs(value, desired, ChainMap(own, known))
    unknown = f"the server decides the MIME type of {open_blobs[0].file.name}" if open_blobs else ""
    targets = [resolved[reference.target] for reference in desired.strong_refs]
    unpinned = next((target for target in targets if target.cid is None), None)
    if unpinned is not None:
        unknown = unknown or f"the CID of {unpinned.desired.address} is not known yet"
    if value is desired.value and not open_blobs and all(target.cid == target.digest_cid for target in targets):
        value = digest.value  # the same record, encoded already
    else:
        value = _with_strong_refs(value, desired, targets)
    return ResolvedRecord(desired, Encoded.of(value, digest), unknown, open_blobs, digest.cid)


def _with_created_at(records: Sequence[Desired], clock: CreatedAtClock) -> Mapping[RecordPath, JsonObject]:
    """Return each record's value with its createdAt; new versions of a series get theirs in version order."""
    values: dict[RecordPath, JsonObject] = {}
    known = clock.known([desired.path for desired in records if desired.created_at is not None])
    for desired in sorted(records, key=lambda item: by_version(item.value.get(VERSION))):
        value = desired.value
        if desired.created_at is not None:
            field = desired.created_at.field
            kept = known.get(desired.path, {}).get(field)
            new = kept if isinstance(kept, str) else clock.next(desired.path.collection, desired.created_at.series)
            value = {**value, field: new}
        values[desired.path] = value
    return values


def _with_blobs(
    value: JsonObject, desired: Desired, known: Mapping[Cid, Blob]
) -> tuple[JsonObject, tuple[BlobFile, ...]]:
    """Return the value with the MIME types that the server gave its blobs, and the blobs that have none yet."""
    open_blobs: list[BlobFile] = []
    for item in desired.blobs:
        if not item.sniffed:
            continue
        blob = known.get(item.blob.cid)
        if blob is None or blob.size != item.blob.size:
            open_blobs.append(item)
        else:
            value = put(value, item.steps, blob.to_json())
    return value, tuple(open_blobs)


def _with_strong_refs(value: JsonObject, desired: Desired, targets: Iterable[ResolvedRecord]) -> JsonObject:
    """Return the value with the CIDs that are known in its strong references."""
    for reference, target in zip(desired.strong_refs, targets, strict=True):
        if target.cid is not None:
            value = put(value, (*reference.steps, CID_FIELD), target.cid)
    return value


def _encode_for_digest(desired: Desired, resolved: Mapping[RecordPath, ResolvedRecord]) -> Encoded:
    """Encode the record without what a later plan may fill in differently; reuse the encoding of its check."""
    known = desired.encoded
    value = known.value if known else desired.portable_value
    for reference in desired.strong_refs:
        value = put(value, (*reference.steps, CID_FIELD), resolved[reference.target].digest_cid)
    return Encoded.of(value, known)
