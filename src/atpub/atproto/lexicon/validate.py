"""Judges any value by its lexicon, with no code generated: every rule that it breaks, each with its path.

The generated classes check the same rules in straight-line code and come here to say what is wrong, so that both give
the same verdict in the same words (specification: Lexicon, Data Model).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from atpub.atproto import data
from atpub.atproto.data import (
    DEEPEST,
    DEEPEST_UNKNOWN,
    INTEGER_MAX,
    INTEGER_MIN,
    Json,
    JsonObject,
    NotInDataModel,
)
from atpub.atproto.lexicon.formats import FORMATS, graphemes, is_unicode, utf8_length
from atpub.atproto.lexicon.json_node import kind_of
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
from atpub.atproto.lexicon.violation import Path, Violation
from atpub.atproto.mime_types import accepts
from atpub.atproto.syntax import Cid, Nsid
from atpub.suggest import show_value


def violations(lexicons: Lexicons, value: Json) -> Iterator[Violation]:
    """Yield each violation of the lexicon that a record's `$type` names."""
    match value:
        case {"$type": str(nsid)} if Nsid.accepts(nsid) and lexicons.record(Nsid(nsid)):
            yield from _Judge(lexicons, nsid, new=True).named(Name(Nsid(nsid)), value, ())
        case {"$type": str(name)} if name.endswith("#main"):
            yield Violation(("$type",), "$type", f"{show_value(name)} is written without #main", "record")
        case {"$type": str(nsid)}:
            yield Violation(("$type",), "lexicon", f"no lexicon for {show_value(nsid)} is at hand", "record")
        case _:
            yield Violation((), "$type", "a record is an object with a $type", "record")


def validate_record(lexicons: Lexicons, value: Json) -> tuple[Violation, ...]:
    """Everything that keeps a record from being written."""
    return tuple(violations(lexicons, value))


def validate(lexicons: Lexicons, name: Name, value: Json) -> tuple[Violation, ...]:
    """Everything that is wrong with a value by a definition."""
    return tuple(_Judge(lexicons, str(name)).named(name, value, ()))


def judge(lexicons: Lexicons, schema: str, kind: Type, value: Json) -> tuple[Violation, ...]:
    """Everything that is wrong with a value by a type that stands inside the named definition."""
    return tuple(_Judge(lexicons, schema).type(kind, value, ()))


def data_model(value: Json) -> Iterator[Violation]:
    """Everything that keeps a value out of the data model."""
    yield from _Judge(Lexicons({}), "data model").data_model(value, (), 0)


