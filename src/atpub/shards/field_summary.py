"""What several samples hold in one field: types, ranges, sizes and example values, in bounded memory."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Final, TypeAlias

from atpub.atproto.data import Json
from atpub.redact import redact_urls
from atpub.shards.msgpack_types import merge_types

Number: TypeAlias = int | float
Range: TypeAlias = tuple[Number, Number]

EXAMPLES: Final = 3
LONGEST_EXAMPLE: Final = 60
_LONGEST_TEXT: Final = 2000
_MOST_FIELDS: Final = 200
"""So many fields of a JSON object are summarized."""
_FORMATS: Final = {
    **dict(zip(range(0xCA, 0xD0), (">f", ">d", ">B", ">H", ">I", ">Q"), strict=True)),
    **dict(zip(range(0xD0, 0xD4), (">b", ">h", ">i", ">q"), strict=True)),
}
_TEXT: Final = {0xD9: 1, 0xDA: 2, 0xDB: 4}


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """A field in `count` samples, in `nulls` of which it is null.

    `types` are the distinct types, as `SampleTypes` has them; arrays, lists and maps are merged to one of each. `sizes`
    is the range of the bytes of its values, `numbers` that of the numbers, `fields` are those of JSON objects.
    """

    count: int
    types: tuple[Json, ...] = ()
    nulls: int = 0
    sizes: Range | None = None
    numbers: Range | None = None
    examples: tuple[Json, ...] = ()
    fields: Mapping[str, FieldSummary] = field(default_factory=dict[str, "FieldSummary"])


def summarize(kind: Json, value: Json = None, size: int | None = None) -> FieldSummary:
    """Return the summary of one sample's value, of which None may not be known."""
    if kind == "null":
        return FieldSummary(1, nulls=1)
    if isinstance(value, float) and not isfinite(value):
        value = str(value)  # which JSON cannot write
    numbers = (value, value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return FieldSummary(
        1, (kind,), 0, None if size is None else (size, size), numbers, () if value is None else (_shorten(value),)
    )


def merge_summaries(one: FieldSummary, other: FieldSummary) -> FieldSummary:
    """Return the summary of all samples of two."""
    examples = [*one.examples, *(item for item in other.examples if item not in one.examples)]
    return FieldSummary(
        one.count + other.count,
        _merge_types(one.types, other.types),
        one.nulls + other.nulls,
        _join(one.sizes, other.sizes),
        _join(one.numbers, other.numbers),
        tuple(examples[:EXAMPLES]),
        merge_fields(one.fields, other.fields),
    )


def merge_fields(one: Mapping[str, FieldSummary], other: Mapping[str, FieldSummary]) -> dict[str, FieldSummary]:
    """Return the summaries of both, merged by name, in the order in which the names come."""
    merged = dict(one)
    for name, summary in other.items():
        if name in merged:
            merged[name] = merge_summaries(merged[name], summary)
        elif len(merged) < _MOST_FIELDS:
            merged[name] = summary
    return merged


def with_fields(summary: FieldSummary, fields: Mapping[str, FieldSummary]) -> FieldSummary:
    """Return the summary of a JSON object with these fields."""
    return replace(summary, types=("object",), fields=dict([*fields.items()][:_MOST_FIELDS]))


def read_scalar(packed: bytes) -> Json:
    """Return the integer, float, boolean or text of a msgpack value; None for any other value."""
    first = packed[0]
    if first < 0x80:
        return first
    if first >= 0xE0:
        return first - 0x100
    if first in (0xC2, 0xC3):
        return first == 0xC3
    if first in _FORMATS:
        number: Number = struct.unpack(_FORMATS[first], packed[1:])[0]
        return number
    if 0xA0 <= first < 0xC0 or first in _TEXT:
        return packed[1 + _TEXT.get(first, 0) :].decode(errors="replace")
    return None


def _shorten(value: Json) -> Json:
    if not isinstance(value, str):
        return value
    text = redact_urls(value[:_LONGEST_TEXT])  # samples of web data hold signed URLs
    return f"{text[:LONGEST_EXAMPLE]}…" if len(text) > LONGEST_EXAMPLE else text


def _join(one: Range | None, other: Range | None) -> Range | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])


def _merge_types(one: Sequence[Json], other: Sequence[Json]) -> tuple[Json, ...]:
    merged = [*one]
    for kind in other:
        at = next((index for index, known in enumerate(merged) if _are_alike(known, kind)), None)
        if at is None:
            merged.append(kind)
        else:
            merged[at] = _merge(merged[at], kind)
    return tuple(merged)


def _are_alike(one: Json, other: Json) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one == other or {one, other} == {"integer", "number"}
    return isinstance(one, dict | list) and type(one) is type(other)


def _merge(one: Json, other: Json) -> Json:
    match one, other:
        case {"ndarray": dict(first)}, {"ndarray": dict(second)}:
            shape = _merge_shapes(first.get("shape"), second.get("shape"))
            dtype = first.get("dtype") if first.get("dtype") == second.get("dtype") else None
            return {"ndarray": {**({"dtype": dtype} if dtype else {}), **({} if shape is None else {"shape": shape})}}
        case list(), list():
            return merge_types([*one, *other])
        case _:
            return one if one == other else "number"


def _merge_shapes(one: Json, other: Json) -> Json:
    if not isinstance(one, list) or not isinstance(other, list) or len(one) != len(other):
        return None
    return [length if length == another else None for length, another in zip(one, other, strict=True)]
