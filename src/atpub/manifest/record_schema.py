"""The JSON Schema of a manifest with the records of some lexicons: for editors, which complete and check `records:`.

The loader goes by the lexicons themselves. Here, each value may be a placeholder, and each text may have a variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, assert_never

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.lexicon.model import (
    Array,
    BlobType,
    Boolean,
    Bytes,
    CidLinkType,
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
from atpub.atproto.syntax import Did, Handle, Nsid, Rkey, Tid
from atpub.manifest.kinds import has_own_section
from atpub.manifest.model import PLACEHOLDERS
from atpub.manifest.schema import manifest_schema
from atpub.manifest.schema_builder import STRONG_REF
from atpub.manifest.schema_parts import ANY_TEXT, closed_object, definition_name, described, present, refer, whole

_VARIABLE: Final[JsonObject] = {"type": "string", "pattern": r"\$\{"}
_PATTERNS: Final[Mapping[str, str]] = {
    "at-uri": "^at://",
    "did": whole(Did.rule()[0]),
    "handle": whole(Handle.rule()[0]),
    "nsid": whole(Nsid.rule()[0]),
    "record-key": whole(Rkey.rule()[0]),
    "tid": whole(Tid.rule()[0]),
}
_FORMATS: Final = {"datetime": "date-time"}  # those that JSON Schema has, too
_CREATED_AT: Final = "createdAt"  # atpub fills it in
_OWN: Final = "dev.atpub."  # records that atpub writes itself


def schema_with_records(lexicons: Lexicons) -> JsonObject:
    """Build the JSON Schema of a manifest in which `records:` knows the collections of some lexicons."""
    schemas = _RecordSchemas(lexicons)
    records = {nsid: found for nsid in sorted(lexicons.by_nsid) if (found := lexicons.record(nsid))}
    own = {nsid: kind for nsid, kind in records.items() if not has_own_section(nsid) and not nsid.startswith(_OWN)}
    known: list[Json] = [described({"const": nsid}, kind.description) for nsid, kind in own.items()]
    values: list[Json] = [_of_collection(nsid, schemas.record(nsid)) for nsid in own]
    schema = manifest_schema()
    definitions = _object(schema["$defs"])
    entry = _object(definitions["entry:records"])
    properties = _object(entry["properties"])
    collection: JsonObject = {
        "type": "string",
        "description": _object(properties["collection"])["description"],
        "anyOf": [*known, {"pattern": _PATTERNS["nsid"]}],
    }
    completed: JsonObject = {**entry, "properties": {**properties, "collection": collection}, "allOf": values}
    return {**schema, "$defs": {**definitions, **schemas.definitions(), "entry:records": completed}}


def _object(value: Json) -> JsonObject:
    assert isinstance(value, dict)
    return value


def _of_collection(nsid: str, value: JsonObject) -> JsonObject:
    is_of_it: JsonObject = {"properties": {"collection": {"const": nsid}}, "required": ["collection"]}
    return {"if": is_of_it, "then": {"properties": {"value": value}}}


class _RecordSchemas:
    """Turns the types of lexicons into JSON Schema; definitions that they name are listed until they are built."""

    def __init__(self, lexicons: Lexicons) -> None:
        self._lexicons = lexicons
        self._waiting: list[Name] = []
        self._built: dict[Name, JsonObject] = {}

    def definitions(self) -> JsonObject:
        """Build all that is referred to, near or far, and what stands in place of a value."""
        while self._waiting:
            name = self._waiting.pop()
            if name not in self._built:
                self._built[name] = self._definition(name)
        return {**_PLACEHOLDERS, **{_definition_of(name): schema for name, schema in self._built.items()}}

    def record(self, nsid: Nsid) -> JsonObject:
        """Refer to a record."""
        return self._reference(Name(nsid))

    def _reference(self, name: Name) -> JsonObject:
        self._waiting.append(name)
        return refer(_definition_of(name))

    def _definition(self, name: Name) -> JsonObject:
        match self._lexicons.find(name):
            case RecordType(record=record, description=text):
                required = record.required - {_CREATED_AT}
                return described(self._object(record, required), text or record.description)
            case None | QueryType() | ProcedureType() | SubscriptionType():
                return {}
            case found:
                return self._type(found)

    def _type(self, kind: Type) -> JsonObject:
        """Convert the type of a value, which may be a placeholder in a manifest."""
        if isinstance(kind, BlobType):
            return described({"anyOf": [refer("$blob"), _BLOB, refer("$literal")]}, kind.description)
        if isinstance(kind, Ref) and kind.target == STRONG_REF:
            return described({"anyOf": [refer("$strongRef"), _STRONG_REF, refer("$literal")]}, kind.description)
        if isinstance(kind, String) and kind.format == "at-uri":
            return described({"anyOf": [self._plain(kind), refer("$ref"), refer("$literal")]}, kind.description)
        plain = self._plain(kind)
        return described({"if": refer("placeholder"), "else": plain} if plain else {}, kind.description)

    def _plain(self, kind: Type) -> JsonObject:
        match kind:
            case Boolean():
                return present(type="boolean", const=kind.const, default=kind.default)
            case Integer():
                return {**_integer(kind), **({"enum": [*kind.enum]} if kind.enum else {})}
            case String():
                return _string(kind)
            case Bytes():
                return _single("$bytes")
            case CidLinkType():
                return _single("$link")
            case Array():
                low, high = kind.min_length, kind.max_length
                return present(type="array", items=self._type(kind.items), minItems=low, maxItems=high)
            case Object():
                return self._object(kind, kind.required)
            case Ref(target=target):
                return self._reference(target)
            case Union():
                return self._union(kind)
            case BlobType() | Unknown():
                return {"type": "object"}
            case Token():
                return {"type": "string"}
            case Null():
                return {"type": "null"}
            case Unsupported():
                return {}
            case _:
                assert_never(kind)

    def _object(self, kind: Object, required: Iterable[str]) -> JsonObject:
        properties: JsonObject = {}
        for name, part in kind.properties.items():
            schema = self._type(part)
            nullable: JsonObject = {"anyOf": [schema, {"type": "null"}]}
            properties[name] = described(nullable, part.description) if name in kind.nullable else schema
        return {"type": "object", "properties": properties, "required": [*sorted(required)]}

    def _union(self, kind: Union) -> JsonObject:
        known: list[Json] = [{"const": str(name)} for name in kind.refs]
        types: JsonObject = {"anyOf": [*known, *([] if kind.closed else [ANY_TEXT])]}
        branches: list[Json] = [
            {
                "if": {"properties": {"$type": {"const": str(name)}}, "required": ["$type"]},
                "then": self._reference(name),
            }
            for name in kind.refs
        ]
        schema: JsonObject = {"type": "object", "properties": {"$type": types}, "required": ["$type"]}
        return {**schema, "allOf": branches} if branches else schema


def _definition_of(name: Name) -> str:
    return f"record:{definition_name(name)}"


_BLOB: Final[JsonObject] = {
    "type": "object",
    "properties": {"$type": {"const": "blob"}},
    "required": ["$type", "ref", "mimeType", "size"],
}
_STRONG_REF: Final[JsonObject] = {
    "type": "object",
    "properties": {"uri": {"type": "string", "pattern": "^at://"}, "cid": ANY_TEXT},
    "required": ["uri", "cid"],
}


def _single(key: str, value: JsonObject = ANY_TEXT) -> JsonObject:
    """Return the schema of an object of one key."""
    return closed_object({key: value}, (key,))


_FILE: Final[JsonObject] = {
    "anyOf": [
        ANY_TEXT,
        closed_object({"file": ANY_TEXT, "mimeType": ANY_TEXT}, ("file",)),
    ]
}
_ARGUMENTS: Final[Mapping[str, JsonObject]] = {
    "$ref": described(ANY_TEXT, "The at:// URI of another entry, such as datasets/digits."),
    "$strongRef": described(ANY_TEXT, "The URI and CID of another entry, such as schemas/image."),
    "$blob": described(_FILE, "A file, which is uploaded: a path relative to the manifest."),
    "$literal": {"description": "The value as it stands."},
}
_PLACEHOLDERS: Final[JsonObject] = {
    **{name: _single(name, _ARGUMENTS[name]) for name in sorted(PLACEHOLDERS)},
    "placeholder": {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": {"enum": [*sorted(PLACEHOLDERS)]},
    },
}


def _integer(kind: Integer) -> JsonObject:
    return present(type="integer", minimum=kind.minimum, maximum=kind.maximum, const=kind.const, default=kind.default)


def _string(kind: String) -> JsonObject:
    # Graphemes are at most as many as characters, and these at most as many as bytes.
    least = kind.min_graphemes or (1 if kind.min_length else None)
    limits = present(minLength=least, maxLength=kind.max_length)
    form = present(pattern=_PATTERNS.get(kind.format or ""), format=_FORMATS.get(kind.format or ""), const=kind.const)
    if kind.enum:
        form["enum"] = [*kind.enum]
    known: list[Json] = [{"enum": [*kind.known_values]}] if kind.known_values else []
    if form:
        return {**present(type="string", default=kind.default), "anyOf": [{**limits, **form}, _VARIABLE]}
    if known:
        return {**present(type="string", default=kind.default), "anyOf": [*known, {**ANY_TEXT, **limits}]}
    return {**present(type="string", default=kind.default), **limits}
