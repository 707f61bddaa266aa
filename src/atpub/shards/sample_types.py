"""What the first sample of a shard holds: the type of each of its fields or members, as a manifest writes them.

Types are `integer`, `number`, `boolean`, `null`, `string`, `bytes`, `object`, `[integer]`, `{ndarray: {dtype, shape}}`;
of a member also `text` (not JSON), a MIME type, and a map of fields for a JSON object. `unknown` was not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from atpub.atproto.data import Json, JsonObject
from atpub.shards.array_headers import HEADER_LENGTH, read_array_type
from atpub.shards.headers import Stream
from atpub.shards.msgpack_types import NotASample, merge_types, read_field_types

MSGPACK: Final = "msgpack"
"""The extension of the one member that a msgpack sample has."""

_LONGEST_TEXT: Final = 1 << 20
_MOST_MEMBERS: Final = 100
_INTEGER: Final = re.compile(r"\s*[+-]?\d{1,4000}\s*")
_MEDIA: Final = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"fLaC"), "audio/flac"),
    (re.compile(rb"PK\x03\x04"), "application/zip"),
)
IMAGES: Final = frozenset(kind for _, kind in _MEDIA if kind.startswith("image/"))
"""The MIME types of pictures that are recognized by their first bytes."""


@dataclass(frozen=True, slots=True)
class SampleTypes:
    """A sample of a shard: its key, the types of its members, and those of its msgpack map's fields.

    `fields` is None for a sample of members; `is_complete` is false where not every field or member was read.
    """

    key: str
    members: Mapping[str, Json]
    fields: Mapping[str, Json] | None = None
    is_complete: bool = True

    def to_json(self) -> JsonObject:
        """Return it as the cache keeps it."""
        fields = None if self.fields is None else dict(self.fields)
        return {"key": self.key, "members": dict(self.members), "fields": fields, "complete": self.is_complete}

    @classmethod
    def of_json(cls, value: Json) -> SampleTypes | None:
        """Return what `to_json` gave; None for any other value."""
        match value:
            case {
                "key": str(key),
                "members": dict(members),
                "fields": (dict() | None) as fields,
                "complete": bool(complete),
            }:
                return cls(key, members, fields, complete)
            case _:
                return None


class SampleFilter(NamedTuple):
    """Which samples of a shard are read, and which of those after the first are returned; `most` is None for all."""

    most: int | None
    accepts: Callable[[SampleTypes], bool]


class SampleTypesReader:
    """Reads the types of one sample, member by member, from a stream that only moves forward."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._members: dict[str, Json] = {}
        self._fields: dict[str, Json] | None = None
        self._is_complete = True

    def add(self, extension: str, start: int | None, size: int) -> None:
        """Read the member of `size` bytes at `start`; None for bytes that are not in one piece."""
        if len(self._members) >= _MOST_MEMBERS:
            self._is_complete = False
            return
        if start is None:
            self._members[extension] = MSGPACK if extension == MSGPACK else "unknown"
            self._is_complete = False
            return
        self._stream.seek(start)
        if extension != MSGPACK:
            self._members[extension] = read_member_type(self._stream, size)
            return
        self._members[extension] = MSGPACK
        try:
            self._fields, self._is_complete = read_field_types(self._stream, start, size)
        except NotASample:
            self._members[extension] = "bytes"

    def result(self, key: str) -> SampleTypes:
        """Return what was read."""
        return SampleTypes(key, self._members, self._fields, self._is_complete)


def media_type(data: bytes) -> str | None:
    """Return the MIME type of an image, of audio or of an archive by its first bytes; None for any others."""
    return next((kind for magic, kind in _MEDIA if magic.match(data)), None)


def is_image(data: bytes) -> bool:
    """Return whether bytes begin as those of an image do."""
    return media_type(data) in IMAGES


def read_member_type(stream: Stream, size: int) -> Json:
    """Return the type of the next `size` bytes, of which at most 1 MiB is read."""
    head = stream.read(min(size, HEADER_LENGTH))
    if array := read_array_type(head, size):
        return array
    if media := media_type(head):
        return media
    if b"\0" in head:
        return "bytes"
    if size > _LONGEST_TEXT:
        return "unknown"
    try:
        text = (head + stream.read(size - len(head))).decode()
    except UnicodeDecodeError:
        return "bytes"
    return "integer" if _INTEGER.fullmatch(text) else _json_type(text)


def _json_type(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return "text"
    return {name: _type_of(item) for name, item in value.items()} if isinstance(value, dict) else _type_of(value)


def _type_of(value: Json) -> Json:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return merge_types([_type_of(item) for item in value[:1000]])
        case _:
            return "object"
