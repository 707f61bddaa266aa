"""Random values of a type of the Lexicon language: valid ones, and ones in which something was changed."""

import string
from collections.abc import Iterator, Mapping
from typing import Any, assert_never

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from tests.lexicon.strategies import BYTES, CIDS, DATA, JSON, NAMES

from atpub.lexicon.data import INTEGER_MAX, INTEGER_MIN, Json, JsonObject, bytes_json
from atpub.lexicon.model import (
    Array,
    BlobType,
    Boolean,
    Bytes,
    CidLink,
    Integer,
    Lexicons,
    Object,
    Procedure,
    Query,
    Record,
    Ref,
    String,
    Token,
    Type,
    Union,
    Unknown,
)
from atpub.lexicon.validate import judge

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "at-identifier": (DID, "lab.example"),
    "at-uri": (f"at://{DID}", "at://lab.example/com.example.thing/self"),
    "cid": ("bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a",),
    "datetime": ("2024-05-01T12:00:00.000Z", "1985-04-12T23:20:50.123+01:00"),
    "did": (DID, "did:web:lab.example"),
    "handle": ("lab.example",),
    "language": ("en", "pt-BR"),
    "nsid": ("com.example.thing",),
    "record-key": ("self", "a:b~c"),
    "tid": ("3jzfcijpj2z2a",),
    "uri": ("https://lab.example/a?b#c", "mailto:a@b"),
}
CHARACTERS = st.sampled_from([*string.ascii_letters, " ", "\r\n", "é", "e\u0301", "名", "👩‍💻", "🇩🇪", "\U0001f600"])
TELLING: list[Json] = [None, True, 0, 1.5, "", [], {}, {"$link": "x"}, {"$bytes": "=="}, {"$type": "blob"}]
"""What is often mistaken for something else."""


@st.composite
def valid(draw: DrawFn, kind: Type, lexicons: Lexicons, depth: int = 3) -> Json:
    """A value that keeps the type; lists and optional fields end at that depth."""
    match kind:
        case Boolean(const=const):
            return draw(st.booleans()) if const is None else const
        case Integer():
            return draw(_integers(kind))
        case String():
            return draw(_texts(kind))
        case Bytes(min_length=low, max_length=high):
            fitting = BYTES.filter(lambda raw: (low or 0) <= len(raw) and (high is None or len(raw) <= high))
            return bytes_json(draw(st.binary(min_size=low or 0, max_size=high) if high is not None else fitting))
        case CidLink():
            return {"$link": str(draw(CIDS))}
        case BlobType():
            return draw(_blobs(kind))
        case Array(items=items, min_length=low, max_length=high):
            most = min(2 if depth > 0 else 0, 2 if high is None else high)
            inner = valid(items, lexicons, depth - 1)
            return draw(st.lists(inner, min_size=low or 0, max_size=max(most, low or 0)))
        case Object():
            return draw(_objects(kind, lexicons, depth))
        case Ref(target=target):
            found = lexicons.find(target)
            assert found is not None
            return draw(defined(found, str(target), lexicons, depth - 1))
        case Union(refs=refs, closed=closed):
            if not refs or (not closed and draw(st.booleans())):
                return {**draw(st.dictionaries(NAMES, DATA, max_size=2)), "$type": "com.example.unheard#of"}
            ref = draw(st.sampled_from(refs))
            found = lexicons.find(ref)
            assert found is not None
            member = draw(defined(found, str(ref), lexicons, depth - 1))
            assert isinstance(member, dict)
            return {**member, "$type": str(ref)}
        case Unknown():
            return draw(st.dictionaries(NAMES, DATA, max_size=2))
        case Token():
            raise AssertionError("a token is no type of value")
        case _:
            assert_never(kind)


def defined(definition: Any, name: str, lexicons: Lexicons, depth: int = 3) -> SearchStrategy[Json]:
    """Values that keep a definition."""
    assert not isinstance(definition, Query | Procedure)
    if isinstance(definition, Record):
        return _objects(definition.record, lexicons, depth).map(lambda value: {"$type": name, **value})
    return valid(definition, lexicons, depth)


