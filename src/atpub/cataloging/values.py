"""The files of a sample → the values of its fields, read without msgpack or numpy; nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from math import isfinite
from typing import Final

from atpub.atproto.data import Json
from atpub.catalog.model import Scalar, ValueKind
from atpub.redact import redact_urls
from atpub.shards.field_summary import read_scalar
from atpub.shards.msgpack_types import NotASample, TooManyValues, read_fields
from atpub.shards.sample_types import MSGPACK, media_type, read_member_type
from atpub.suggest import size

_LONGEST_TEXT: Final = 400
_LONGEST_SCALAR: Final = 200
_MOST_FIELDS: Final = 50
_BINARY: Final = {0xC4: 2, 0xC5: 3, 0xC6: 5}
"""The bytes before the payload of a msgpack binary, by its first byte."""
_SOUNDS: Final = {
    "mp3": ("audio/mpeg", (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    "ogg": ("audio/ogg", (b"OggS",)),
    "opus": ("audio/ogg", (b"OggS",)),
}
"""The kinds of sound that are recognized by extension and first bytes."""


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A value of a field in words, its numbers and short texts for charts, and the bytes of media and arrays.

    `scalars` are named as the field; those of a JSON object as `json.width`.
    """

    name: str
    kind: ValueKind
    text: str
    scalars: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    data: bytes = b""
    media_type: str | None = None


def read_values(files: Mapping[str, bytes]) -> list[FieldValue]:
    """Return the values of a sample, given as files by extension."""
    values = [value for extension, data in files.items() for value in _values(extension, data)]
    return values[:_MOST_FIELDS]


def _values(extension: str, data: bytes) -> Iterator[FieldValue]:
    if extension != MSGPACK:
        yield _member(extension, data)
        return
    found: list[FieldValue] = []
    try:
        for place in read_fields(BytesIO(data), 0, len(data)):
            found.append(_field(place.name, place.type, data[place.start : place.end]))  # noqa: PERF401 - it may raise
    except NotASample:
        found = [_bytes(extension, data)]
    except TooManyValues:
        pass
    yield from found


def _field(name: str, kind: Json, packed: bytes) -> FieldValue:
    """Return the value of a field of a msgpack map."""
    if packed[0] in _BINARY:
        payload = packed[_BINARY[packed[0]] :]
        return _array(name, kind, payload) if isinstance(kind, dict) else _media(name, payload)
    scalar = read_scalar(packed)
    if isinstance(scalar, str | int | float):
        return _text(name, scalar)
    return FieldValue(name, "bytes" if kind == "extension" else "text", type_text(kind))


def _member(extension: str, data: bytes) -> FieldValue:
    kind = read_member_type(BytesIO(data), len(data))
    if isinstance(kind, dict) and "ndarray" in kind and not _is_text(data):
        return _array(extension, kind, data)
    if isinstance(kind, str) and ("/" in kind or kind in ("bytes", "unknown")):
        return _media(extension, data)
    text = data.decode(errors="replace")
    if isinstance(kind, dict):
        return replace(_text(extension, text), scalars=_object_scalars(extension, text))
    try:
        return _text(extension, int(text) if kind == "integer" else float(text) if kind == "number" else text)
    except ValueError:  # JSON and Python differ in what they call a number
        return _text(extension, text)


def _object_scalars(name: str, text: str) -> dict[str, Scalar]:
    value: Json = json.loads(text)
    found = value.items() if isinstance(value, dict) else ()
    return {f"{name}.{key}": item for key, item in found if isinstance(item, str | int | float) and _is_short(item)}


def _is_short(scalar: Scalar) -> bool:
    return len(scalar) <= _LONGEST_SCALAR if isinstance(scalar, str) else isfinite(scalar)


def _is_text(data: bytes) -> bool:
    """Return whether these are the bytes of a JSON object, which may have a field `ndarray`."""
    return data.lstrip()[:1] == b"{"


def _text(name: str, scalar: Scalar) -> FieldValue:
    if isinstance(scalar, str):
        text = redact_urls(scalar[: 2 * _LONGEST_TEXT].strip())  # samples of web data hold signed URLs
        shown, scalar = f"{text[:_LONGEST_TEXT]}…" if len(text) > _LONGEST_TEXT else text, text
    else:
        shown = str(scalar)
    return FieldValue(name, "text", shown, {name: scalar} if _is_short(scalar) else {})


def _array(name: str, kind: Json, data: bytes) -> FieldValue:
    return FieldValue(name, "array", type_text(kind), data=data)


def _media(name: str, data: bytes) -> FieldValue:
    kind = media_type(data) or _sound(name, data) or ""
    family = kind.partition("/")[0]
    if family == "image":
        return FieldValue(name, "image", f"{kind}, {size(len(data))}", data=data, media_type=kind)
    if family == "audio":
        return FieldValue(name, "audio", f"{kind}, {size(len(data))}", data=data, media_type=kind)
    return _bytes(name, data)


def _sound(name: str, data: bytes) -> str | None:
    kind, starts = _SOUNDS.get(name.rpartition(".")[2], (None, ()))
    return kind if data.startswith(starts) else None


def _bytes(name: str, data: bytes) -> FieldValue:
    return FieldValue(name, "bytes", f"bytes, {size(len(data))}")


def type_text(kind: Json) -> str:
    """Return a type in words: `float32 [8, 8]`, `list of integer`."""
    match kind:
        case {"ndarray": {"dtype": str(dtype), "shape": list(shape)}}:
            return f"{dtype} [{', '.join(map(str, shape))}]"
        case [str(item)]:
            return f"list of {item}"
        case list():
            return "list"
        case str():
            return kind
        case _:
            return "object"
