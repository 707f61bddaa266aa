"""Sample schemas that lexicons allow, but that readers (atdata) cannot read or misread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atpub.atproto.data import Json, JsonObject
from atpub.manifest.arrays import reads_as
from atpub.problems import Severity

_SIMPLE = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class ReaderFinding:
    """A problem of a sample's JSON Schema for its readers: its place, the problem, and what to do."""

    steps: tuple[str | int, ...]
    code: str
    message: str
    hint: str
    severity: Severity = "error"


def check_sample_schema(content: JsonObject) -> tuple[ReaderFinding, ...]:
    """Find whatever atdata 0.7 cannot read in a sample's JSON Schema."""
    properties = content.get("properties")
    if content.get("type") != "object" or not isinstance(properties, dict) or not properties:
        hint = "give `type: object` and `properties`"
        return (ReaderFinding((), "not-a-sample", "a sample is an object with properties", hint),)
    listed = content.get("required")
    required = listed if isinstance(listed, list) else []
    return (*_order(properties, required), *_types(properties, required))


def _order(properties: JsonObject, required: list[Json]) -> Iterator[ReaderFinding]:
    """Check field order: readers get the fields shorter names first, and make a dataclass in that order."""
    stored = sorted(properties, key=lambda name: (len(name.encode()), name.encode()))
    last = max((index for index, name in enumerate(stored) if name in required), default=0)
    for name in stored[:last]:
        if name not in required:
            first = f"the optional {name!r} is stored before the required {stored[last]!r}"
            message = f"readers cannot load this schema: {first}"
            hint = f"make {name!r} required, or give it a name longer than {stored[last]!r}"
            yield ReaderFinding(("properties", name), "unreadable-order", message, hint)


def _types(properties: JsonObject, required: list[Json]) -> Iterator[ReaderFinding]:
    for name, kind in properties.items():
        items = kind.get("items") if isinstance(kind, dict) else None
        if _is_ndarray(items):
            message = f"readers leave what is in {name!r} as raw bytes: it is a list of ndarrays"
            hint = "use one ndarray with another dimension, or a field for each"
        elif _is_ndarray(kind) and name not in required:
            message = f"readers leave {name!r} as raw bytes: it is an optional ndarray"
            hint = f"make {name!r} required"
        elif reason := _lossy(kind):
            message = f"readers take {name!r} for a string: {reason}"
            hint = "use one of string, integer, number, boolean, bytes, an array of these, or an ndarray"
        else:
            continue
        yield ReaderFinding(("properties", name), "lossy-type", message, hint, "warning")


def _is_ndarray(kind: Json) -> bool:
    return reads_as(kind) == "array"


def _lossy(kind: Json) -> str:
    if not isinstance(kind, dict):
        return "it does not say what it holds"
    if "$ref" in kind:
        return "" if reads_as(kind) else "they follow no $ref but that of an ndarray"
    if "enum" in kind:
        return "they do not know enum"
    found = kind.get("type")
    if isinstance(found, list):
        return "they do not know several types"
    if found == "object":
        return "they do not know nested objects"
    if found == "array":
        return _lossy(kind.get("items"))
    return "" if found in _SIMPLE else f"they do not know the type {found!r}"
