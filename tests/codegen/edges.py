"""The values at the edges of a type: just inside each of its rules, and just outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from tests.codegen.values import DID, EXAMPLES

from atpub.atproto.data import INTEGER_MAX, INTEGER_MIN, Json, JsonObject, bytes_json
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
from atpub.atproto.lexicon.validate import judge
from atpub.atproto.syntax import DAG_CBOR, RAW, Cid

LINK: JsonObject = {"$link": str(Cid.of_digest(bytes(32), DAG_CBOR))}
TO_BLOB: JsonObject = {"$link": str(Cid.of_digest(bytes(32), RAW))}
BLOB: JsonObject = {"$type": "blob", "ref": TO_BLOB, "mimeType": "image/png", "size": 1}
MISTAKEN: list[Json] = [None, True, False, 0, 1, 1.5, "", "x", [], {}, LINK, bytes_json(b"x"), BLOB]
"""What one type is mistaken for by another."""
LOOKS_LIKE_A_LINK = b"\x01\x71\x12\x20" + bytes(32)
NO_LINKS: list[Json] = [{"$link": "x"}, {**LINK, "x": 1}, {"$link": 1}, {"x": {"$link": "x"}}, {"x": 1.5}]
NO_BYTES: list[Json] = [{"$bytes": "="}, {"$bytes": "AA", "x": 1}, {"$bytes": 1}, bytes_json(LOOKS_LIKE_A_LINK)]
NO_MEMBERS: list[Json] = [
    {"$type": ""},
    {"$type": 1},
    {"$type": "com.example.unheard"},
    {"$type": "com.example.unheard#main"},
    {"$type": "com.example.unheard", "x": 1.5},
    {"x": 1},
]
MORE: list[Json] = [None, "x", "", 1, 1.5, {"x": 1.5}, [None], "\ud800"]


def edges(kind: Type, lexicons: Lexicons, depth: int = 2) -> Iterator[Json]:
    """Valid and invalid values of a type."""
    yield from MISTAKEN
    match kind:
        case Boolean() | Null():
            pass
        case Token():
            raise AssertionError("a token is judged by its name")
        case Unknown() | CidLinkType() | Unsupported():
            yield from NO_LINKS
        case Integer():
            yield from _integers(kind)
        case String():
            yield from _texts(kind)
        case Bytes(min_length=low, max_length=high):
            yield from NO_BYTES
            yield from (bytes_json(b"x" * length) for length in _around(low, high))
        case BlobType():
            yield from _blobs(kind)
        case Array(items=items, min_length=low, max_length=high):
            some = one(items, lexicons)
            yield from ([some] * length for length in _around(low, high))
            if depth > 0:
                yield from ([*[some] * ((low or 1) - 1), edge] for edge in edges(items, lexicons, depth - 1))
        case Object():
            yield from _objects(kind, lexicons, depth)
        case Ref(target=target):
            yield from _defined(lexicons.find(target), str(target), lexicons, depth - 1)
        case Union(refs=refs):
            yield from NO_MEMBERS
            for ref in refs:
                yield from _members(ref, lexicons, depth)
        case _:
            assert_never(kind)


def named(name: Name, lexicons: Lexicons) -> Iterator[Json]:
    """Valid and invalid values of a definition."""
    return _defined(lexicons.find(name), str(name), lexicons, 2)


def _defined(definition: Definition | None, name: str, lexicons: Lexicons, depth: int) -> Iterator[Json]:
    assert not isinstance(definition, QueryType | ProcedureType | SubscriptionType | None)
    if isinstance(definition, Token):
        yield from [*MISTAKEN, name, f"{name}x"]
    elif isinstance(definition, RecordType):
        for edge in edges(definition.record, lexicons, depth):
            yield edge
            yield from ({**edge, "$type": kind} for kind in (name, f"{name}#main") if isinstance(edge, dict))
    else:
        yield from edges(definition, lexicons, depth)


def _members(ref: Name, lexicons: Lexicons, depth: int) -> Iterator[Json]:
    for edge in _defined(lexicons.find(ref), str(ref), lexicons, depth - 1):
        yield from ({**edge, "$type": name} for name in (str(ref), f"{ref}#main") if isinstance(edge, dict))


def one(kind: Type, lexicons: Lexicons) -> Json:
    """A valid value of a type, as small as can be."""
    match kind:
        case Object():
            return _least(kind, lexicons)
        case Array(items=items, min_length=low):
            return [one(items, lexicons) for _ in range(low or 0)]
        case Ref(target=target):
            definition = lexicons.find(target)
            assert not isinstance(definition, QueryType | ProcedureType | SubscriptionType | None)
            if isinstance(definition, Token):
                return str(target)
            if isinstance(definition, RecordType):
                return {"$type": str(target), **_least(definition.record, lexicons)}
            return one(definition, lexicons)
        case Union(refs=()):
            return {"$type": "com.example.unheard"}
        case Union(refs=(ref, *_)):
            member = {} if isinstance(lexicons.find(ref), Unsupported) else one(Ref(ref), lexicons)
            assert isinstance(member, dict)
            return {**member, "$type": str(ref)}
        case _:
            return next(edge for edge in edges(kind, lexicons) if not judge(lexicons, "edge", kind, edge))


def _least(kind: Object, lexicons: Lexicons) -> JsonObject:
    return {name: one(kind.properties[name], lexicons) for name in sorted(kind.required)}


def _around(low: int | None, high: int | None) -> list[int]:
    """Lengths on both sides of the limits."""
    found = {length for limit in (low, high) if limit is not None for length in (limit - 1, limit, limit + 1)}
    return sorted(length for length in {*found, 0, 1} if 0 <= length <= 200)


def _integers(kind: Integer) -> Iterator[int]:
    yield from (INTEGER_MIN - 1, INTEGER_MIN, INTEGER_MAX, INTEGER_MAX + 1, -1)
    for value in (kind.minimum, kind.maximum, kind.const, *kind.enum):
        if value is not None:
            yield from (value - 1, value, value + 1)


def _texts(kind: String) -> Iterator[str]:
    for length in {*_around(kind.min_length, kind.max_length), *_around(kind.min_graphemes, kind.max_graphemes)}:
        yield "é" * (length // 2) + "a" * (length % 2)
        yield from (character * length for character in ("a", "é", "👩‍💻", "\r\n"))
    for text in (kind.const, *kind.enum, *kind.known_values, *EXAMPLES.get(kind.format or "", ())):
        if text is not None:
            yield from (text, f"{text}x", f"{text} ", text[:-1])
    yield from ("\ud800", "x\x00", DID, "https://lab.example/" + "x" * 40)


def _blobs(kind: BlobType) -> Iterator[JsonObject]:
    def with_field(name: str, values: Iterable[Json]) -> Iterator[JsonObject]:
        return ({**BLOB, name: value} for value in values)

    limit = kind.max_size or 1
    yield from with_field("mimeType", [pattern.replace("*", "x") for pattern in (*kind.accept, "image", "", "x/y")])
    yield from with_field("size", [0, -1, limit, limit + 1, True, 1.0, "1", None])
    yield from with_field("ref", ["x", {"$link": "x"}, {**TO_BLOB, "x": 1}, LINK, None])
    yield {**BLOB, "x": 1}
    legacy: JsonObject = {"cid": TO_BLOB["$link"], "mimeType": "image/png"}
    yield from ({**legacy, **change} for change in ({}, {"cid": "x"}, {"mimeType": ""}, {"mimeType": 1}, {"x": 1}))
    yield from ({name: value for name, value in BLOB.items() if name != left_out} for left_out in BLOB)


def _objects(kind: Object, lexicons: Lexicons, depth: int) -> Iterator[JsonObject]:
    least = _least(kind, lexicons)
    yield least
    yield from ({name: value for name, value in least.items() if name != left_out} for left_out in least)
    for name in ("x", "$type", "$link", "$bytes", "\ud800"):
        yield from ({**least, name: value} for value in MORE)
    if depth > 0:
        for name, part in kind.properties.items():
            yield from ({**least, name: edge} for edge in edges(part, lexicons, depth - 1))
