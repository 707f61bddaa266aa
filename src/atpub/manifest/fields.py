"""`fields:` of a sample schema → the JSON Schema that readers of the records understand (draft-07)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from atpub.lexicon.data import Json, JsonObject

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
NDARRAY: Final = "https://alt.science/schemas/atdata-ndarray-bytes/1.0.0#/$defs/ndarray"

TYPES: Final[dict[str, JsonObject]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "bytes": {"type": "string", "format": "byte", "contentEncoding": "base64"},
    "ndarray": {"$ref": NDARRAY},
}
_FORMS = f"one of {', '.join(TYPES)}; `?` after it for optional, `[string]` for a list"


@dataclass(frozen=True, slots=True)
class Made:
    """A JSON Schema, and for each field that is wrong its name, what is wrong, and what to do."""

    content: JsonObject
    problems: tuple[tuple[str, str, str], ...]


def json_schema(fields: JsonObject) -> Made:
    """The JSON Schema of a sample with these fields."""
    properties: JsonObject = {}
    required: list[Json] = []
    problems: list[tuple[str, str, str]] = []
    for name, written in fields.items():
        made = _field(written)
        if not name.isidentifier():
            problems.append((name, f"{name!r} is not a Python identifier", "readers make an attribute of it"))
        elif made is None:
            problems.append((name, f"{written!r} is not a type of field", _FORMS))
        else:
            properties[name], is_required = made
            if is_required:
                required.append(name)
    if not fields:
        problems.append(("", "a sample needs at least one field", "add `name: type`"))
    content: JsonObject = {"$schema": DRAFT, "type": "object", "properties": properties, "required": required}
    return Made(content, tuple(problems))


def _field(written: Json) -> tuple[JsonObject, bool] | None:
    """The JSON Schema of a field and whether it is required; None where it is no type."""
    if isinstance(written, list):
        item = TYPES.get(str(written[0])) if len(written) == 1 else None
        return None if item is None else ({"type": "array", "items": dict(item)}, True)
    text = str(written)
    required = not text.endswith("?")
    text = text.removesuffix("?").strip()
    if text.startswith("[") and text.endswith("]"):
        item = TYPES.get(text[1:-1].strip())
        return None if item is None else ({"type": "array", "items": dict(item)}, required)
    found = TYPES.get(text)
    return None if found is None else (dict(found), required)
