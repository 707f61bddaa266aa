"""What the readers of sample schemas cannot read, or read as something else, although every lexicon allows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atpub.errors import Severity
from atpub.lexicon.data import Json, JsonObject

_SIMPLE = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a sample's JSON Schema: where in it, what, and what to do."""

    steps: tuple[str | int, ...]
    code: str
    message: str
    hint: str
    severity: Severity = "error"


def check_sample_schema(content: JsonObject) -> tuple[Finding, ...]:
    """Everything about a sample's JSON Schema that readers stumble over (atdata 0.7)."""
    properties = content.get("properties")
    if content.get("type") != "object" or not isinstance(properties, dict) or not properties:
        hint = "give `type: object` and `properties`"
        return (Finding((), "not-a-sample", "a sample is an object with properties", hint),)
    return (*_order(content, properties), *_types(properties))


def _order(content: JsonObject, properties: JsonObject) -> Iterator[Finding]:
    """A reader gets the fields in a repository's order (shorter names first), and makes a dataclass in that order."""
    listed = content.get("required")
    required = listed if isinstance(listed, list) else []
    stored = sorted(properties, key=lambda name: (len(name.encode()), name.encode()))
    last = max((index for index, name in enumerate(stored) if name in required), default=-1)
    for name in stored[:last]:
        if name not in required:
            first = f"the optional {name!r} is stored before the required {stored[last]!r}"
            message = f"readers cannot load this schema: {first}"
            hint = f"make {name!r} required, or give it a name longer than {stored[last]!r}"
            yield Finding(("properties", name), "unreadable-order", message, hint)


def _types(properties: JsonObject) -> Iterator[Finding]:
    for name, kind in properties.items():
        reason = _lossy(kind)
        if reason:
            hint = "use one of string, integer, number, boolean, bytes, an array of these, or an ndarray"
            message = f"readers take {name!r} for a string: {reason}"
            yield Finding(("properties", name), "lossy-type", message, hint, "warning")


def _lossy(kind: Json) -> str:
    if not isinstance(kind, dict) or "$ref" in kind:
        return ""
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
