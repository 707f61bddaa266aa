"""The types of the fields of a msgpack sample, read without its values."""

from __future__ import annotations

from typing import Final

from atpub.atproto.data import Json
from atpub.shards.array_headers import HEADER_LENGTH, read_array_type
from atpub.shards.headers import Stream

_MOST: Final = 10_000
"""So many values are looked at; a sample with more is described as far as they go."""
_DEEPEST: Final = 32
_LONGEST_KEY: Final = 1 << 16

# By the first byte: the bytes of the length or value that follows (msgpack specification, "Formats").
_FIXED: Final = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_BINARY: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_TEXT: Final = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_LIST: Final = {0xDC: 2, 0xDD: 4}
_MAP: Final = {0xDE: 2, 0xDF: 4}
_EXTENSION: Final = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_FIXED_EXTENSION: Final = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


class NotASample(Exception):
    """The bytes are no msgpack map with text for keys."""


def read_field_types(stream: Stream, start: int, size: int) -> tuple[dict[str, Json], bool]:
    """Return the type of each field in the `size` bytes at `start`, and whether these are all fields.

    The stream only moves forward, and the payloads of long values are passed over. Raises NotASample.
    """
    reader = _Reader(stream, start, start + size)
    found: dict[str, Json] = {}
    count = reader.map_length()
    try:
        for _ in range(count):
            name = reader.key()
            found[name] = reader.type_of_value(0)
    except _TooManyValues:
        return found, False
    if reader.at != reader.end:
        raise NotASample("bytes follow the map")
    return found, True


def merge_types(types: list[Json]) -> Json:
    """Return the type of a list of these: `[integer]`; `[any]` where they differ, `[]` without items."""
    distinct = [kind for index, kind in enumerate(types) if kind not in types[:index]]
    if len(distinct) == 2 and "integer" in distinct and "number" in distinct:
        return ["number"]
    return [*distinct] if len(distinct) < 2 else ["any"]


class _TooManyValues(Exception):
    pass


class _Reader:
    def __init__(self, stream: Stream, start: int, end: int) -> None:
        self._stream = stream
        self._values = 0
        self.at = start
        self.end = end

    def map_length(self) -> int:
        first = self._byte()
        if first & 0xF0 == 0x80:
            return first & 0x0F
        if first in _MAP:
            return self._number(_MAP[first])
        raise NotASample("it is no map")

    def key(self) -> str:
        first = self._byte()
        if first & 0xE0 != 0xA0 and first not in _TEXT:
            raise NotASample("a key is no text")
        length = first & 0x1F if first & 0xE0 == 0xA0 else self._number(_TEXT[first])
        if length > _LONGEST_KEY:
            raise NotASample("a key is too long")
        try:
            return self._take(length).decode()
        except UnicodeDecodeError:
            raise NotASample("a key is no text") from None

    def type_of_value(self, depth: int) -> Json:
        self._values += 1
        if self._values > _MOST or depth > _DEEPEST:
            raise _TooManyValues
        first = self._byte()
        if first < 0x80 or first >= 0xE0:
            return "integer"
        if first < 0x90:
            return self._map(first & 0x0F, depth)
        if first < 0xA0:
            return self._list(first & 0x0F, depth)
        if first < 0xC0:
            return self._pass_over(first & 0x1F, "string")
        return self._type_of_long_value(first, depth)

    def _type_of_long_value(self, first: int, depth: int) -> Json:
        match first:
            case 0xC0:
                return "null"
            case 0xC2 | 0xC3:
                return "boolean"
            case _ if first in _FIXED:
                return self._pass_over(_FIXED[first], "number" if first < 0xCC else "integer")
            case _ if first in _TEXT:
                return self._pass_over(self._number(_TEXT[first]), "string")
            case _ if first in _BINARY:
                return self._binary(self._number(_BINARY[first]))
            case _ if first in _LIST:
                return self._list(self._number(_LIST[first]), depth)
            case _ if first in _MAP:
                return self._map(self._number(_MAP[first]), depth)
            case _ if first in _EXTENSION:
                return self._pass_over(self._number(_EXTENSION[first]) + 1, "extension")
            case _ if first in _FIXED_EXTENSION:
                return self._pass_over(_FIXED_EXTENSION[first] + 1, "extension")
            case _:
                raise NotASample("a byte has no meaning")

    def _binary(self, size: int) -> Json:
        end = self.at + size
        head = self._take(min(size, HEADER_LENGTH))
        self._pass_over(end - self.at, "bytes")
        return read_array_type(head, size) or "bytes"

    def _list(self, count: int, depth: int) -> Json:
        return merge_types([self.type_of_value(depth + 1) for _ in range(count)])

    def _map(self, count: int, depth: int) -> Json:
        for _ in range(2 * count):  # a key inside may be anything
            self.type_of_value(depth + 1)
        return "object"

    def _byte(self) -> int:
        return self._take(1)[0]

    def _number(self, count: int) -> int:
        return int.from_bytes(self._take(count))

    def _take(self, count: int) -> bytes:
        start = self.at
        self._pass_over(count, "")
        self._stream.seek(start)
        data = self._stream.read(count)
        if len(data) < count:
            raise NotASample("it is cut off")
        return data

    def _pass_over(self, count: int, kind: str) -> str:
        if self.at + count > self.end:
            raise NotASample("it is cut off")
        self.at += count
        return kind
