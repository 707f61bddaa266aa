"""A record → the fields of its entry; `check` finds out whether they describe it exactly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from atpub.atproto.data import Blob, Json, JsonObject
from atpub.atproto.syntax import Cid, Nsid, RecordPath
from atpub.errors import InvalidRecord
from atpub.generated.dev.atpub import rai
from atpub.generated.science.alt.dataset import (
    entry,
    label,
    lens,
    schema,
)
from atpub.importing.brace_patterns import patterns_of
from atpub.manifest.model import PLACEHOLDERS, Address
from atpub.manifest.notation import written_fields, written_members
from atpub.manifest.schema import DATASET_FIELDS, LABEL_FIELDS, LENS_FIELDS, MIRRORS, RAI, SCHEMA_FIELDS, SIZE
from atpub.storage.interface import FileStorage
from atpub.storage.mirrors import KEY as MIRRORS_KEY
from atpub.storage.mirrors import read_mirrors
from atpub.storage.registry import CHECKSUMS_KEY, URLS_KEY, find_kind

CREATED_AT: Final = entry.Entry.WIRE["created_at"]
UNNAMED: Final = "invalid.unnamed"
"""The domain in the NSID of a schema that has none (a reserved domain, RFC 2606)."""

Refer = Callable[[str, str], str]
"""Returns the reference to write for a URI, if an entry of the section has it."""


@dataclass(frozen=True, slots=True)
class Writer:
    """The writer of the parts of a record in a manifest.

    `files` names blobs as files, `named` gives the address and CID of records by their URIs, to be referred to so: both
    are empty where the record is kept as it is.
    """

    files: Mapping[Cid, str] = field(default_factory=dict[Cid, str])
    named: Mapping[str, tuple[Address, Cid]] = field(default_factory=dict[str, tuple[Address, Cid]])

    def object(self, value: JsonObject) -> JsonObject:
        """Write each field of an object, its type first."""
        return {key: self.value(value[key]) for key in sorted(value, key=lambda key: not key.startswith("$"))}

    def value(self, value: Json) -> Json:
        """Write a value that may hold placeholders; a value that only looks like one is marked as literal."""
        match value:
            case str() if value in self.named:
                return {"$ref": str(self.named[value][0])}
            case {"uri": str(uri), "cid": str(cid), **rest} if not rest and self._is_named(uri, cid):
                return {"$strongRef": str(self.named[uri][0])}
            case dict():
                blob = Blob.from_json(value)
                if blob is not None and blob.cid in self.files:
                    return {"$blob": self.files[blob.cid]}
                is_like = len(value) == 1 and not PLACEHOLDERS.isdisjoint(value)
                return {"$literal": value} if is_like else self.object(value)
            case list():
                return [self.value(item) for item in value]
            case _:
                return value

    def _is_named(self, uri: str, cid: str) -> bool:
        return uri in self.named and self.named[uri][1] == cid


def records_body(path: RecordPath, value: JsonObject, writer: Writer) -> JsonObject:
    """Write the record itself, with the writer's references and placeholders."""
    plain = {key: item for key, item in value.items() if key != "$type" or item != path.collection}
    return {"collection": path.collection, "value": writer.object(plain)}


# Schemas


def schema_nsid(path: RecordPath, value: JsonObject) -> str:
    """Return the NSID in the record key `{nsid}:{version}`, else one made of the schema's name."""
    nsid, _, _ = path.rkey.rpartition(":")
    if Nsid.accepts(nsid):
        return nsid
    name = re.sub(r"[^A-Za-z0-9]", "", str(value.get(schema.Schema.WIRE["name"])))[:60]
    return f"{UNNAMED}.{name}" if Nsid.accepts(f"{UNNAMED}.{name}") else f"{UNNAMED}.sample"


def schema_body(path: RecordPath, value: JsonObject, writer: Writer, *, by_fields: bool) -> JsonObject | None:
    """Write the entry of a sample schema; return None if it does not fit this form."""
    content = _at(value, schema.Schema.WIRE["schema"], schema.JsonSchemaFormat.WIRE["content"])
    name, version = value.get(schema.Schema.WIRE["name"]), value.get(schema.Schema.WIRE["version"])
    if not (isinstance(content, dict) and isinstance(name, str) and isinstance(version, str)):
        return None
    nsid = schema_nsid(path, value)
    last = Nsid(nsid).name
    own: JsonObject = {} if name == last[:1].upper() + last[1:] else {"name": name}
    what: JsonObject | None = _declaration(content) if by_fields else {"json_schema": content}
    if what is None:
        return None
    return {"nsid": nsid, "version": version, **own, **_fields(value, SCHEMA_FIELDS, writer), **what}