class _Judge:
    """Judges values; `schema` is the definition whose rules are being applied, `new` what is about to be written."""

    def __init__(self, lexicons: Lexicons, schema: str, new: bool = False) -> None:
        self.lexicons = lexicons
        self.schema = schema
        self.new = new

    def broken(self, path: Path, rule: str, message: str, detail: str = "") -> Violation:
        return Violation(path, rule, message, self.schema, detail)

    def named(self, name: Name, value: Json, path: Path) -> Iterator[Violation]:
        """Judges by a named definition, in whose name its violations speak."""
        definition = self.lexicons.find(name)
        if definition is None:
            yield self.broken(path, "ref", f"{name} is not at hand")
            return
        yield from _Judge(self.lexicons, str(name), self.new).definition(definition, value, path)

    def definition(self, definition: Definition, value: Json, path: Path) -> Iterator[Violation]:
        match definition:
            case RecordType(record=record):
                if isinstance(value, dict) and value.get("$type") != self.schema:
                    found = value.get("$type")
                    yield self.broken((*path, "$type"), "$type", f"expected {self.schema!r}, found {show_value(found)}")
                yield from self.object(record, value, path)
            case QueryType() | ProcedureType() | SubscriptionType():
                yield self.broken(path, "type", f"{self.schema} is a method, not a type of value")
            case _:
                yield from self.type(definition, value, path)

    def type(self, kind: Type, value: Json, path: Path) -> Iterator[Violation]:
        if len(path) > DEEPEST:
            yield self.broken(path, "depth", f"nested deeper than {DEEPEST} levels")
            return
        match kind:
            case Boolean() | Integer() | String() | Bytes() | CidLinkType() | BlobType() | Null():
                yield from self.leaf(kind, value, path)
            case Array():
                yield from self.array(kind, value, path)
            case Object():
                yield from self.object(kind, value, path)
            case Ref(target=target):
                yield from self.named(target, value, path)
            case Union():
                yield from self.union(kind, value, path)
            case Unknown():
                yield from self.unknown(value, path)
            case Unsupported():
                yield from self.data_model(value, path, len(path))
            case Token():
                if value != self.schema:
                    yield self.broken(path, "const", f"{show_value(value)} is not {self.schema!r}")
            case _:
                assert_never(kind)

    def leaf(
        self, kind: Boolean | Integer | String | Bytes | CidLinkType | BlobType | Null, value: Json, path: Path
    ) -> Iterator[Violation]:
        match kind:
            case Boolean():
                yield from self.boolean(kind, value, path)
            case Integer():
                yield from self.integer(kind, value, path)
            case String():
                yield from self.string(kind, value, path)
            case Bytes():
                yield from self.bytes(kind, value, path)
            case CidLinkType():
                yield from self.link(value, path)
            case BlobType():
                yield from self.blob(kind, value, path)
            case Null():
                if value is not None:
                    yield self.wrong_type(path, "null", value)
            case _:
                assert_never(kind)

    def wrong_type(self, path: Path, expected: str, value: Json, detail: str = "") -> Violation:
        return self.broken(path, "type", f"expected {expected}, found {kind_of(value)}", detail)

    def boolean(self, kind: Boolean, value: Json, path: Path) -> Iterator[Violation]:
        if not isinstance(value, bool):
            yield self.wrong_type(path, "a boolean", value)
        elif kind.const is not None and value is not kind.const:
            yield self.broken(path, "const", f"{value} is not {kind.const}")

    def integer(self, kind: Integer, value: Json, path: Path) -> Iterator[Violation]:
        number = data.whole(value)
        if number is None:
            yield self.wrong_type(path, "an integer", value)
            return
        low = INTEGER_MIN if kind.minimum is None else kind.minimum
        high = INTEGER_MAX if kind.maximum is None else kind.maximum
        if not low <= number <= high:
            yield self.broken(path, "range", f"{number}{_beyond(kind.minimum, kind.maximum, number)}")
        yield from self.choices(kind.enum, kind.const, number, path)

    def string(self, kind: String, value: Json, path: Path) -> Iterator[Violation]:
        if not isinstance(value, str):
            yield self.wrong_type(path, "a string", value, "string")
            return
        length = utf8_length(value)
        yield from self.length(kind.min_length, kind.max_length, length, "Length", "bytes", path)
        if kind.min_graphemes is not None or kind.max_graphemes is not None:
            count = graphemes(value)
            yield from self.length(kind.min_graphemes, kind.max_graphemes, count, "Graphemes", "graphemes", path)
        if kind.format is not None and not FORMATS[kind.format](value):
            yield self.broken(path, "format", f"{show_value(value)} is not a valid {kind.format}", kind.format)
        if not is_unicode(value):
            yield self.broken(path, "data-model", "holds half of a surrogate pair, which is not Unicode text")
        yield from self.choices(kind.enum, kind.const, value, path)

    def choices(
        self, enum: tuple[int, ...] | tuple[str, ...], const: int | str | None, value: int | str, path: Path
    ) -> Iterator[Violation]:
        if enum and value not in enum:
            yield self.broken(path, "enum", f"{show_value(value)} is not one of {', '.join(map(repr, enum))}")
        if const is not None and value != const:
            yield self.broken(path, "const", f"{show_value(value)} is not {const!r}")

    def length(
        self, low: int | None, high: int | None, count: int, rule: str, unit: str, path: Path
    ) -> Iterator[Violation]:
        if low is not None and count < low:
            yield self.broken(path, f"min{rule}", f"{count} {unit}, at least {low}")
        if high is not None and count > high:
            yield self.broken(path, f"max{rule}", f"{count} {unit}, at most {high}")

    def bytes(self, kind: Bytes, value: Json, path: Path) -> Iterator[Violation]:
        match value:
            case {"$bytes": str(text), **rest} if not rest:
                try:
                    raw = data.bytes_value(text)
                except NotInDataModel as error:
                    yield self.broken((*path, "$bytes"), "data-model", str(error))
                else:
                    yield from self.length(kind.min_length, kind.max_length, len(raw), "Length", "bytes", path)
                    if data.looks_like_link(raw):
                        message = "has the form of a CID: it would be stored as a link"
                        yield self.broken((*path, "$bytes"), "data-model", message)
            case _:
                yield self.wrong_type(path, "bytes: {'$bytes': base64}", value)

    def link(self, value: Json, path: Path) -> Iterator[Violation]:
        match value:
            case {"$link": str(cid), **rest} if not rest:
                try:
                    data.link_bytes(cid)
                except NotInDataModel as error:
                    yield self.broken((*path, "$link"), "format", str(error))
            case _:
                yield self.wrong_type(path, "a link: {'$link': cid}", value)

    def blob(self, kind: BlobType, value: Json, path: Path) -> Iterator[Violation]:
        if not isinstance(value, dict) or value.get("$type") != "blob":
            yield from self.legacy_blob(kind, value, path)
            return
        size = data.whole(value.get("size"))
        match value.get("ref"):
            case {"$link": str(cid), **rest} if not rest and Cid.accepts(cid):
                if not data.is_blob_cid(cid):
                    message = f"{cid} is not the CID of a blob, which has the codec raw"
                    yield self.broken((*path, "ref"), "data-model", message)
            case ref:
                yield self.wrong_type((*path, "ref"), "a link: {'$link': cid}, the CID of a blob", ref)
        yield from self.mime_type(kind, value.get("mimeType"), path)
        if size is None:
            yield self.wrong_type((*path, "size"), "a number of bytes", value.get("size"))
        elif size < 1:
            yield self.broken((*path, "size"), "range", f"{size} bytes, at least 1")
        elif size > (INTEGER_MAX if kind.max_size is None else kind.max_size):
            most = INTEGER_MAX if kind.max_size is None else kind.max_size
            yield self.broken((*path, "size"), "maxSize", f"{size} bytes, at most {most}")
        for name in value:
            if name not in ("$type", "ref", "mimeType", "size"):
                yield self.broken((*path, name), "data-model", "a blob has no other fields: no server would keep it")

    def legacy_blob(self, kind: BlobType, value: Json, path: Path) -> Iterator[Violation]:
        """Judges what stood for a blob before blobs had a `$type`: it is read, and never written."""
        match value:
            case {"cid": str(cid), "mimeType": mime_type, **rest} if not rest and Cid.accepts(cid):
                yield from self.mime_type(kind, mime_type, path)
                yield from self.old_form(value, path)
            case _:
                yield self.wrong_type(path, "a blob: {'$type': 'blob', ref, mimeType, size}", value, "blob")

    def old_form(self, value: Json, path: Path) -> Iterator[Violation]:
        if self.new and data.is_legacy_blob(value):
            yield self.broken(path, "data-model", "a blob of the old form {cid, mimeType} cannot be written")

    def mime_type(self, kind: BlobType, value: Json, path: Path) -> Iterator[Violation]:
        if not isinstance(value, str) or not value:
            yield self.wrong_type((*path, "mimeType"), "a MIME type", value)
        elif not accepts(kind.accept, value):
            accepted = ", ".join(kind.accept)
            yield self.broken(
                (*path, "mimeType"), "accept", f"{show_value(value)} is not accepted; {accepted} is", accepted
            )

    def array(self, kind: Array, value: Json, path: Path) -> Iterator[Violation]:
        if not isinstance(value, list):
            yield self.wrong_type(path, "an array", value)
            return
        yield from self.length(kind.min_length, kind.max_length, len(value), "Length", "items", path)
        for index, item in enumerate(value):
            yield from self.type(kind.items, item, (*path, index))

    def object(self, kind: Object, value: Json, path: Path) -> Iterator[Violation]:
        if not isinstance(value, dict) or _special(value):
            yield self.broken(path, "type", f"expected an object, found {_special(value) or kind_of(value)}")
            return
        yield from self.old_form(value, path)
        for name, part in kind.properties.items():
            if name not in value:
                if name in kind.required:
                    yield self.broken((*path, name), "required", "is required and missing")
            elif value[name] is not None or name not in kind.nullable:
                yield from self.type(part, value[name], (*path, name))
        for name in value:
            if name not in kind.properties:
                yield from self.field(name, value[name], path, len(path) + 1)

    def union(self, kind: Union, value: Json, path: Path) -> Iterator[Violation]:
        found = value.get("$type") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(found, str) or not found:
            yield self.broken(path, "union", f"expected an object with a $type, found {kind_of(value)}")
            return
        for ref in kind.refs:
            if found == str(ref):
                yield from self.named(ref, value, path)
                return
        if found.endswith("#main"):
            yield self.broken((*path, "$type"), "$type", f"{show_value(found)} is written without #main")
        elif kind.closed:
            known = ", ".join(map(str, kind.refs))
            yield self.broken((*path, "$type"), "union", f"{show_value(found)} is not one of {known}")
        else:
            yield from self.data_model(value, path, len(path))

    def unknown(self, value: Json, path: Path) -> Iterator[Violation]:
        if not isinstance(value, dict) or _special(value):
            yield self.broken(path, "type", f"expected an object, found {_special(value) or kind_of(value)}")
            return
        yield from self.data_model(value, path, len(path))

    def data_model(self, value: Json, path: Path, top: int) -> Iterator[Violation]:
        """Judges what no lexicon describes by the data model alone; it begins at `top` steps from the root."""
        if len(path) > min(DEEPEST, top + DEEPEST_UNKNOWN):
            most = DEEPEST if len(path) > DEEPEST else DEEPEST_UNKNOWN
            yield self.broken(path, "depth", f"nested deeper than {most} levels")
        elif isinstance(value, dict):
            yield from self.data_object(value, path, top)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.data_model(item, (*path, index), top)
        elif isinstance(value, float) and not value.is_integer():
            yield self.broken(path, "data-model", f"{value} is a float: records hold integers only", "float")
        elif isinstance(value, str) and not is_unicode(value):
            yield self.broken(path, "data-model", "holds half of a surrogate pair, which is not Unicode text")
        elif isinstance(value, int | float) and not INTEGER_MIN <= value <= INTEGER_MAX:
            yield self.broken(path, "data-model", f"{value} does not fit in 64 bits")

    def data_object(self, value: JsonObject, path: Path, top: int) -> Iterator[Violation]:
        if "$link" in value:
            yield from self.link(value, path)
        elif "$bytes" in value:
            yield from self.bytes(Bytes(), value, path)
        elif value.get("$type") == "blob":
            yield from self.blob(BlobType(), value, path)
        else:
            yield from self.old_form(value, path)
            for name, item in value.items():
                yield from self.field(name, item, path, top)

    def field(self, name: str, value: Json, path: Path, top: int) -> Iterator[Violation]:
        """Judges a field that no lexicon describes."""
        if not is_unicode(name):
            yield self.broken((*path, name), "data-model", "a name with half of a surrogate pair is not Unicode text")
        if name == "$type" and (not isinstance(value, str) or not value):
            yield self.broken((*path, name), "data-model", "$type is a string that is not empty")
        yield from self.data_model(value, (*path, name), top)


def _special(value: Json) -> str:
    """Name the kind of an object that the data model defines; empty for any other value."""
    if not isinstance(value, dict):
        return ""
    if value.get("$type") == "blob":
        return "a blob"
    return "a link" if "$link" in value else "bytes" if "$bytes" in value else ""


def _beyond(low: int | None, high: int | None, value: int) -> str:
    if low is not None and high is not None:
        return f" is outside {low}..{high}"
    if low is not None and value < low:
        return f", at least {low}"
    return f", at most {high}" if high is not None and value > high else " does not fit in 64 bits"
