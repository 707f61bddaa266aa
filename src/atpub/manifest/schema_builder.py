"""The JSON Schema of a manifest (draft 2020-12), built from the lexicons; `make reference` writes its file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.lexicon.model import (
    Array,
    BlobType,
    Boolean,
    Bytes,
    CidLinkType,
    Definition,
    Integer,
    Lexicons,
    Name,
    Null,
    Object,
    ProcedureType,
    QueryType,
    RecordType,
    Ref,
    String,
    SubscriptionType,
    Token,
    Type,
    Union,
    Unknown,
    Unsupported,
)
from atpub.atproto.syntax import Nsid
from atpub.generated import LEXICONS
from atpub.generated.dev.atpub import rai
from atpub.generated.science.alt.dataset import entry, label, lens, schema
from atpub.manifest.kinds import COLLECTIONS
from atpub.manifest.schema import (
    ANNOUNCE,
    CATALOG_NAMES,
    CONTENT_METADATA,
    DATASET_FIELDS,
    KEY,
    LABEL_FIELDS,
    LENS_FIELDS,
    METADATA_SCHEMA,
    MIRRORS,
    PARTS,
    PROJECT,
    RAI,
    SCHEMA_FIELDS,
    SIZE,
    VERSION,
)
from atpub.manifest.schema_parts import END, closed_object, definition_name, present, refer, text
from atpub.storage.registry import dataset_keys

_EXTENSIONS: JsonObject = {"^x-": {"description": "A key of your own: atpub ignores it."}}
STRONG_REF = Name(Nsid("com.atproto.repo.strongRef"))


def build_schema() -> JsonObject:
    """Build the JSON Schema of a manifest."""
    made = _Definitions(LEXICONS.lexicons)
    sections: dict[str, JsonObject] = {
        "schemas": _schema_entry(made),
        "datasets": _dataset_entry(made),
        "labels": _label_entry(made),
        "lenses": _lens_entry(made),
        "records": _record_entry(),
    }
    properties: JsonObject = {
        "atpub": {"const": 1, "description": "The version of this format."},
        "project": text(
            "Who owns the records: the name of their inventory in the repository.",
            pattern=PROJECT,
            examples=["lab-data"],
        ),
        "account": text("Where to publish: a handle, a DID, `local`, or `local:PATH`."),
        "did": _did("The DID that the account must have."),
        "pds": _url("The URL of the account's PDS, where it is not to be looked up."),
        "defaults": _defaults(sections),
        "policy": _policy(),
        "lexicons": _lexicons(),
    }
    properties["environments"] = _map_of(_environment(properties, sections), "Other targets, chosen with --env.")
    for name, item in sections.items():
        made.definitions[f"entry:{name}"] = item
        made.definitions[f"partial:{name}"] = {**item, "required": []}
        properties[name] = _map_of(refer(f"entry:{name}"), f"The {name}, by key.")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An atpub manifest",
        "type": "object",
        "required": ["atpub", "project"],
        "additionalProperties": False,
        "patternProperties": _EXTENSIONS,
        "properties": properties,
        "$defs": dict(made.definitions),
    }


def _map_of(item: JsonObject, description: str) -> JsonObject:
    return {
        "type": "object",
        "description": description,
        "propertyNames": {"pattern": KEY},
        "additionalProperties": item,
    }


def _entry_object(properties: JsonObject, required: Iterable[str] = ()) -> JsonObject:
    """Return a closed object in which a manifest may have keys of its own."""
    return {**closed_object(properties, required), "patternProperties": _EXTENSIONS}


def _common() -> JsonObject:
    return {
        "id": text("The identity, where the key is not: an entry that is renamed keeps its record by it."),
        "rkey": text("The record key, where it is not to follow from the id."),
        "protect": {"type": "boolean", "description": "Refuse to delete the record."},
        "adopt": {"type": "boolean", "description": "Adopt an existing record that no project owns."},
    }


def _schema_entry(made: _Definitions) -> JsonObject:
    own: JsonObject = {
        "nsid": text("The permanent name of the schema, the same in every version.", examples=["org.lab.image"]),
        "version": text("Its semantic version: a published one never changes.", pattern=VERSION, examples=["1.0.0"]),
        "name": text(
            "The name of the sample type; the NSID's last segment in PascalCase where it is absent.", minLength=1
        ),
        "fields": {
            "type": "object",
            "description": "The fields of a msgpack sample by name: string, integer, number, boolean, bytes, ndarray, "
            "sparse, structured, arrow, safetensors, dataframe; `?` after it for optional, `[string]` for a list, "
            "{ndarray: {dtype: float32, shape: [8]}} for an array.",
            "additionalProperties": {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "object"}],
                "examples": ["integer", "string?"],
            },
        },
        "members": {
            "type": "object",
            "description": "The members of a sample, one file each, by extension: a MIME type, integer, text, json, "
            "bytes, ndarray, sparse, structured, arrow, safetensors, dataframe; `?` after it for optional, "
            "{caption: string} for a JSON object.",
            "additionalProperties": {
                "anyOf": [{"type": "string"}, {"type": "object"}],
                "examples": ["image/jpeg", "integer"],
            },
        },
        "json_schema": {"type": "object", "description": "A sample as a JSON Schema (draft-07)."},
        "file": text("A file with a sample's JSON Schema (draft-07), relative to the manifest."),
    }
    return _entry_object({**_common(), **own, **made.record(schema.NSID, SCHEMA_FIELDS)}, ("nsid", "version"))


def _dataset_entry(made: _Definitions) -> JsonObject:
    own: JsonObject = {
        "schema": _reference("The samples' schema: a key of `schemas`, or an at:// URI."),
        **dataset_keys(),
        "metadata": {"type": "object", "description": "Facts about the dataset as a whole, without floats."},
        "metadata_schema": _reference("The metadata's schema: a key of `schemas`, or an at:// URI."),
        CONTENT_METADATA: {"type": "object", "description": "The lexicon's name of `metadata`."},
        METADATA_SCHEMA: _reference("The lexicon's name of `metadata_schema`."),
        **made.record(entry.NSID, frozenset({SIZE})),
        PARTS: {
            "type": "integer",
            "description": "The most shards of one record: a larger dataset is published as several.",
            "minimum": 1,
            "examples": [4000],
        },
        MIRRORS: {
            "type": "array",
            "description": "Folders at other URLs that hold the same shards, which `atpub pull` tries in order.",
            "items": text("The URL of a folder.", minLength=1),
            "minItems": 1,
            "maxItems": 20,
            "uniqueItems": True,
            "examples": [["https://mirror.example.org/digits/"]],
        },
        RAI: made.closed(rai.NSID, rai.Provenance.NSID),
        ANNOUNCE: {
            "type": "array",
            "description": "The catalogs that a record announces it to: matadisco.",
            "items": {"type": "string", "enum": [*CATALOG_NAMES]},
            "uniqueItems": True,
            "examples": [["matadisco"]],
        },
    }
    return _entry_object({**_common(), **own, **_require_name(made.record(entry.NSID, DATASET_FIELDS))}, ("schema",))


def _label_entry(made: _Definitions) -> JsonObject:
    own: JsonObject = {"dataset": _reference("What it names: a key of `datasets`, or an at:// URI.")}
    return _entry_object({**_common(), **own, **_require_name(made.record(label.NSID, LABEL_FIELDS))}, ("dataset",))


def _lens_entry(made: _Definitions) -> JsonObject:
    code = made.type(Ref(Name(Nsid(lens.NSID), "codeReference")))
    own: JsonObject = {
        "source": _reference("The schema it reads: a key of `schemas`, or an at:// URI."),
        "target": _reference("The schema it gives: a key of `schemas`, or an at:// URI."),
        "getter": code,
        "putter": code,
    }
    required = ("source", "target", "getter", "putter")
    return _entry_object({**_common(), **own, **_require_name(made.record(lens.NSID, LENS_FIELDS))}, required)


def _require_name(fields: dict[str, JsonObject]) -> JsonObject:
    """Require a non-empty name: people find the record by it, although lexicons allow it to be empty."""
    return {**fields, "name": {**fields["name"], "minLength": 1}}


def _record_entry() -> JsonObject:
    own: JsonObject = {
        "collection": text("The NSID of the record's lexicon.", examples=["org.lab.note"]),
        "value": {
            "type": "object",
            "description": "The record. {$ref: datasets/x} becomes an at:// URI, {$strongRef: schemas/x} a URI "
            "with its CID, {$blob: file} a blob; {$literal: …} is what stands in it, as it is.",
        },
    }
    return _entry_object({**_common(), **own}, ("collection", "value"))


def _reference(description: str) -> JsonObject:
    return text(description, minLength=1)


def _environment(parts: JsonObject, sections: Iterable[str]) -> JsonObject:
    """Return what an environment may set: any part of the manifest; of an entry, the fields that it has otherwise."""
    lexicons = parts["lexicons"]
    assert isinstance(lexicons, dict)
    names = ("project", "account", "did", "pds", "defaults", "policy")
    own: JsonObject = {**{name: parts[name] for name in names}, "lexicons": {**lexicons, "required": []}}
    for name in sections:
        entry: list[Json] = [refer(f"partial:{name}"), {"type": "null"}]
        own[name] = _map_of({"anyOf": entry}, f"Other fields of {name}, other {name}, and null for one to leave out.")
    return _entry_object(own)


def _did(description: str) -> JsonObject:
    return text(description, pattern="^did:[a-z]+:.+$", examples=["did:plc:ewvi7nxzyoun6zhxrhs64oiz"])


def _url(description: str) -> JsonObject:
    return text(description, pattern="^https?://", examples=["https://pds.example.org"])


def _defaults(sections: Iterable[str]) -> JsonObject:
    partial: JsonObject = {name: refer(f"partial:{name}") for name in sections if name in COLLECTIONS}
    return {**closed_object(partial), "description": "What every entry of a section has that does not say otherwise."}


def _policy() -> JsonObject:
    share: JsonObject = {"type": "string", "pattern": "^(100|[1-9]?[0-9])%" + END, "examples": ["30%"]}
    limit: JsonObject = {
        "description": "The most records that one plan may delete: a number, or a share such as 30%.",
        "anyOf": [{"type": "integer", "minimum": 0}, share],
        "examples": [10, "30%"],
    }
    return closed_object({"max_delete": limit})


def _lexicons() -> JsonObject:
    publish: JsonObject = {"type": "boolean", "description": "Publish the lexicons themselves as records."}
    return closed_object({"path": text("The folder of the project's own lexicons."), "publish": publish}, ("path",))


class _Definitions:
    """Turns lexicon types into JSON Schema; what a lexicon names goes into `definitions`."""

    def __init__(self, lexicons: Lexicons) -> None:
        self._lexicons = lexicons
        self.definitions: dict[str, Json] = {}

    def record(self, nsid: str, fields: frozenset[str]) -> dict[str, JsonObject]:
        """Return some fields of a record, by wire name."""
        found = self._lexicons.record(Nsid(nsid))
        assert found is not None, nsid
        return {name: self.type(kind) for name, kind in found.record.properties.items() if name in fields}

    def type(self, kind: Type) -> JsonObject:
        """Convert a type to JSON Schema, with its description."""
        made = self._plain(kind)
        return {**made, "description": kind.description} if kind.description and "$ref" not in made else made

    def closed(self, nsid: str, *inner: str) -> JsonObject:
        """Refer to an object that takes no other fields than its own, like the objects in it that `inner` names."""
        made = self._reference(Name(Nsid(nsid)))
        for name in map(definition_name, (nsid, *inner)):
            found = self.definitions[name]
            assert isinstance(found, dict)
            self.definitions[name] = {**found, "additionalProperties": False}
        return made

    def _plain(self, kind: Type) -> JsonObject:
        match kind:
            case Boolean():
                return {"type": "boolean"}
            case Integer():
                return present(type="integer", minimum=kind.minimum, maximum=kind.maximum, const=kind.const)
            case String():
                return _string(kind)
            case Bytes():
                return closed_object({"$bytes": {"type": "string"}}, ("$bytes",))
            case CidLinkType():
                return closed_object({"$link": {"type": "string"}}, ("$link",))
            case BlobType():
                return {"type": "object", "title": "{$blob: file}"}
            case Array():
                low, high = kind.min_length, kind.max_length
                return present(type="array", items=self.type(kind.items), minItems=low, maxItems=high)
            case Object():
                return self._object(kind)
            case Ref(target=target):
                return self._reference(target)
            case Union():
                return {"type": "object", "properties": {"$type": {"type": "string"}}}
            case Unknown():
                return {"type": "object"}
            case Token():
                return {"type": "string"}
            case Null():
                return {"type": "null"}
            case Unsupported():
                return {}
            case _:
                assert_never(kind)

    def _object(self, kind: Object) -> JsonObject:
        properties: JsonObject = {}
        for name, part in kind.properties.items():
            made = self.type(part)
            properties[name] = {"anyOf": [made, {"type": "null"}]} if name in kind.nullable else made
        return {"type": "object", "properties": properties, "required": [*sorted(kind.required)]}

    def _reference(self, name: Name) -> JsonObject:
        if name == STRONG_REF:
            return {"type": "object", "title": "{$strongRef: address}"}
        known = definition_name(name)
        if known not in self.definitions:
            self.definitions[known] = {}  # a definition may refer to itself
            self.definitions[known] = self._definition(self._lexicons.find(name))
        return refer(known)

    def _definition(self, found: Definition | None) -> JsonObject:
        match found:
            case RecordType(record=record):
                return self._object(record)
            case None | QueryType() | ProcedureType() | SubscriptionType():
                return {"type": "object"}
            case _:
                return self.type(found)


def _string(kind: String) -> JsonObject:
    # JSON Schema counts characters where a lexicon counts bytes: what this allows, the lexicon may still refuse.
    made = present(type="string", minLength=1 if kind.min_length else None, maxLength=kind.max_length, const=kind.const)
    if kind.enum:
        made["enum"] = list(kind.enum)
    if kind.format == "at-uri":
        return {"anyOf": [made, {"type": "object", "title": "{$ref: address}"}]}
    return made
