"""The AT Protocol data model: JSON ↔ DAG-CBOR ↔ CID (specification: Data Model, Repository).

A record is plain JSON in memory: `{"$link": cid}` and `{"$bytes": base64}` stand for links and byte strings, as on
the wire. Encoding is canonical, so that the CID computed here is the one that a PDS answers with.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import libipld

from atpub.atproto.syntax import Cid

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1
LARGEST_IN_JSON = 2**53 - 1
"""The largest integer that a PDS takes: it reads JSON as JavaScript does, and would round others."""

DEEPEST: Final = 128
"""How many lists and objects may stand in each other."""
DEEPEST_UNKNOWN: Final = 64
"""How many of them may be what no lexicon describes."""


class NotInDataModel(ValueError):
    """The value cannot stand in a record; the message says which part, and why."""


@dataclass(frozen=True, slots=True)
class Blob:
    """What a record says of a blob: its CID, MIME type and size in bytes."""

    cid: Cid
    mime_type: str
    size: int

    def to_json(self) -> JsonObject:
        """Return the blob object of the data model."""
        return {"$type": "blob", "ref": {"$link": self.cid}, "mimeType": self.mime_type, "size": self.size}

    @classmethod
    def from_json(cls, value: Json) -> Blob | None:
        """Return the blob, where the value is a blob object that a PDS would keep."""
        match value:
            case {
                "$type": "blob",
                "ref": {"$link": str(cid), **inner},
                "mimeType": str(mime),
                "size": int() | float() as given,
                **rest,
            }:
                size = whole(given)
                if size is None or size < 1 or not mime or inner or rest or not is_blob_cid(cid):
                    return None
                return cls(Cid(cid), mime, size)
            case _:
                return None


def whole(value: Json) -> int | None:
    """Return an integer, which JSON also writes as `123.0` or `1e2`; None for a boolean or any other value."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_blob_cid(text: str) -> bool:
    """Whether the text is the CID of a blob: its codec is raw (Data Model page)."""
    return Cid.accepts(text) and text.startswith("bafk")


def is_legacy_blob(value: Json) -> bool:
    """Whether the value is a blob in the form that blobs had before they had a `$type`."""
    match value:
        case {"cid": str(cid), "mimeType": str(), **rest} if not rest:
            return Cid.accepts(cid)
        case _:
            return False


def blobs_in(value: Json) -> Iterator[Blob]:
    """Every blob that the value refers to, at any depth."""
    if isinstance(value, dict):
        blob = Blob.from_json(value)
        if blob is not None:
            yield blob
            return
        for item in value.values():
            yield from blobs_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from blobs_in(item)


def leaves(value: Json) -> Iterator[tuple[tuple[str | int, ...], str | int]]:
    """Yield every text and integer in an object or a list, however deep, and its path; the order is not defined.

    An integer may be written with a point (`2.0`).
    """
    stack: list[tuple[tuple[str | int, ...], Json]] = [((), value)]
    while stack:
        steps, part = stack.pop()
        items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, item in items:
            if isinstance(item, str):
                yield (*steps, key), item
            elif isinstance(item, dict | list):
                stack.append(((*steps, key), item))
            elif (number := whole(item)) is not None:
                yield (*steps, key), number


def keys(value: Json) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every key in an object or a list, however deep, and the path of its value; the order is not defined."""
    stack: list[tuple[tuple[str | int, ...], Json]] = [((), value)]
    while stack:
        steps, part = stack.pop()
        if isinstance(part, dict):
            yield from (((*steps, key), key) for key in part)
        items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        stack += [((*steps, key), item) for key, item in items if isinstance(item, dict | list)]


def encode(value: Json) -> bytes:
    """Return the canonical DAG-CBOR of a value; raises NotInDataModel."""
    block = _encode_plain(value)
    if block is not None:
        return block
    try:
        return libipld.encode_dag_cbor(_to_native(value))
    except RecursionError:
        raise NotInDataModel("nested too deeply") from None
    except ValueError as error:
        raise NotInDataModel(str(error)) from None


_CONTAINERS: Final = bytes(range(0x80, 0xC0))
"""The bytes that open a list or an object; they occur in text beyond ASCII, too."""
_SHALLOW: Final = 250
"""A depth that every reader here can follow."""
_SPECIAL_KEY: Final = re.compile(rb"\$(?:link|bytes)")
_WIDE_INTEGER: Final = re.compile(rb"[\x1b\x3b][\x80-\xff]")
"""What opens an integer beyond 63 bits; occurs elsewhere, too."""


def _encode_plain(value: Json) -> bytes | None:
    """Return the block of a value that is the same in JSON and CBOR, as most are; None where it may be another.

    The block shows that at a fraction of the cost of a walk through the value: each check finds all of what it is
    about, and at times what is not. 0xfb opens a float, and is in no text.
    """
    try:
        block = libipld.encode_dag_cbor(value)
    except (ValueError, RecursionError):
        return None
    if b"\xfb" in block or _SPECIAL_KEY.search(block):
        return None
    if (b"\x1b" in block or b"\x3b" in block) and _WIDE_INTEGER.search(block):
        return None
    if len(block) > _SHALLOW and len(block) - len(block.translate(None, _CONTAINERS)) > _SHALLOW:
        return None
    return block


def decode(block: bytes) -> JsonObject:
    """Return the record in a DAG-CBOR block; raises NotInDataModel where it holds no object."""
    try:
        value = _to_json(libipld.decode_dag_cbor(block))
    except RecursionError:
        raise NotInDataModel("nested too deeply") from None
    except ValueError as error:
        raise NotInDataModel(str(error)) from None
    if not isinstance(value, dict):
        raise NotInDataModel("a record is an object")
    return value


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record with the CID of its canonical DAG-CBOR and the size of that in bytes."""

    value: JsonObject
    cid: Cid
    size: int

    @classmethod
    def of(cls, value: JsonObject, known: Encoded | None = None) -> Encoded:
        """Encode a record, unless `known` is the encoding of this very object; raises NotInDataModel."""
        if known is not None and known.value is value:
            return known
        block = encode(value)
        return cls(value, Cid.of_block(block), len(block))


