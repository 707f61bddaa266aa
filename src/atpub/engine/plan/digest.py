"""The digest of a plan: it covers whatever applying the plan does, and what it lets be done.

It does not cover what a later plan of the same manifest may fill in differently: a createdAt that the manifest leaves
open, and the MIME type that a server gives to a blob. A saved plan holds these values; reading and rebasing check them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from hashlib import sha256
from operator import getitem
from typing import Any

from atpub.atproto import data
from atpub.atproto.data import Blob, Encoded, Json, JsonObject, put
from atpub.atproto.syntax import Cid, Did, RecordPath
from atpub.engine.desired.model import CID_FIELD, BlobFile, Steps, StrongRef
from atpub.engine.plan.model import Change, Refusal, Rules, Upload


def plan_digest(
    did: Did,
    project: str,
    changes: Iterable[Change],
    refusals: Iterable[Refusal] = (),
    rules: Rules | None = None,
    uploads: Iterable[Upload] = (),
) -> str:
    """Return a plan's digest, 64 hexadecimal digits: it depends on neither the time nor the order of the changes."""
    rules = rules or Rules()
    rows: list[Json] = [_change_row(change) for change in sorted(changes, key=lambda change: str(change.uri))]
    refused: list[Json] = [*map(list[Json], sorted((item.address, item.code) for item in refusals))]
    allowed: list[Json] = [str(rules.max_delete), rules.delete_drifted, rules.allow_replace_all]
    repairs: list[Json] = [*map(list[Json], sorted((item.cid, item.size) for item in uploads if item.repair))]
    parts: list[Json] = [did, project, rows, refused, allowed, *([repairs] if repairs else [])]
    return sha256(data.encode(parts)).hexdigest()


def _change_row(change: Change) -> list[Json]:
    drift: Json = [change.drift.applied, change.drift.live] if change.drift else None
    blobs: list[Json] = [
        [[*item.steps], item.blob.cid, item.blob.size, item.blob.mime_type] for item in change.sniffed_blobs
    ]
    what: list[Json] = [change.address, change.action, change.id, str(change.uri), change.protect]
    return [*what, change.before_cid, change.digest_cid, change.after is not None, drift, blobs]


def portable_cid(
    value: JsonObject,
    created_at: str | None,
    sniffed: Sequence[BlobFile],
    strong_refs: Sequence[StrongRef],
    targets: Mapping[RecordPath, Cid | None],
) -> Cid:
    """Return the CID of a planned value without what another plan may fill in differently; raises LookupError.

    `targets` has this CID of the records that strong references lead to.
    """
    value = {key: item for key, item in value.items() if key != created_at}
    for item in sniffed:
        blob = blob_at(value, item.steps)
        value = put(value, item.steps, Blob(blob.cid, "", blob.size).to_json())
    for reference in strong_refs:
        value = put(value, (*reference.steps, CID_FIELD), targets[reference.target])
    return Encoded.of(value).cid


def blob_at(value: JsonObject, steps: Steps) -> Blob:
    """Return the blob at a path of a value; raises LookupError or ValueError where there is none."""
    start: Any = value
    blob = Blob.from_json(reduce(getitem, steps, start))
    if blob is None:
        raise ValueError(f"there is no blob at {'/'.join(map(str, steps))}")
    return blob


def announced_blobs(change: Change) -> Iterator[Blob]:
    """Yield the blobs of the value to write as an upload announces them."""
    announced = {item.blob.cid: item.blob for item in change.sniffed_blobs}
    yield from announced.values()
    yield from (blob for blob in data.blobs_in(change.after) if blob.cid not in announced)