def _declaration(content: JsonObject) -> JsonObject | None:
    if members := written_members(content):
        return {"members": members}
    fields = written_fields(content)
    return None if fields is None else {"fields": fields}


def dataset_body(key: str, value: JsonObject, refer: Refer, writer: Writer) -> JsonObject | None:
    """Write the entry of a dataset; return None if it does not fit, as blobs without files."""
    try:
        found = entry.Entry.from_json(value)
        where = _shards(found.storage, writer.files)
    except InvalidRecord:
        return None
    if where is None:
        return None
    made: JsonObject = {"schema": refer(found.schema_ref, "schemas")}
    fields = _fields(value, DATASET_FIELDS, writer)
    if fields.get("name") == key:
        del fields["name"]
    made |= {**fields, **where}
    made |= _metadata(value.get(entry.Entry.WIRE["content_metadata"]))
    about = found.metadata_schema_ref
    if isinstance(about, str):
        made["metadata_schema"] = refer(about, "schemas")
    size = value.get(SIZE)
    if URLS_KEY in where and isinstance(size, dict) and size.keys() != {"shards"}:
        made[SIZE] = size
    return made


def _metadata(value: Json) -> JsonObject:
    """Write the contentMetadata of a dataset."""
    if not isinstance(value, dict):
        return {} if value is None else {"metadata": value}
    rest, own = dict(value), JsonObject()
    if rai.NSID in rest:
        own[RAI] = rest.pop(rai.NSID)
    if folders := read_mirrors(value):
        own[MIRRORS] = [*folders]
        del rest[MIRRORS_KEY]
    return {**({"metadata": rest} if rest or not own else {}), **own}


def _shards(storage: entry.EntryStorage, files: Mapping[Cid, str]) -> JsonObject | None:
    """Write the location of the shards; return None if a manifest cannot express it."""
    kind = find_kind(storage)
    if kind is None:
        return None
    if isinstance(kind, FileStorage):
        names = [files.get(item.blob.cid) for item in kind.read(storage)]
        known = [name for name in names if name is not None]
        return {kind.key: _one(patterns_of(known))} if len(known) == len(names) else None
    shards = kind.read(storage)
    digests = {shard.url: shard.digest for shard in shards if shard.digest}
    named = _by_last_segment(digests)
    urls = _one(patterns_of([shard.url for shard in shards]))
    return {URLS_KEY: urls, **kind.write_options(storage), CHECKSUMS_KEY: {**named} or "none"}


def _by_last_segment(digests: Mapping[str, str]) -> Mapping[str, str]:
    """Return the digests by the shards' file names, if these are unique."""
    short = {url.rpartition("/")[2]: digest for url, digest in digests.items()}
    is_plain = all(re.fullmatch(r"[\w.-]+", name, re.ASCII) for name in short)
    return short if len(short) == len(digests) and is_plain else digests


def _one(patterns: list[str]) -> Json:
    return patterns[0] if len(patterns) == 1 else [*patterns]


def label_body(key: str, value: JsonObject, refer: Refer, writer: Writer) -> JsonObject | None:
    """Write the entry of a label."""
    target = value.get(label.Label.WIRE["dataset_uri"])
    if not isinstance(target, str):
        return None
    fields = _fields(value, LABEL_FIELDS, writer)
    if fields.get("name") == key:
        del fields["name"]
    return {"dataset": refer(target, "datasets"), **fields}


def lens_body(key: str, value: JsonObject, refer: Refer, writer: Writer) -> JsonObject | None:
    """Write the entry of a lens."""
    source, target = (value.get(lens.Lens.WIRE[name]) for name in ("source_schema", "target_schema"))
    if not (isinstance(source, str) and isinstance(target, str)):
        return None
    fields = _fields(value, LENS_FIELDS, writer)
    if fields.get("name") == key:
        del fields["name"]
    codes = {name: _code(value.get(lens.Lens.WIRE[f"{name}_code"])) for name in ("getter", "putter")}
    return {"source": refer(source, "schemas"), "target": refer(target, "schemas"), **fields, **codes}


def _code(value: Json) -> Json:
    """Write a reference to code, its repository first."""
    first = ("repository", "commit", "path")
    if not isinstance(value, dict):
        return value
    return {
        key: value[key]
        for key in [*(key for key in first if key in value), *(key for key in value if key not in first)]
    }


def _fields(value: JsonObject, names: frozenset[str], writer: Writer) -> JsonObject:
    """Return a record's own fields in the usual order, without createdAt, which the plan takes from the live record."""
    known = [name for name in value if name in names and name != CREATED_AT]
    order = ("name", "version", "description", "tags", "license")
    return {
        name: writer.value(value[name])
        for name in sorted(known, key=lambda name: (order.index(name) if name in order else len(order), name))
    }


def _at(value: Json, *steps: str) -> Json:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value