def cid_of(value: Json) -> Cid:
    """Return the CID of a record; raises NotInDataModel."""
    return Cid.of_block(encode(value))


_TAG_42 = b"\xd8"
_SHORTEST_CID = 36  # with a digest of 32 bytes; what is shorter was meant as bytes


def looks_like_link(raw: bytes) -> bool:
    """Whether a byte string has the binary form of a CID, of any kind: libipld cannot tell such bytes from a link."""
    if len(raw) == 36 and raw[0] == 1 and raw[2:4] == b"\x12\x20":
        return True
    return raw[:1] in (b"\x01", b"\x12") and libipld.encode_dag_cbor(raw)[:1] == _TAG_42


def link_bytes(cid: str) -> bytes:
    """Return the binary form of a CID in text; raises NotInDataModel."""
    try:
        raw = libipld.decode_multibase(cid)[1]
    except ValueError:
        raw = b""
    if raw[:1] != b"\x01" or not looks_like_link(raw) or Cid.of_bytes(raw) != cid:
        raise NotInDataModel(f"{cid[:80]!r} is not a CID (version 1, in base32)")
    return raw


def bytes_value(text: str) -> bytes:
    """Return the bytes in the base64 of a `$bytes` object, padded or not; raises NotInDataModel."""
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise NotInDataModel(f"{text[:40]!r} is not base64") from None


def bytes_json(raw: bytes) -> JsonObject:
    """Return the `$bytes` object of a byte string."""
    return {"$bytes": b64encode(raw).decode().rstrip("=")}


def loads(text: str | bytes) -> Json:
    """JSON text as data-model JSON: `2.0` is the integer 2, as on a PDS; raises ValueError on bad JSON.

    A key given twice is an error: readers differ on which one counts.
    """
    try:
        value: Json = json.loads(text, parse_float=_whole, parse_constant=_refuse, object_pairs_hook=_unique)
    except RecursionError:
        raise NotInDataModel("nested too deeply") from None
    return value


def _refuse(text: str) -> float:
    raise NotInDataModel(f"{text} is not JSON")


def _whole(text: str) -> int | float:
    number = float(text)
    found = whole(number)
    return number if found is None else found


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} is given twice in one object")
    return value


_Native: TypeAlias = "bool | int | str | bytes | list[_Native] | dict[str, _Native] | None"


def _to_native(value: Json) -> _Native:
    if isinstance(value, str):  # the most frequent first
        return value
    if isinstance(value, dict):
        if len(value) == 1:
            match value:
                case {"$link": str(cid)}:
                    return link_bytes(cid)
                case {"$bytes": str(text)}:
                    return _plain_bytes(text)
                case _:
                    pass
        # Most of what a record holds is text: no call for that.
        return {key: item if type(item) is str else _to_native(item) for key, item in value.items()}
    if isinstance(value, list):
        return [item if type(item) is str else _to_native(item) for item in value]
    if isinstance(value, float):
        if not value.is_integer():
            raise NotInDataModel(f"{value} is a float: records hold integers only")
        value = int(value)
    if isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX:
        raise NotInDataModel(f"{value} does not fit in 64 bits")
    return value


def _plain_bytes(text: str) -> bytes:
    raw = bytes_value(text)
    if looks_like_link(raw):
        raise NotInDataModel("a byte string that has the form of a CID would be stored as a link")
    return raw


def _to_json(value: _Native) -> Json:
    if isinstance(value, dict):
        return {key: item if isinstance(item, str) else _to_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [item if isinstance(item, str) else _to_json(item) for item in value]
    if isinstance(value, bytes):
        is_link = len(value) >= _SHORTEST_CID and value[0] == 1 and looks_like_link(value)
        return {"$link": Cid.of_bytes(value)} if is_link else bytes_json(value)
    return value


def put(value: JsonObject, steps: tuple[str | int, ...], item: Json) -> JsonObject:
    """Return the object with the item at a way in it; everything else is shared with the one that was given."""
    made = _put(value, steps, item)
    assert isinstance(made, dict)
    return made


def _put(value: Json, steps: tuple[str | int, ...], item: Json) -> Json:
    if not steps:
        return item
    step, *rest = steps
    if isinstance(value, list) and isinstance(step, int):
        return [_put(part, tuple(rest), item) if index == step else part for index, part in enumerate(value)]
    assert isinstance(value, dict)
    assert isinstance(step, str)
    return {**value, step: _put(value.get(step), tuple(rest), item)}
