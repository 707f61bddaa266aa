"""The MIME types of `$blob` files: what each record's lexicon accepts, and one type for the same bytes.

A server keeps one type for each CID: where two records hold the same bytes under two names, both lexicons must accept
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from atpub.atproto.data import Blob, JsonObject, put
from atpub.atproto.mime_types import ANY_BYTES, accepts
from atpub.atproto.syntax import Cid
from atpub.engine.desired.model import BlobFile, Desired
from atpub.manifest.model import Manifest

_NO_TYPE: Final = "x-none/x-none"
"""A type that no lexicon names, so that it is accepted only where all are."""


def accepted_types(manifest: Manifest, value: JsonObject, blobs: Iterable[BlobFile]) -> tuple[BlobFile, ...]:
    """Return the blobs, those whose type the server decides with the types that the lexicon accepts there."""
    found = tuple(blobs)
    for item in found:
        if item.sniffed:
            value = put(value, item.steps, Blob(item.blob.cid, _NO_TYPE, item.blob.size).to_json())
    if not any(item.sniffed for item in found):
        return found
    from atpub.atproto.lexicon.validate import validate_record  # few records have files of their own

    broken = {
        violation.path: tuple(violation.detail.split(", "))
        for violation in validate_record(manifest.lexicons, value)
        if violation.rule == "accept"
    }
    return tuple(replace(item, accept=broken.get((*item.steps, "mimeType"), ())) for item in found)


def agree_on_types(records: Sequence[Desired]) -> tuple[Desired, ...]:
    """Return the records with one type for the same bytes: the first that every lexicon accepts, if there is one.

    Any bytes are also `application/octet-stream`, where only the file's name says more.
    """
    held: dict[Cid, list[BlobFile]] = {}
    for item in (item for record in records for item in record.blobs if item.sniffed):
        held.setdefault(item.blob.cid, []).append(item)
    agreed = {cid: _common_type(items) for cid, items in held.items()}
    return tuple(_with_types(record, agreed) for record in records)


def _common_type(items: Sequence[BlobFile]) -> str:
    types = [item.blob.mime_type for item in items]
    if all(item.named for item in items):
        types.append(ANY_BYTES)
    return next((name for name in types if all(accepts(item.accept, name) for item in items)), types[0])


def _with_types(record: Desired, agreed: Mapping[Cid, str]) -> Desired:
    value, blobs = record.value, list(record.blobs)
    for index, item in enumerate(blobs):
        mime_type = agreed.get(item.blob.cid, item.blob.mime_type) if item.sniffed else item.blob.mime_type
        if mime_type != item.blob.mime_type:
            blobs[index] = replace(item, blob=replace(item.blob, mime_type=mime_type))
            value = put(value, item.steps, blobs[index].blob.to_json())
    return record if value is record.value else replace(record, value=value, blobs=tuple(blobs))
