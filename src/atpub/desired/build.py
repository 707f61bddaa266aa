"""(Manifest, Facts, DID) → the records that the manifest wants, each judged by its lexicon, or every problem found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from graphlib import CycleError, TopologicalSorter
from typing import Final, assert_never

from atpub.desired.keys import record_key
from atpub.desired.model import CID_FIELD, CreatedAt, Desired, Steps
from atpub.desired.placeholders import Filled, Filler
from atpub.desired.readable import check_sample_schema
from atpub.desired.storage import array_formats, dataset_size, storage
from atpub.errors import InvalidInput, Place, Problem
from atpub.generated.com.atproto.lexicon import schema as lexicon_schema
from atpub.generated.science.alt.dataset import (
    entry,
    label,
    lens,
    schema,
)
from atpub.lexicon import data
from atpub.lexicon.data import JsonObject, NotInDataModel
from atpub.lexicon.model import Record, String
from atpub.lexicon.validate import validate_record
from atpub.lexicon.violation import Violation, json_path
from atpub.manifest.fields import DRAFT
from atpub.manifest.model import (
    Address,
    BlobShards,
    DatasetEntry,
    Entry,
    LabelEntry,
    LensEntry,
    LexiconEntry,
    Manifest,
    RecordEntry,
    SchemaEntry,
    SchemaRef,
    UrlShards,
)
from atpub.shards.facts import Facts, RemoteShards
from atpub.shards.urls import S3
from atpub.syntax import AtUri, Did, Nsid, RecordPath

CREATED_AT: Final = entry.Entry.WIRE["created_at"]
LARGEST: Final = 900_000
"""The most bytes of a record that fit in a request to any PDS, with room for the inventory."""
LARGE: Final = 140_000
"""The same for a PDS of version 0.4."""

_ANY_TIME = "2000-01-01T00:00:00.000Z"
_ANY_CID = "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm"


def build_desired(manifest: Manifest, facts: Facts, did: Did) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
    """The records that a manifest wants in the repository of `did`, and warnings; raises InvalidInput."""
    builder = _Builder(manifest, facts, did)
    found = tuple(builder.records())
    builder.check_strong_refs(found)
    problems = [*facts.problems, *builder.problems]
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InvalidInput(tuple(problems))
    return found, tuple(problems)


def collection_of(item: Entry) -> Nsid:
    """The collection that an entry's record goes to."""
    match item:
        case SchemaEntry():
            return Nsid(schema.NSID)
        case DatasetEntry():
            return Nsid(entry.NSID)
        case LabelEntry():
            return Nsid(label.NSID)
        case LensEntry():
            return Nsid(lens.NSID)
        case LexiconEntry():
            return Nsid(lexicon_schema.NSID)
        case RecordEntry(collection=collection):
            return collection
        case _:
            assert_never(item)


