"""The blobs and shards that a record lists: values in, values out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from atpub.atproto.data import Blob, Json, JsonObject
from atpub.atproto.syntax import Cid
from atpub.errors import InvalidRecord
from atpub.generated.science.alt.dataset import entry
from atpub.manifest.atdata_shape import lexicon_shape
from atpub.pulling.download import Source, Url
from atpub.pulling.entries import read_entry, url_shards
from atpub.repository.model import Record
from atpub.storage import mirrors
from atpub.storage.interface import FileStorage
from atpub.storage.registry import find_kind
from atpub.verifying.first_sample import HEAD_BYTES
from atpub.verifying.model import DataLocation, Depth, Held, PublishedRecord, Steps

BlobSource: TypeAlias = Callable[[Cid], Source]

_STORAGE: Final = entry.Entry.WIRE["storage"]
_METADATA: Final = entry.Entry.WIRE["content_metadata"]


def sample_content(schema: Record) -> JsonObject | None:
    """Return the JSON Schema of the samples that a schema record describes."""
    match lexicon_shape(schema.value):
        case {"schema": {"content": dict(content)}}:
            return content
        case _:
            return None


def list_held(
    item: PublishedRecord, blob_source: BlobSource, content: JsonObject | None, *, deep: bool
) -> tuple[Sequence[Held], Sequence[Held]]:
    """Return the shards of a dataset, and the other blobs of a record, with the copies of shards on mirrors."""
    shards = tuple(_shards(item, blob_source, content, deep=deep)) if item.record.path.collection == entry.NSID else ()
    depth: Depth = "whole" if deep else "head"
    own = {held.sha256 for held in shards if held.location.size is not None}
    blobs = [
        Held(item, path, _blob_location(blob, blob_source, depth), blob.cid.sha256)
        for path, blob in _blobs_in(item.record.value)
        if blob.cid.sha256 not in own
    ]
    copies = _copies(item, shards, depth) if shards else ()
    return shards, (*{held.location: held for held in reversed(blobs)}.values(), *copies)


def _copies(item: PublishedRecord, shards: Sequence[Held], depth: Depth) -> Iterator[Held]:
    """Yield the shards as each mirror has them."""
    for index, folder in enumerate(mirrors.read_mirrors(item.record.value.get(_METADATA))):
        path = (_METADATA, mirrors.KEY, "urls", index)
        for held in shards:
            if not isinstance(held.location.source, Path):
                url = mirrors.mirror_url(folder, held.location.source)
                location = DataLocation(Url(url), url, depth, HEAD_BYTES, is_tar=True)
                yield Held(item, path, location, held.sha256)


def _shards(
    item: PublishedRecord, blob_source: BlobSource, content: JsonObject | None, *, deep: bool
) -> Iterator[Held]:
    try:
        found = read_entry(item.record.value)
    except InvalidRecord:
        return  # that it breaks its lexicon is a finding of its own
    kind = find_kind(found.storage)
    depth: Depth = "whole" if deep else "sample" if content else "head"
    if isinstance(kind, FileStorage):
        for index, stored in enumerate(kind.read(found.storage)):
            location = _blob_location(stored.blob, blob_source, depth, is_tar=True)
            yield Held(item, (_STORAGE, *kind.blob_steps(index)), location, stored.blob.cid.sha256, content)
        return
    name = _list_name(item.record.value.get(_STORAGE))
    for index, shard in enumerate(url_shards(found) or ()):
        url = shard.http_url or shard.url
        location = DataLocation(Url(url), url, depth, HEAD_BYTES, is_tar=True)
        yield Held(item, (_STORAGE, *name, index), location, shard.sha256, content)


def _list_name(storage: Json) -> Steps:
    """Return the step to the list of shards in a storage object."""
    members = storage.items() if isinstance(storage, dict) else ()
    return next(((name,) for name, value in members if isinstance(value, list)), ())


def _blob_location(blob: Blob, blob_source: BlobSource, depth: Depth, *, is_tar: bool = False) -> DataLocation:
    most = blob.size if depth == "whole" else HEAD_BYTES
    return DataLocation(blob_source(blob.cid), f"blob {blob.cid}", depth, most, blob.size, is_tar)


def _blobs_in(value: JsonObject) -> Iterator[tuple[Steps, Blob]]:
    """Yield every blob in a record, and its place."""
    stack: list[tuple[Steps, Json]] = [((), value)]
    while stack:
        steps, part = stack.pop()
        if isinstance(part, dict) and (blob := Blob.from_json(part)) is not None:
            yield steps, blob
        elif isinstance(part, dict):
            stack += [((*steps, key), inner) for key, inner in part.items()]
        elif isinstance(part, list):
            stack += [((*steps, index), inner) for index, inner in enumerate(part)]
