"""Values of a type, few and telling: at its limits and next to them, and at those of another type.

No value here is random: the same types give the same values in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product
from typing import Final

from atpub.atproto.data import INTEGER_MAX, INTEGER_MIN, Json, JsonObject, bytes_json
from atpub.atproto.evolution.texts import texts
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
from atpub.atproto.lexicon.validate import judge

DEEPEST: Final = 8
"""How many objects and arrays stand around the part that a sample varies."""
MOST_WORK: Final = 200_000
"""How many values the examples hold together that are tried for one comparison."""
DEEPEST_NEEDED: Final = 100
"""How many required values, and references to them, stand in each other: a value may not be nested much deeper."""
HEAVIEST: Final = 20_000
"""The most values in a sample."""
MOST_FIELDS: Final = 12
"""How many samples of a field are tried."""
MOST_ITEMS: Final = 2_000
"""The longest array that is made."""
MOST_BYTES: Final = 4_000_000
"""The longest byte string that is made."""
_BLOB_CID: Final = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
_CID: Final = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"
_UNHEARD: Final = "com.example.unheard#of"
_ANY: Final[tuple[Json, ...]] = ("text", 1, True, [], {}, None)


class Sampler:
    """Makes values by the types of one version; `others` are the lexicons of the other one."""

    def __init__(self, lexicons: Lexicons, others: Lexicons) -> None:
        self.lexicons = lexicons
        self.others = others
        self._named: dict[Name, Json] = {}

    def smallest(self, kind: Type, depth: int = 0) -> Json:
        """Return a value with nothing optional in it; one that is invalid where none is found, or only large ones."""
        if depth > DEEPEST_NEEDED:
            return None
        match kind:
            case Object(properties=properties, required=required):
                fields = {name: self.smallest(properties[name], depth + 1) for name in properties if name in required}
                return fields if weight(fields) <= HEAVIEST else {}
            case Array(items=items, min_length=low):
                item = self.smallest(items, depth + 1) if low else None
                return [item] * (low or 0) if weight(item) * (low or 0) <= HEAVIEST else []
            case Ref(target=target):
                return self.named(target, depth + 1)
            case Union(refs=refs):
                return self.member(refs[0], depth) if refs else {"$type": _UNHEARD}
            case _:
                found = self.values(kind, kind, depth)
                return next((value for value in found if not judge(self.lexicons, "", kind, value)), None)

    def named(self, name: Name, depth: int = 0) -> Json:
        """Return the smallest value of a definition; empty inside of itself."""
        if name not in self._named:
            self._named[name] = {}
            self._named[name] = self._smallest_of(name, depth)
        return self._named[name]

    def _smallest_of(self, name: Name, depth: int) -> Json:
        match self.lexicons.find(name) or self.others.find(name):
            case RecordType(record=record):
                value = self.smallest(record, depth)
                return {"$type": str(name), **value} if isinstance(value, dict) else value
            case Token():
                return str(name)
            case found if isinstance(found, Type):
                return self.smallest(found, depth)
            case _:
                return {}

    def member(self, name: Name, depth: int = 0) -> JsonObject:
        """Return the smallest value of a member of a union."""
        value = self.named(name, depth + 1)
        return {"$type": str(name), **(value if isinstance(value, dict) else {})}

    def values(self, kind: Type, other: Type, depth: int = 0) -> Iterator[Json]:
        """Yield values of a type, some of them invalid; the other type says which limits matter."""
        yield from self._own(kind, other, depth)
        if type(kind) is not type(other):
            yield from self._own(other, kind, depth)

    def _own(self, kind: Type, other: Type, depth: int) -> Iterator[Json]:
        match kind:
            case Boolean():
                yield from (True, False)
            case Integer():
                yield from _integers(kind, other)
            case String():
                yield from texts(kind, other)
            case Bytes():
                limits = [kind.min_length, kind.max_length]
                limits += [other.min_length, other.max_length] if isinstance(other, Bytes) else []
                yield from (bytes_json(bytes(count)) for count in _lengths(limits, MOST_BYTES))
            case CidLinkType():
                yield {"$link": _CID}
            case BlobType():
                yield from _blobs(kind, other)
            case Array() | Object() | Union() | Ref():
                yield from self._compose(kind, other, depth) if depth <= DEEPEST else ()
            case Unknown():
                yield {}
                yield {"a": 1}
            case Null():
                yield None
            case Unsupported():
                yield from _ANY
            case Token():
                yield "token"

    def _compose(self, kind: Array | Object | Union | Ref, other: Type, depth: int) -> Iterator[Json]:
        match kind:
            case Array():
                yield from self._arrays(kind, other, depth)
            case Object():
                yield from self._objects(kind, other, depth)
            case Union(refs=refs):
                more = other.refs if isinstance(other, Union) else ()
                yield from (self.member(ref, depth) for ref in dict.fromkeys((*refs, *more)))
                yield {"$type": _UNHEARD}
            case Ref(target=target):
                found = self.lexicons.find(target)
                yield self.named(target, depth)
                if isinstance(found, Type) and not isinstance(found, Token):
                    yield from self.values(found, self._resolve(other), depth + 1)

    def _resolve(self, kind: Type) -> Type:
        found = self.others.find(kind.target) if isinstance(kind, Ref) else kind
        return found if isinstance(found, Type) else Unknown()

    def _arrays(self, kind: Array, other: Type, depth: int) -> Iterator[Json]:
        limits = [kind.min_length, kind.max_length]
        limits += [other.min_length, other.max_length] if isinstance(other, Array) else []
        item = self.smallest(kind.items, depth + 1)
        yield from ([item] * count for count in _lengths(limits) if weight(item) * count <= HEAVIEST)
        items = self.values(kind.items, other.items if isinstance(other, Array) else kind.items, depth + 1)
        yield from ([value] * max(1, min(kind.min_length or 1, MOST_ITEMS)) for value in islice(items, MOST_FIELDS))

    def _objects(self, kind: Object, other: Type, depth: int) -> Iterator[Json]:
        least = self.smallest(kind, depth)
        if not isinstance(least, dict):
            return
        yield least
        theirs = self._resolve(other)
        fields: Mapping[str, Type] = theirs.properties if isinstance(theirs, Object) else {}
        for name, field in kind.properties.items():
            found = self.values(field, fields.get(name, field), depth + 1)
            yield from ({**least, name: value} for value in islice(found, MOST_FIELDS))
            if name in kind.nullable:
                yield {**least, name: None}


def weight(value: Json) -> int:
    """Return how many values are in a value, itself included; of one that is too heavy, not all are counted."""
    count, waiting = 0, [value]
    while waiting and count <= MOST_WORK:
        item = waiting.pop()
        count += 1
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return count


def _integers(kind: Integer, other: Type) -> Iterator[int]:
    known = [found for found in (kind, other) if isinstance(found, Integer)]
    exact = [value for item in known for value in (*item.enum, item.const) if value is not None]
    limits = [value for item in known for value in (item.minimum, item.maximum) if value is not None]
    near = [value + step for value in limits for step in (0, -1, 1)]
    yield from dict.fromkeys(value for value in (*exact, *near, 0, 1, -1) if INTEGER_MIN <= value <= INTEGER_MAX)


def _lengths(limits: Iterable[int | None], most: int = MOST_ITEMS) -> list[int]:
    near = [limit + step for limit in limits if limit is not None for step in (0, -1, 1)]
    return list(dict.fromkeys(count for count in (*near, 0, 1) if 0 <= count <= most))


def _blobs(kind: BlobType, other: Type) -> Iterator[Json]:
    known = [found for found in (kind, other) if isinstance(found, BlobType)]
    types = dict.fromkeys(mime for item in known for pattern in item.accept for mime in mime_types(pattern))
    sizes = [size + step for item in known if item.max_size is not None for size in [item.max_size] for step in (0, 1)]
    for size, mime in product(dict.fromkeys((1, *sizes)), (*types, *mime_types("*/*"))):
        yield {"$type": "blob", "ref": {"$link": _BLOB_CID}, "mimeType": mime, "size": size}


def mime_types(pattern: str) -> tuple[str, ...]:
    """Return MIME types that a pattern accepts."""
    if pattern == "*/*":
        return ("application/octet-stream", "text/plain", "image/png")
    return tuple(pattern.replace("*", part) for part in ("png", "x-other")) if "*" in pattern else (pattern,)
