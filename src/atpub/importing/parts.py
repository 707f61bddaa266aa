"""Joining the parts of a dataset to one record, of which an entry with `parts:` is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri, Did, RecordPath
from atpub.errors import InvalidRecord, RecordNotFound
from atpub.generated.dev.atpub import parts as lexicon
from atpub.generated.science.alt.dataset import entry
from atpub.manifest.schema import CONTENT_METADATA, SIZE
from atpub.repository.model import Record
from atpub.storage.parts import read_links, read_parts, without_links

_STORAGE = entry.Entry.WIRE["storage"]


@dataclass(frozen=True, slots=True)
class JoinedParts:
    """The record of a whole dataset, as if it fitted into the first part; the parts; and the shards of each."""

    record: Record
    parts: tuple[Record, ...]
    shards: int


def first_part(did: Did, record: Record) -> RecordPath:
    """Return the path of the first part of the dataset that a record is a part of; its own, if it is none."""
    try:
        links = read_links(record.value) if record.path.collection == entry.NSID else None
        uri = AtUri.parse(links.first) if isinstance(links, lexicon.Part) else None
    except (InvalidRecord, ValueError):
        return record.path
    return uri.path if uri is not None and uri.path is not None and uri.authority == did else record.path


def join_parts(did: Did, first: Record, live: Mapping[RecordPath, Record]) -> JoinedParts | None:
    """Join the parts of a dataset; return None if it has only one, or if they do not fit together."""

    def read(path: RecordPath) -> JsonObject:
        if path not in live:
            raise RecordNotFound(f"there is no record {path}")
        return live[path].value

    try:
        found = read_parts(AtUri.of(did, first.path), first.value, read)
    except (InvalidRecord, RecordNotFound):
        return None
    if len(found) == 1:
        return None
    parts = tuple(live[uri.path] for uri, _ in found if uri.path is not None)
    storages = [storage for _, value in found if isinstance(storage := value.get(_STORAGE), dict)]
    lists = dict(_joined_lists(storages))
    shards = max((len(item) for item in storages[0].values() if isinstance(item, list)), default=0)
    value = {**_without_position(first.value), _STORAGE: {**storages[0], **lists}}
    return JoinedParts(replace(first, value=value), parts, shards) if shards else None


def _joined_lists(storages: list[JsonObject]) -> Iterator[tuple[str, Json]]:
    """Yield the lists of shards of all storage objects, as one."""
    for name, item in storages[0].items():
        if isinstance(item, list):
            lists = [found for storage in storages if isinstance(found := storage.get(name), list)]
            yield name, [shard for found in lists for shard in found]


def _without_position(value: JsonObject) -> JsonObject:
    """Return the first part's record without what is of this part alone."""
    links, metadata = read_links(value), value.get(CONTENT_METADATA)
    own = without_links(metadata) if isinstance(metadata, dict) else {}
    size = links.size.to_json() if isinstance(links, lexicon.Parts) and links.size else {}
    rest = {name: item for name, item in value.items() if name not in (CONTENT_METADATA, SIZE)}
    return {**rest, **({CONTENT_METADATA: own} if own else {}), **({SIZE: size} if size else {})}
