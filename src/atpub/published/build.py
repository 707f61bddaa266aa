"""Records of an account → what it has published. Records of any publisher: whatever is wrong in one spoils no other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri, Nsid, RecordPath
from atpub.errors import InvalidRecord, RecordNotFound
from atpub.generated.dev.atpub import parts as lexicon
from atpub.generated.science.alt.dataset import entry, label, lens, schema
from atpub.manifest.atdata_shape import lexicon_shape
from atpub.manifest.members import MEMBER_KEY, member_of, sample_format
from atpub.published.model import (
    CodeReference,
    DatasetView,
    FieldView,
    LabelView,
    LensView,
    Published,
    PublisherView,
    SchemaView,
    ShardView,
    Size,
    Unreadable,
)
from atpub.repository.filter import RecordFilter
from atpub.repository.model import Record
from atpub.storage.interface import FileStorage
from atpub.storage.parts import read_links, read_parts, total, without_links
from atpub.storage.registry import EXTERNAL, find_kind, shard_path

PUBLISHED: Final = RecordFilter(frozenset(map(Nsid, (entry.NSID, schema.NSID, label.NSID, lens.NSID))))
"""The records that `build_published` takes."""

R = TypeVar("R")


def build_published(publisher: PublisherView, records: Iterable[Record]) -> Published:
    """Return what the records of an account publish; records of other collections are left out."""
    return _Builder(publisher, records).build()


class _Builder:
    def __init__(self, publisher: PublisherView, records: Iterable[Record]) -> None:
        self._publisher = publisher
        self._unreadable: list[Unreadable] = []
        self._records: defaultdict[str, dict[RecordPath, Record]] = defaultdict(dict)
        for record in records:
            self._records[record.path.collection][record.path] = record

    def build(self) -> Published:
        schemas = self._read(schema.NSID, build_schema)
        lenses = self._read(lens.NSID, _lens)
        by_uri = {str(item.uri): item for item in schemas}
        labels = self._read(label.NSID, _label)
        labels_of: defaultdict[str, list[LabelView]] = defaultdict(list)
        for item in labels:
            labels_of[item.dataset].append(item)

        def dataset(uri: AtUri, record: Record) -> DatasetView | None:
            links = read_links(record.value)
            if isinstance(links, lexicon.Part):
                return None  # it belongs to the dataset of its first part
            parts = [_entry(value) for _, value in read_parts(uri, record.value, self._value)]
            shards = _shards(parts)
            size = _size(parts, shards, links.size if links is not None else None)
            return _dataset(self._publisher, uri, record, parts[0], shards, size, by_uri, labels_of, lenses)

        datasets = [item for item in self._read(entry.NSID, dataset) if item is not None]
        return Published(self._publisher, datasets, schemas, lenses, labels, tuple(self._unreadable))

    def _value(self, path: RecordPath) -> JsonObject:
        """Return another record of the account; raises RecordNotFound."""
        found = self._records[path.collection].get(path)
        if found is None:
            raise RecordNotFound(f"there is no record {AtUri.of(self._publisher.did, path)}")
        return found.value

    def _read(self, collection: str, read: Callable[[AtUri, Record], R]) -> list[R]:
        """Read the records of a collection, the first created first."""
        found: list[R] = []
        for record in sorted(self._records[collection].values(), key=_creation):
            uri = AtUri.of(self._publisher.did, record.path)
            try:
                found.append(read(uri, record))
            except (InvalidRecord, RecordNotFound) as error:
                self._unreadable.append(Unreadable(uri, error.message))
        return found


def _creation(record: Record) -> tuple[str, str]:
    return str(record.value.get("createdAt", "")), str(record.path)


def _dataset(
    publisher: PublisherView,
    uri: AtUri,
    record: Record,
    found: entry.Entry,
    shards: Sequence[ShardView],
    size: Size,
    schemas: Mapping[str, SchemaView],
    labels: Mapping[str, Sequence[LabelView]],
    lenses: Sequence[LensView],
) -> DatasetView:
    kind = find_kind(found.storage) or EXTERNAL
    metadata = _object(lexicon_shape(record.value).get(entry.Entry.WIRE["content_metadata"]))
    return DatasetView(
        publisher=publisher,
        uri=uri,
        cid=record.cid,
        title=found.name,
        description=found.description or "",
        license=found.license or "",
        tags=tuple(found.tags or ()),
        created_at=found.created_at,
        storage=kind.name,
        shards=shards,
        size=size,
        schema_uri=found.schema_ref,
        schema=schemas.get(found.schema_ref),
        labels=tuple(labels.get(str(uri), ())),
        lenses=tuple(item for item in lenses if found.schema_ref in (item.source, item.target)),
        metadata=without_links(metadata),
        record=record.value,
    )


def _entry(value: JsonObject) -> entry.Entry:
    return entry.Entry.from_json(dict(lexicon_shape(value)))


def _size(parts: Sequence[entry.Entry], shards: Sequence[ShardView], stated: entry.DatasetSize | None) -> Size:
    """Return the size that the first part states of all, or else the sum of those that the parts state."""
    sizes = [found.size or entry.DatasetSize() for found in parts]
    samples = stated.samples if stated else total([size.samples for size in sizes])
    known = stated.bytes if stated else total([size.bytes for size in sizes])
    return Size(samples, total([shard.size for shard in shards]) if known is None else known, len(shards))


def _shards(parts: Sequence[entry.Entry]) -> tuple[ShardView, ...]:
    stored = [(find_kind(found.storage) or EXTERNAL, found.storage) for found in parts]
    blobs = [item.blob for kind, storage in stored if isinstance(kind, FileStorage) for item in kind.read(storage)]
    urls = [item for kind, storage in stored if not isinstance(kind, FileStorage) for item in kind.read(storage)]
    return (
        *(
            ShardView(f"shard {number}", None, blob.cid, blob.cid.sha256, blob.size)
            for number, blob in enumerate(blobs)
        ),
        *(ShardView(_file_name(item.url), item.http_url or item.url, None, item.sha256, None) for item in urls),
    )


def _file_name(url: str) -> str:
    return shard_path(url).rpartition("/")[2] or url


def build_schema(uri: AtUri, record: Record) -> SchemaView:
    """Return the schema of a record; raises InvalidRecord."""
    found = schema.Schema.from_json(dict(lexicon_shape(record.value)))
    content = _object(_object(lexicon_shape(record.value).get("schema")).get("content"))
    required = content.get("required")
    optional = frozenset(_object(content.get("properties"))) - set(required if isinstance(required, list) else [])
    fields = [
        _field(name, _object(kind), is_optional=name in optional)
        for name, kind in _object(content.get("properties")).items()
    ]
    return SchemaView(
        uri,
        found.name,
        found.version,
        found.description or "",
        sample_format(content),
        fields,
        found.created_at,
        record.value,
    )


def _field(name: str, kind: JsonObject, *, is_optional: bool) -> FieldView:
    description = kind.get("description")
    member = member_of(name, kind) if MEMBER_KEY in kind else None
    return FieldView(name, type_words(kind), is_optional, description if isinstance(description, str) else "", member)


def type_words(kind: JsonObject) -> str:
    """Return the type of a property of a JSON Schema in a few words: `integer`, `image/jpeg`, `float32 [8]`."""
    match kind:
        case {"contentMediaType": "application/json", "properties": dict(fields)}:
            return f"JSON {{{', '.join(f'{name}: {type_words(_object(item))}' for name, item in fields.items())}}}"
        case {"contentMediaType": str(media_type)}:
            return media_type
        case {"$ref": str(), "dtype": str(dtype), "shape": list(shape)}:
            return f"{dtype} [{', '.join('any' if length is None else str(length) for length in shape)}]"
        case {"$ref": str(), "dtype": str(dtype)}:
            return f"{dtype} array"
        case {"$ref": str(ref)}:
            return "array" if ref.endswith("/ndarray") else ref.rpartition("/")[2]
        case {"type": "array", "items": dict(items)}:
            return f"list of {type_words(items)}"
        case {"format": "byte"}:
            return "bytes"
        case {"type": str(name)}:
            return name
        case _:
            return "any"


def _label(uri: AtUri, record: Record) -> LabelView:
    found = label.Label.from_json(dict(record.value))
    return LabelView(uri, found.name, found.version or "", found.description or "", found.dataset_uri, found.created_at)


def _lens(uri: AtUri, record: Record) -> LensView:
    found = lens.Lens.from_json(dict(record.value))
    return LensView(
        uri,
        found.name,
        found.description or "",
        found.source_schema,
        found.target_schema,
        _code(found.getter_code),
        _code(found.putter_code),
    )


def _code(found: lens.CodeReference) -> CodeReference:
    return CodeReference(found.repository, found.commit, found.path)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
