"""`fields:` of a sample schema → the JSON Schema that readers of the records understand (draft-07)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.generated.science.alt.dataset import array_format
from atpub.manifest.arrays import BINARY_TYPES, NDARRAY, NotAType, array_property, typed_map
from atpub.suggest import nearest

DRAFT: Final = "http://json-schema.org/draft-07/schema#"

TYPES: Final[dict[str, JsonObject]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "bytes": {"type": "string", "format": "byte", "contentEncoding": "base64"},
    "ndarray": {"$ref": NDARRAY},
    **{name: {"$ref": reference} for name, reference in BINARY_TYPES.items()},
}
_MEANT: Final = {
    "int": "integer",
    "int64": "integer",
    "str": "string",
    "text": "string",
    "float": "number",
    "float32": "number",
    "float64": "number",
    "double": "number",
    "bool": "boolean",
    "blob": "bytes",
    "binary": "bytes",
    "array": "ndarray",
    "tensor": "ndarray",
    "np.ndarray": "ndarray",
    "csr": "sparse",
    "coo": "sparse",
    "parquet": "dataframe",
    "table": "dataframe",
    "recarray": "structured",
}
"""What other languages call these types."""
_LIKE: Final = re.compile(r"(optional\[|list\[|sequence\[|\[+)?([\w.]+)(\[?\]*)(\?|\|none)*")
"""One type, written as one or another language would."""
_FORMS = f"one of {', '.join(TYPES)}; `?` after it for optional, `[string]` for a list"


@dataclass(frozen=True, slots=True)
class Made:
    """A JSON Schema, and for each field that is wrong the keys that lead to it, what is wrong, and what to do.

    `keys` are the manifest's keys of the properties, where they differ.
    """

    content: JsonObject
    problems: tuple[tuple[tuple[str, ...], str, str], ...]
    keys: Mapping[str, str] = field(default_factory=dict[str, str])


def json_schema(fields: JsonObject) -> Made:
    """Build the JSON Schema of a sample with these fields."""
    properties: JsonObject = {}
    required: list[str] = []
    problems: list[tuple[tuple[str, ...], str, str]] = []
    for name, written in fields.items():
        try:
            properties[name], is_required = _field(written)
        except NotAType as wrong:
            problems.append(((name,), str(wrong), wrong.hint))
            continue
        if is_required:
            required.append(name)
    if not fields:
        problems.append(((), "a sample needs at least one field", "add `name: type`"))
    content: JsonObject = {
        "$schema": DRAFT,
        "type": "object",
        "properties": properties,
        "required": [*sorted(required)],
    }
    return Made(content, tuple(problems))


def _show(written: Json) -> str:
    return f"[{', '.join(map(str, written))}]" if isinstance(written, list) else str(written)


def _hint(written: Json) -> str:
    """Suggest the nearest type, or list all types."""
    if isinstance(written, list) and len(written) > 1:
        return "a list has items of one type: [string]"
    text = "".join(str(written[0] if isinstance(written, list) and written else written).lower().split())
    found = _LIKE.fullmatch(text)
    meant = _meant(found[2]) if found else ""
    if not found or not meant:
        return _FORMS
    is_optional = found[1] == "optional[" or bool(found[4])
    is_list = isinstance(written, list) or (found[1] != "optional[" and bool(found[1] or found[3]))
    return f"did you mean '{f'[{meant}]' if is_list else meant}{'?' if is_optional else ''}'?"


def _meant(name: str) -> str:
    """Return the type that has this name or alias, or the nearest one."""
    return _MEANT.get(name) or nearest(name, TYPES) or ""


def _field(written: Json) -> tuple[JsonObject, bool]:
    """Return the JSON Schema of a field, and whether it is required; raises NotAType."""
    if isinstance(written, dict):
        array = typed_map(written, "ndarray")
        if array is None:
            raise NotAType("a map is not a type of field", "the one map is {ndarray: {dtype: float32, shape: [8]}}")
        return array_property(next(iter(written.values()))), array[1]
    found = _simple_field(written)
    if found is None:
        raise NotAType(f"{_show(written)} is not a type of field", _hint(written))
    return found


def _simple_field(written: Json) -> tuple[JsonObject, bool] | None:
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


_ARRAY_FORMAT = re.compile(r"/atdata-([a-z-]+)/(\d+\.\d+\.\d+)(?=[/#]|$)")


def array_formats(content: Json) -> dict[str, Json]:
    """Return the version of each array format that a JSON Schema refers to, by the name that readers use."""
    known = {
        token.partition("#")[2] for token in vars(array_format).values() if isinstance(token, str) and "#" in token
    }
    found: dict[str, Json] = {}
    stack = [content]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
            reference = value.get("$ref")
            match = _ARRAY_FORMAT.search(reference) if isinstance(reference, str) else None
            if match:
                head, *tail = match[1].split("-")
                name = head + "".join(part.capitalize() for part in tail)
                if name in known:
                    found[name] = match[2]
        elif isinstance(value, list):
            stack.extend(value)
    return found