class _Builder:
    def __init__(self, manifest: Manifest, facts: Facts, did: Did) -> None:
        self._manifest = manifest
        self._facts = facts
        self.problems: list[Problem] = []
        paths = {item.common.address: path for item in manifest.entries.values() if (path := self._path(item))}
        self._paths: Mapping[Address, RecordPath] = paths
        self._filler = Filler(did, {str(address): path for address, path in paths.items()}, facts.files)

    def records(self) -> Iterator[Desired]:
        """Every record that can be built, with every problem noted."""
        owners: dict[RecordPath, Address] = {}
        for address, path in self._paths.items():
            first = owners.setdefault(path, address)
            if first != address:
                place = self._manifest.key_place(address.steps)
                message = f"{address} and {first} would both be the record {path}"
                self.problems.append(
                    Problem("duplicate-rkey", message, place, "give one of them another `id` or `rkey`")
                )
                continue
            filled = Filled()
            found = self._record(self._manifest.entries[address], path, filled)
            self._judge(self._manifest.entries[address], found, filled)
            yield found

    def _path(self, item: Entry) -> RecordPath | None:
        collection = collection_of(item)
        known = self._manifest.lexicons.record(collection)
        assert known is not None, collection
        rkey = item.common.rkey or record_key(known.key, collection, item.common.id)
        if rkey is None:
            place = self._manifest.key_place(item.common.address.steps)
            message = f"{item.common.id!r} gives no record key of the type {known.key}"
            hint = "give an `id` that is an NSID" if known.key == "nsid" else "give an `rkey`"
            self.problems.append(Problem("no-rkey", message, place, hint))
            return None
        return RecordPath(collection, rkey)

    def _record(self, item: Entry, path: RecordPath, filled: Filled) -> Desired:
        series: str | None = None
        match item:
            case SchemaEntry():
                value, series = self._schema(item, filled), item.nsid or item.name
            case DatasetEntry():
                value = self._dataset(item, filled)
            case LabelEntry():
                value = self._label(item, filled)
                series = str(value[label.Label.WIRE["name"]])
            case LensEntry():
                value = self._lens(item, filled)
            case LexiconEntry():
                value = {"$type": path.collection, **item.document}
            case RecordEntry():
                value = {"$type": path.collection, **self._filler.fill_object(item.value, filled)}
            case _:
                assert_never(item)
        self._note_filled(item, filled)
        return Desired(
            address=item.common.address,
            id=item.common.id,
            path=path,
            value=value,
            created_at=self._open_time(path.collection, value, series),
            strong_refs=tuple(filled.strong_refs),
            blobs=tuple(filled.blobs),
            refers_to=frozenset(filled.refers_to),
            immutable=_IMMUTABLE if isinstance(item, SchemaEntry) else frozenset(),
            protect=item.common.protect,
            adopt=item.common.adopt,
        )

    # The value of each kind; createdAt stays out where the manifest does not give it

    def _schema(self, item: SchemaEntry, filled: Filled) -> JsonObject:
        content = {"$schema": DRAFT, **item.content}
        versions = array_formats(content)
        sample = schema.JsonSchemaFormat(draft="draft-07", content=content, array_format_versions=versions or None)
        flat = {key: value for key, value in content.items() if key not in schema.JsonSchemaFormat.WIRE.values()}
        # Readers of today want the JSON Schema itself here; the lexicon has moved it into `content`: give both.
        made = schema.Schema(
            name=item.name,
            version=item.version,
            schema_type="jsonSchema",
            schema=sample.with_extra(flat),
            created_at="",
        ).with_extra({"atdataSchemaVersion": 1})
        return self._with_fields(made.to_json(), item.fields, filled)

    def _dataset(self, item: DatasetEntry, filled: Filled) -> JsonObject:
        shards = self._facts.shards[item.common.address]
        about = item.metadata_schema
        made = entry.Entry(
            name="",
            schema_ref=self._uri(item.schema, filled),
            storage=storage(shards, item.shards, filled),
            created_at="",
            content_metadata=item.metadata and self._filler.fill_object(item.metadata, filled, (_METADATA,)),
            metadata_schema_ref=None if about is None else self._uri(about, filled),
            size=dataset_size(shards),
        )
        return self._with_fields(made.to_json(), item.fields, filled)

    def _label(self, item: LabelEntry, filled: Filled) -> JsonObject:
        made = label.Label(name="", dataset_uri=self._uri(item.dataset, filled), created_at="")
        return self._with_fields(made.to_json(), item.fields, filled)

    def _lens(self, item: LensEntry, filled: Filled) -> JsonObject:
        made = lens.Lens(
            name="",
            source_schema=self._uri(item.source, filled),
            target_schema=self._uri(item.target, filled),
            getter_code=lens.CodeReference(repository="", commit="", path=""),
            putter_code=lens.CodeReference(repository="", commit="", path=""),
            created_at="",
        ).to_json()
        made[lens.Lens.WIRE["getter_code"]] = item.getter
        made[lens.Lens.WIRE["putter_code"]] = item.putter
        return self._with_fields(made, item.fields, filled)

    def _with_fields(self, made: JsonObject, fields: JsonObject, filled: Filled) -> JsonObject:
        """What was made, with the entry's own fields over it."""
        made.pop(CREATED_AT)
        return {**made, **self._filler.fill_object(fields, filled)}

    def _uri(self, reference: SchemaRef, filled: Filled) -> str:
        if isinstance(reference, AtUri):
            return str(reference)
        return self._filler.refer(str(reference), filled) or str(AtUri(self._filler.did))

    def _open_time(self, collection: Nsid, value: JsonObject, series: str | None) -> CreatedAt | None:
        known = self._manifest.lexicons.record(collection)
        asked = known is not None and CREATED_AT in known.record.required and _is_time(known)
        return CreatedAt(CREATED_AT, series) if asked and CREATED_AT not in value else None

    # What is wrong

    def check_strong_refs(self, found: tuple[Desired, ...]) -> None:
        """Note where strong references go round: each record's CID would have to be known before it is made."""
        by_path = {item.path: item for item in found}
        targets = {item.path: {reference.target for reference in item.strong_refs} for item in found}
        while circle := _circle(targets):
            first = by_path[circle[0]]
            steps = next(reference.steps for reference in first.strong_refs if reference.target == circle[1])
            place = self._place(self._manifest.entries[first.address], steps)
            names = " → ".join(str(by_path[path].address) for path in circle)
            message = f"strong references go round: {names}; none of these CIDs can be known first"
            self.problems.append(Problem("circular-reference", message, place, "use $ref for one of them"))
            targets[circle[0]] -= {circle[1]}

    def _note_filled(self, item: Entry, filled: Filled) -> None:
        for steps, message, hint in filled.problems:
            place = self._place(item, steps)
            self.problems.append(Problem("dangling-reference", message, place, hint))

    def _judge(self, item: Entry, found: Desired, filled: Filled) -> None:
        noted: set[tuple[Place, str]] = set()
        for violation in validate_record(self._manifest.lexicons, _complete(found)):
            if any(violation.path[: len(steps)] == steps for steps in filled.missing):
                continue
            place = self._place(item, violation.path)
            # A sample's schema stands in its record twice, and in the manifest once: its place says enough.
            is_sample = isinstance(item, SchemaEntry) and violation.path[:1] == (_SCHEMA_FIELD,)
            where = "" if is_sample else json_path(_as_written(violation.path)).removeprefix("$")
            message = f"{item.common.address}{where}: {violation.message} ({violation.rule}; {violation.schema})"
            if (place, message) not in noted:
                noted.add((place, message))
                self.problems.append(Problem("invalid-record", message, place, _hint(violation)))
        if isinstance(item, SchemaEntry):
            for finding in check_sample_schema(item.content):
                place = item.content_place(finding.steps)
                message = f"{item.common.address}: {finding.message}"
                self.problems.append(Problem(finding.code, message, place, finding.hint, finding.severity))
        if isinstance(item, DatasetEntry) and isinstance(item.shards, UrlShards):
            self._check_endpoint(item, item.shards)
        self._check_size(item, found)

    def _check_endpoint(self, item: DatasetEntry, shards: UrlShards) -> None:
        remote = self._facts.shards[item.common.address]
        is_s3 = isinstance(remote, RemoteShards) and any(isinstance(url, S3) for url, _ in remote.shards)
        if is_s3 and not shards.endpoint:
            place = self._manifest.place((*item.common.address.steps, "urls"))
            message = f"{item.common.address}: atdata reads S3 shards only where the endpoint is given"
            hint = "add `s3: {endpoint: …}`, for Amazon https://s3.REGION.amazonaws.com"
            self.problems.append(Problem("s3-endpoint", message, place, hint, "warning"))

    def _check_size(self, item: Entry, found: Desired) -> None:
        try:
            size = len(data.encode(_complete(found)))
        except NotInDataModel:
            return  # the lexicon's verdict names it
        if size <= LARGE:
            return
        place = self._manifest.key_place(item.common.address.steps)
        hint = "use fewer, larger shards, or several entries"
        if size > LARGEST:
            message = f"{item.common.address}: the record has {size:,} bytes, and no PDS takes more than {LARGEST:,}"
            self.problems.append(Problem("record-too-large", message, place, hint))
        else:
            message = f"{item.common.address}: the record has {size:,} bytes, which older PDSes (0.4) refuse"
            self.problems.append(Problem("record-large", message, place, hint, "warning"))

    def _place(self, item: Entry, steps: Steps) -> Place:
        """Where in the manifest a part of a record comes from."""
        if isinstance(item, SchemaEntry) and steps[:1] == (_SCHEMA_FIELD,):
            return item.content_place(steps[2:] if steps[1:2] == (_CONTENT_FIELD,) else steps[1:])
        own = item.common.address.steps
        if isinstance(item, RecordEntry):
            return self._manifest.place((*own, "value", *steps))
        if not steps:
            return self._manifest.key_place(own)
        if isinstance(item, DatasetEntry) and steps[0] == _STORAGE_FIELD:
            return self._manifest.place((*own, "blobs" if isinstance(item.shards, BlobShards) else "urls"))
        return self._manifest.place((*own, *_as_written(steps)))


