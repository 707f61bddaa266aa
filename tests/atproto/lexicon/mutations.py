"""Values that break exactly one rule of their type: one for each constraint that a lexicon has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, assert_never

from tests.codegen.edges import BLOB, LINK, one

from atpub.atproto.data import INTEGER_MAX, Json, JsonObject, bytes_json
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
    RecordType,
    Ref,
    String,
    Token,
    Type,
    Union,
    Unknown,
    Unsupported,
)
from atpub.atproto.syntax import Nsid

NO_TEXTS = {
    "at-identifier": ("", "@lab.example", "did:", "lab"),
    "at-uri": ("", "at://", "http://lab.example", "at://lab.example/x", "at://lab.example/com.example.thing/.."),
    "cid": ("", "x", "bafy!", "Qm!"),
    "datetime": ("", "2024-02-30T00:00:00Z", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01T00:00:00-00:00"),
    "did": ("", "did:", "DID:plc:x", "did:plc:", "did:PLC:x"),
    "handle": ("", "lab", "lab..example", "-lab.example", "lab.example.", "lab_1.example"),
    "language": ("", "x", "123", "en_US", "e"),
    "nsid": ("", "com.example", "com.example.a-b", "com..thing", "com.example.thing."),
    "record-key": ("", ".", "..", "a/b", "é"),
    "tid": ("", "3jzfcijpj2z2", "3jzfcijpj2z2A", "zjzfcijpj2z2a", "3jzf-cij-pj2z-2a"),
    "uri": ("", "lab.example", "https:", "http://a b", "1http://x"),
}


NOT_BYTES: list[Json] = ["AAAA", {}, [0]]
NOT_ARRAYS: list[Json] = [{}, "x"]
NOT_UNKNOWN: list[Json] = ["x", 1, [], LINK, BLOB]
NOT_MEMBERS: list[Json] = ["x", {}, {"$type": 1}]


class Mutation(NamedTuple):
    """A value of a type, the one rule that it breaks, and what of it breaks it, for tables."""

    rule: str
    value: Json
    what: str = ""


def mutations(lexicons: Lexicons, nsid: Nsid) -> Iterator[Mutation]:
    """Records of a lexicon, each of which breaks one rule."""
    record = lexicons.record(nsid)
    assert record is not None
    seen = frozenset({Name(nsid)})
    for found in _objects(record.record, lexicons, seen):
        if isinstance(found.value, dict):
            yield found._replace(value={**found.value, "$type": nsid})


def _types(kind: Type, lexicons: Lexicons, seen: frozenset[Name]) -> Iterator[Mutation]:  # noqa: C901 - a case a type
    match kind:
        case Boolean(const=const):
            yield Mutation("type", "true")
            if const is not None:
                yield Mutation("const", not const)
        case Integer():
            yield from _integers(kind)
        case String():
            yield from _texts(kind)
        case Bytes(min_length=low, max_length=high):
            yield from (Mutation("type", value) for value in NOT_BYTES)
            yield Mutation("data-model", {"$bytes": "="}, "bytes that are not base64")
            for rule, count in _lengths(low, high):
                yield Mutation(rule, bytes_json(b"x" * count), f"{rule} of bytes")
        case CidLinkType():
            yield from (Mutation("type", value) for value in (LINK["$link"], {}, {**LINK, "x": 1}))
            yield Mutation("format", {"$link": "x"}, "a link to what is no CID")
        case BlobType():
            yield from _blobs(kind)
        case Array(items=items, min_length=low, max_length=high):
            some = one(items, lexicons)
            yield from (Mutation("type", value) for value in NOT_ARRAYS)
            yield from (Mutation(rule, [some] * count, f"{rule} of an array") for rule, count in _lengths(low, high))
            for found in _types(items, lexicons, seen):
                yield found._replace(value=[*[some] * ((low or 1) - 1), found.value])
        case Object():
            yield from _objects(kind, lexicons, seen)
        case Ref(target=target):
            yield from _defined(target, lexicons, seen)
        case Union():
            yield from _unions(kind, lexicons, seen)
        case Unknown():
            for value in NOT_UNKNOWN:
                yield Mutation("type", value, f"{value!r:.12} for an unknown object")
        case Null():
            yield Mutation("type", 0)
        case Unsupported():
            yield Mutation("data-model", 1.5)
        case Token():
            raise AssertionError("a token is judged by its name")
        case _:
            assert_never(kind)


def _defined(name: Name, lexicons: Lexicons, seen: frozenset[Name]) -> Iterator[Mutation]:
    definition = lexicons.find(name)
    if name in seen:
        return
    if isinstance(definition, Token):
        yield Mutation("const", f"{name}x")
    elif isinstance(definition, RecordType):
        for found in _objects(definition.record, lexicons, seen | {name}):
            typed = {"$type": str(name), **found.value} if isinstance(found.value, dict) else found.value
            yield found._replace(value=typed)
        yield Mutation("$type", {**_least(definition.record, lexicons), "$type": "com.example.unheard"})
    else:
        assert isinstance(definition, Type)
        yield from _types(definition, lexicons, seen | {name})


def _objects(kind: Object, lexicons: Lexicons, seen: frozenset[Name]) -> Iterator[Mutation]:
    least = _least(kind, lexicons)
    yield Mutation("type", "x")
    yield Mutation("type", [], "an array for an object")
    for name in sorted(kind.required):
        what = "required" if getattr(kind.properties[name], "default", None) is None else "required, with a default"
        yield Mutation("required", {key: value for key, value in least.items() if key != name}, what)
    for name, part in kind.properties.items():
        if name not in kind.nullable and not isinstance(part, Null | Unsupported):
            rule = "union" if isinstance(part, Union) else "type"
            yield Mutation(rule, {**least, name: None}, "null")
        for found in _types(part, lexicons, seen):
            yield found._replace(value={**least, name: found.value})


def _least(kind: Object, lexicons: Lexicons) -> JsonObject:
    return {name: one(kind.properties[name], lexicons) for name in sorted(kind.required)}


def _unions(kind: Union, lexicons: Lexicons, seen: frozenset[Name]) -> Iterator[Mutation]:
    yield from (Mutation("union", value) for value in NOT_MEMBERS)
    if kind.closed:
        yield Mutation("union", {"$type": "com.example.unheard"})
    for ref in kind.refs:
        for found in _defined(ref, lexicons, seen):
            if isinstance(found.value, dict) and found.rule != "$type":
                yield found._replace(value={**found.value, "$type": str(ref)})


def _integers(kind: Integer) -> Iterator[Mutation]:
    yield from (Mutation("type", value) for value in ("1", 1.5, True))
    if kind.minimum is not None:
        yield Mutation("range", kind.minimum - 1)
    if kind.maximum is not None:
        yield Mutation("range", kind.maximum + 1)
    else:
        yield Mutation("range", INTEGER_MAX + 1, "an integer of more than 64 bits")
    if kind.enum:
        yield Mutation("enum", next(value for value in range(min(kind.enum), 2**62) if value not in kind.enum))
    if kind.const is not None:
        yield Mutation("const", kind.const + 1)


def _texts(kind: String) -> Iterator[Mutation]:
    yield Mutation("type", 1)
    if kind.const is not None or kind.enum:
        yield Mutation("const" if kind.const is not None else "enum", f"{kind.const or kind.enum[0]}x")
        return
    if kind.format:
        yield from (Mutation("format", text, f"{kind.format} {text}") for text in NO_TEXTS[kind.format])
        return
    if kind.min_length:
        yield Mutation("minLength", "x" * (kind.min_length - 1))
    if kind.max_length is not None:
        yield Mutation("maxLength", _long(kind.max_length, kind.max_graphemes))
    if kind.min_graphemes:
        yield Mutation("minGraphemes", "e\u0301" * (kind.min_graphemes - 1))
    if kind.max_graphemes is not None:
        yield Mutation("maxGraphemes", "x" * (kind.max_graphemes + 1))


def _long(most: int, graphemes: int | None) -> str:
    """A text of more bytes than that, of few graphemes where they are counted."""
    return "x" * (most + 1) if graphemes is None else "e" + "\u0301" * (most // 2 + 1)


def _lengths(low: int | None, high: int | None) -> Iterator[tuple[str, int]]:
    if low:
        yield "minLength", low - 1
    if high is not None:
        yield "maxLength", high + 1


def _blobs(kind: BlobType) -> Iterator[Mutation]:
    accepted = kind.accept[0].replace("*", "png") if kind.accept else "image/png"
    blob = {**BLOB, "mimeType": accepted}
    yield from (Mutation("type", value) for value in ("x", LINK, {**blob, "ref": "x"}, {**blob, "size": "1"}))
    yield Mutation("range", {**blob, "size": -1}, "a blob's size")
    if kind.accept and "*/*" not in kind.accept:
        yield Mutation("accept", {**blob, "mimeType": "application/x-unheard-of"})
    if kind.max_size is not None:
        yield Mutation("maxSize", {**blob, "size": kind.max_size + 1})
