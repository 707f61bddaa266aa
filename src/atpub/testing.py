"""Hypothesis strategies drawn from lexicons: records and values that keep them (needs the extra `atpub[testing]`).

from hypothesis import given
from atpub.testing import instances
from lab.records.org.lab.note import Note

@given(instances(Note))
def test_a_note_stays_as_it_is(note: Note) -> None:
    assert Note.from_json(note.to_json()) == note

Each drawn value is valid by its lexicon, and may hold fields that the lexicon does not name, as any record may.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Final, TypeVar, assert_never

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from atpub.atproto.data import INTEGER_MAX, INTEGER_MIN, Json, JsonObject, bytes_json, looks_like_link
from atpub.atproto.evolution.texts import text_of_length
from atpub.atproto.lexicon.model import (
    MAIN,
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
from atpub.atproto.runtime import RecordBase, Value
from atpub.atproto.runtime.lexicons import type_at
from atpub.atproto.runtime.package import package_of
from atpub.atproto.syntax import Cid, Nsid, SyntaxViolation, Tid

DEPTH: Final = 3
"""The number of levels on which lists and optional fields are filled."""

T = TypeVar("T", bound=Value)


def records(lexicons: Lexicons, nsid: str) -> SearchStrategy[JsonObject]:
    """Draw records of a lexicon, as JSON; raises LookupError where the lexicon is missing or is no record."""
    record = lexicons.record(Nsid(nsid))
    if record is None:
        raise LookupError(f"{nsid} is not a record in these lexicons")
    return _records(record, nsid, lexicons, DEPTH)


def values(lexicons: Lexicons, name: str) -> SearchStrategy[Json]:
    """Draw values of a definition such as `com.example.thing#part`, as JSON; raises LookupError where there is none."""
    nsid, _, fragment = name.partition("#")
    try:
        found = Name(Nsid.parse(nsid), fragment or MAIN)
    except SyntaxViolation as error:
        raise LookupError(str(error)) from None
    return _draw_definition(found, lexicons, DEPTH)


def instances(kind: type[T]) -> SearchStrategy[T]:
    """Draw values of a generated class."""
    return documents(kind).map(kind.from_json)


def documents(kind: type[Value]) -> SearchStrategy[Json]:
    """Draw values of a generated class, as JSON."""
    lexicons = package_of(kind.__module__).lexicons
    if issubclass(kind, RecordBase) or not kind.WITHIN:
        return values(lexicons, kind.NSID)
    nsid, _, fragment = kind.NSID.partition("#")
    return _valid(type_at(lexicons, Name(Nsid(nsid), fragment or MAIN), kind.WITHIN), lexicons, DEPTH)


# Types


@st.composite
def _valid(draw: DrawFn, kind: Type, lexicons: Lexicons, depth: int) -> Json:
    match kind:
        case Boolean(const=const):
            return draw(st.booleans()) if const is None else const
        case Integer():
            return draw(_integers(kind))
        case String():
            return draw(_texts(kind))
        case Bytes(min_length=low, max_length=high):
            return bytes_json(draw(_sized_bytes(low or 0, high)))
        case CidLinkType():
            return {"$link": str(draw(_CIDS))}
        case BlobType():
            return draw(_blobs(kind))
        case Array(items=items, min_length=low, max_length=high):
            most = min(2 if depth > 0 else 0, 2 if high is None else high)
            inner = _valid(items, lexicons, depth - 1)
            return draw(st.lists(inner, min_size=low or 0, max_size=max(most, low or 0)))
        case Object():
            return draw(_objects(kind, lexicons, depth))
        case Ref(target=target):
            return draw(_draw_definition(target, lexicons, depth - 1))
        case Union():
            return draw(_members(kind, lexicons, depth))
        case Unknown():
            return draw(_EXTRAS)
        case Null():
            return None
        case Unsupported():
            return draw(_DATA)
        case Token():
            raise AssertionError("a token is drawn by its name")
        case _:
            assert_never(kind)


def _draw_definition(name: Name, lexicons: Lexicons, depth: int) -> SearchStrategy[Json]:
    found: Definition | None = lexicons.find(name)
    match found:
        case None | QueryType() | ProcedureType() | SubscriptionType():
            raise LookupError(f"{name} is not a type of value in these lexicons")
        case RecordType():
            return _records(found, str(name), lexicons, depth).map(lambda record: record)
        case Token():
            return st.just(str(name))
        case _:
            return _valid(found, lexicons, depth)


def _records(record: RecordType, name: str, lexicons: Lexicons, depth: int) -> SearchStrategy[JsonObject]:
    return _objects(record.record, lexicons, depth).map(lambda value: {**value, "$type": name})


@st.composite
def _objects(draw: DrawFn, kind: Object, lexicons: Lexicons, depth: int) -> JsonObject:
    optional = sorted(kind.properties.keys() - kind.required)
    some = draw(st.lists(st.sampled_from(optional), max_size=4, unique=True)) if optional and depth > 0 else []
    value: JsonObject = {}
    for name in [*sorted(kind.required), *some]:
        null = name in kind.nullable and draw(st.booleans())
        value[name] = None if null else draw(_valid(kind.properties[name], lexicons, depth - 1))
    more = draw(_EXTRAS) if depth > 0 else {}
    return {**{name: item for name, item in more.items() if name not in kind.properties}, **value}


@st.composite
def _members(draw: DrawFn, kind: Union, lexicons: Lexicons, depth: int) -> JsonObject:
    if not kind.refs or (not kind.closed and draw(st.booleans())):
        return {**draw(_EXTRAS), "$type": "com.example.unheard#of"}
    ref = draw(st.sampled_from(kind.refs))
    member = draw(
        _EXTRAS if isinstance(lexicons.find(ref), Unsupported) else _draw_definition(ref, lexicons, depth - 1)
    )
    assert isinstance(member, dict)
    return {**member, "$type": str(ref)}


@st.composite
def _blobs(draw: DrawFn, kind: BlobType) -> JsonObject:
    pattern = draw(st.sampled_from(kind.accept or ("*/*",)))
    return {
        "$type": "blob",
        "ref": {"$link": str(draw(_RAW_CIDS))},
        "mimeType": pattern.replace("*/*", "image/*").replace("*", draw(st.sampled_from(["png", "x-y"]))),
        "size": draw(st.integers(1, kind.max_size or 10**9)),
    }


def _integers(kind: Integer) -> SearchStrategy[int]:
    if kind.const is not None:
        return st.just(kind.const)
    low = INTEGER_MIN if kind.minimum is None else kind.minimum
    high = INTEGER_MAX if kind.maximum is None else kind.maximum
    if kind.enum:
        return st.sampled_from([value for value in kind.enum if low <= value <= high])
    return st.integers(low, high)


def _texts(kind: String) -> SearchStrategy[str]:
    if kind.const is not None:
        return st.just(kind.const)
    choices = [text for text in kind.enum or kind.known_values if not _wrong(kind, text)]
    if kind.enum:
        return st.sampled_from(choices)
    free = _draw_format(kind, kind.format) if kind.format else _free_texts(kind)
    return st.sampled_from(choices) | free if choices else free


def _draw_format(kind: String, name: str) -> SearchStrategy[str]:
    """Draw texts of a format; of the shortest and of long ones, where the limits keep the usual ones out."""
    usual = FORMATS[name].filter(lambda text: not _wrong(kind, text))
    low = max(kind.min_length or 0, kind.min_graphemes or 0)
    high = min(limit for limit in (kind.max_length, kind.max_graphemes, 8192) if limit is not None)
    if low <= 8 and high >= 64:
        return usual
    made = (text_of_length(name, length) for length in {low, low + 1, min(low + 16, high), high})
    fit = [text for text in (*_SHORT.get(name, ()), *made) if not _wrong(kind, text)]
    return st.sampled_from(fit) if fit else usual


def _wrong(kind: String, text: str) -> bool:
    return bool(judge(_NO_LEXICONS, "text", kind, text))


def _free_texts(kind: String) -> SearchStrategy[str]:
    """Texts of the right length, some of them of characters that take many bytes, if those fit."""
    low = max(kind.min_length or 0, kind.min_graphemes or 0)
    limits = [limit for limit in (kind.max_length, kind.max_graphemes, low + 16) if limit is not None]
    if min(limits) < low:  # few graphemes of many bytes
        return st.just("a" * min(limits) + "\u0301" * ((low - min(limits) + 1) // 2))
    narrow = st.text(string.ascii_letters + " ", min_size=low, max_size=max(low, min(limits)))
    wide = st.lists(st.sampled_from(_WIDE), min_size=kind.min_graphemes or 0, max_size=low + 2).map("".join)
    longest = (low + 2) * _WIDEST
    fits = (kind.max_length is None or longest <= kind.max_length) and (kind.max_graphemes or low + 2) >= low + 2
    return narrow | wide.filter(lambda text: not _wrong(kind, text)) if fits else narrow


def _sized_bytes(low: int, high: int | None) -> SearchStrategy[bytes]:
    most = low + 40 if high is None else min(high, low + 40)
    return st.binary(min_size=low, max_size=most).filter(lambda raw: not looks_like_link(raw))


# Formats

_NO_LEXICONS: Final = Lexicons({})
_WIDE: Final = ("a", " ", "\r\n", "é", "e\u0301", "名", "👩‍💻", "🇩🇪", "\U0001f600")
_WIDEST: Final = max(len(text.encode()) for text in _WIDE)
_DIGESTS: Final = st.binary(min_size=32, max_size=32)
_CIDS: Final = st.builds(Cid.of_digest, _DIGESTS, st.sampled_from([0x55, 0x71]))
_RAW_CIDS: Final = st.builds(Cid.of_digest, _DIGESTS, st.just(0x55))
_LABELS: Final = st.from_regex(r"[a-z]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
_DIDS: Final = st.text("234567abcdefghijklmnopqrstuvwxyz", min_size=24, max_size=24).map("did:plc:".__add__) | (
    _LABELS.map(lambda label: f"did:web:{label}.example")
)
_HANDLES: Final = st.lists(_LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))
_NSIDS: Final = st.builds(
    "com.{}.{}".format,
    st.lists(_LABELS, min_size=1, max_size=3).map(".".join),
    st.from_regex(r"[a-zA-Z][a-zA-Z0-9]{0,8}", fullmatch=True),
)
_RECORD_KEYS: Final = st.text(string.ascii_letters + string.digits + "._:~-", min_size=1, max_size=16).filter(
    lambda text: text not in (".", "..")
)
_TIDS: Final = st.builds(Tid.of, st.integers(0, 2**53 - 1), st.integers(0, 1023)).map(str)
_AUTHORITIES: Final = _DIDS | _HANDLES
_DATETIMES: Final = st.datetimes().map(lambda time: f"{time.isoformat(timespec='milliseconds')}Z")
_AT_URIS: Final = st.builds("at://{}/{}/{}".format, _AUTHORITIES, _NSIDS, _RECORD_KEYS) | (
    _AUTHORITIES.map("at://".__add__)
)

FORMATS: Final[Mapping[str, SearchStrategy[str]]] = {
    "at-identifier": _AUTHORITIES,
    "at-uri": _AT_URIS,
    "cid": _CIDS.map(str),
    "datetime": _DATETIMES | st.just("1985-04-12T23:20:50.123456+01:00"),
    "did": _DIDS,
    "handle": _HANDLES,
    "language": st.sampled_from(["en", "pt-BR", "zh-Hans", "de-CH-1996", "x-private", "i-klingon"]),
    "nsid": _NSIDS,
    "record-key": _RECORD_KEYS,
    "tid": _TIDS,
    "uri": st.builds("https://{}/{}".format, _HANDLES, _RECORD_KEYS) | st.sampled_from(["mailto:a@b", "tag:a,2020:b"]),
}
"""Texts of each string format of the Lexicon language."""

_SHORT: Final[Mapping[str, tuple[str, ...]]] = {
    "at-identifier": ("a.bc", "did:a:b"),
    "at-uri": ("at://a.bc", "at://did:a:b"),
    "datetime": ("2024-05-06T07:08:09Z",),
    "did": ("did:a:b",),
    "handle": ("a.bc",),
    "language": ("en",),
    "nsid": ("a.b.c",),
    "record-key": ("a",),
    "uri": ("a:b",),
}
"""The shortest texts of formats."""

# What no lexicon describes

_NAMES: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=5).filter(
    lambda name: not name.startswith("$")
)
_LEAVES: Final[SearchStrategy[Json]] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(INTEGER_MIN, INTEGER_MAX),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    _sized_bytes(0, None).map(bytes_json),
    _CIDS.map(lambda cid: {"$link": str(cid)}),
)
_DATA: Final[SearchStrategy[Json]] = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=8
)
_EXTRAS: Final[SearchStrategy[JsonObject]] = st.dictionaries(_NAMES, _DATA, max_size=1)