_STORAGE_FIELD: Final = entry.Entry.WIRE["storage"]
_METADATA: Final = entry.Entry.WIRE["content_metadata"]
_SCHEMA_FIELD: Final = schema.Schema.WIRE["schema"]
_CONTENT_FIELD: Final = schema.JsonSchemaFormat.WIRE["content"]
_IMMUTABLE: Final = frozenset(schema.Schema.WIRE[name] for name in ("name", "version", "schema_type", "schema"))
_KEYS: Final = {
    entry.Entry.WIRE["schema_ref"]: "schema",
    _METADATA: "metadata",
    entry.Entry.WIRE["metadata_schema_ref"]: "metadata_schema",
    label.Label.WIRE["dataset_uri"]: "dataset",
    lens.Lens.WIRE["source_schema"]: "source",
    lens.Lens.WIRE["target_schema"]: "target",
    lens.Lens.WIRE["getter_code"]: "getter",
    lens.Lens.WIRE["putter_code"]: "putter",
}
"""The manifest's key for a record's field, where they differ."""


def _circle(targets: Mapping[RecordPath, Set[RecordPath]]) -> list[RecordPath]:
    """Records that refer to one another in a circle, the first one again at the end; empty where none do."""
    try:
        TopologicalSorter(targets).prepare()
    except CycleError as error:
        circle: list[RecordPath] = error.args[1]
        return circle[::-1]  # it is given from what is referred to
    return []