def _integers(kind: Integer) -> SearchStrategy[int]:
    if kind.const is not None:
        return st.just(kind.const)
    low = INTEGER_MIN if kind.minimum is None else kind.minimum
    high = INTEGER_MAX if kind.maximum is None else kind.maximum
    return st.sampled_from(kind.enum) if kind.enum else st.integers(low, high)


def _texts(kind: String) -> SearchStrategy[str]:
    if kind.const is not None:
        return st.just(kind.const)
    if kind.enum:
        return st.sampled_from(kind.enum)
    some = st.sampled_from(EXAMPLES[kind.format]) if kind.format else st.lists(CHARACTERS, max_size=8).map("".join)
    known = st.sampled_from(kind.known_values) | some if kind.known_values else some
    return known.filter(lambda text: not judge(Lexicons({}), "text", kind, text))


@st.composite
def _blobs(draw: DrawFn, kind: BlobType) -> JsonObject:
    cid = draw(CIDS)
    pattern = draw(st.sampled_from(kind.accept)) if kind.accept else "a/b"
    mime_type = pattern.replace("*", "png")
    size = draw(st.integers(1, kind.max_size or 10**9))
    return {"$type": "blob", "ref": {"$link": str(cid)}, "mimeType": mime_type, "size": size}


@st.composite
def _objects(draw: DrawFn, kind: Object, lexicons: Lexicons, depth: int) -> JsonObject:
    optional = sorted(kind.properties.keys() - kind.required)
    some = draw(st.lists(st.sampled_from(optional), max_size=4, unique=True)) if optional and depth > 0 else []
    value: JsonObject = {}
    for name in [*sorted(kind.required), *some]:
        null = name in kind.nullable and draw(st.booleans())
        value[name] = None if null else draw(valid(kind.properties[name], lexicons, depth - 1))
    more = draw(st.dictionaries(NAMES, DATA, max_size=1)) if depth > 0 else {}
    return {**{name: item for name, item in more.items() if name not in kind.properties}, **value}


@st.composite
def changed(draw: DrawFn, value: Json) -> Json:
    """The value with something in it taken away, added or replaced; it may be valid still."""
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(_paths(value))))
        value = _at(value, path, draw)
    return value


def _paths(value: Json) -> Iterator[tuple[str | int, ...]]:
    yield ()
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from ((key, *path) for path in _paths(part))


def _at(value: Json, path: tuple[str | int, ...], draw: DrawFn) -> Json:
    """A copy of the value in which the part at the path is another."""
    if not path:
        return draw(_another(value))
    key, *rest = path
    if isinstance(value, dict):
        if not rest and draw(st.booleans()):
            return {name: part for name, part in value.items() if name != key}
        return {name: _at(part, tuple(rest), draw) if name == key else part for name, part in value.items()}
    assert isinstance(value, list)
    return [_at(part, tuple(rest), draw) if index == key else part for index, part in enumerate(value)]


def _another(value: Json) -> SearchStrategy[Json]:
    """Something else in place of a value, most of it of the same type."""
    near: SearchStrategy[Json]
    match value:
        case bool():
            near = st.just(not value)
        case int():
            near = st.sampled_from([value - 1, value + 1, -value, value * 100, 2**63, -(2**63) - 1])
        case str():
            longer = CHARACTERS.map(lambda character: value + character * 9)
            near = st.one_of(longer, st.just(value[:-1]), st.just(f"{value}\ud800"))
        case list():
            near = st.one_of(st.just(value * 4), st.just(value[:-1]), JSON.map(lambda item: [*value, item]))
        case dict():
            keys = st.one_of(st.sampled_from(["$type", "$link", "$bytes", "size", "ref", "x"]), NAMES)
            more = st.tuples(keys, st.one_of(st.sampled_from(TELLING), JSON))
            near = more.map(lambda item: {**value, item[0]: item[1]})
        case _:
            near = st.none()
    return st.one_of(near, st.sampled_from(TELLING), JSON)