def _as_written(path: Steps) -> Steps:
    """A way into a record, with the manifest's name for its first step."""
    return (_KEYS.get(str(path[0]), path[0]), *path[1:]) if path else path


def _is_time(known: Record) -> bool:
    kind = known.record.properties.get(CREATED_AT)
    return isinstance(kind, String) and kind.format == "datetime"


def _complete(found: Desired) -> JsonObject:
    """The record with something legal wherever it is still open, so that it can be judged."""
    value = found.value if found.created_at is None else {**found.value, found.created_at.field: _ANY_TIME}
    for reference in found.strong_refs:
        value = data.put(value, (*reference.steps, CID_FIELD), _ANY_CID)
    return value


_HINTS: Final = {
    "data-model": "write it as an integer, or as a string: a record holds no floats",
    "maxLength": "shorten it",
    "maxGraphemes": "shorten it",
    "required": "add it",
    "minLength": "give more",
    "minGraphemes": "give more",
    "range": "change it",
    "enum": "write one of these",
    "const": "write that",
}


def _hint(violation: Violation) -> str:
    if violation.rule == "data-model" and "float" not in violation.message:
        return ""
    if violation.rule == "accept":
        return "a shard is an uncompressed tar"
    if violation.rule == "maxSize":
        return "make smaller shards"
    if violation.rule == "format" and "datetime" in violation.message:
        return "for example 2024-05-01T12:00:00.000Z"
    return _HINTS.get(violation.rule, "") or f"write it as the lexicon {violation.schema} has it"
