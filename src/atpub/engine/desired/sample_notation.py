"""The types of a sample, in words and as the lines of a manifest that would declare them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from atpub.atproto.data import Json
from atpub.manifest.arrays import DTYPES
from atpub.manifest.notation import written_field, written_member

_PLAIN: Final = re.compile(r"(?!(?:true|false|null|yes|no)\Z)[A-Za-z_][\w.+/-]*")
_FIELD_TYPES: Final = frozenset({"string", "integer", "number", "boolean", "bytes"})
_WORDS: Final = {
    "integer": "an integer",
    "number": "a float",
    "boolean": "a boolean",
    "string": "a string",
    "object": "a map",
    "text": "text that is no JSON",
    "extension": "a msgpack extension",
}
_JSON_ONLY: Final = frozenset({"number", "boolean", "null", "string"})


def describe(found: Json) -> str:
    """Return a type in words: `an ndarray of float32 [8]`."""
    match found:
        case {"ndarray": dict(array)}:
            dtype, shape = array.get("dtype"), array.get("shape")
            known = [f"of {dtype}"] if dtype else []
            return " ".join(["an ndarray", *known, *([_shape(shape)] if isinstance(shape, list) else [])])
        case dict():
            return f"JSON of {_flow({name: _name(kind) for name, kind in found.items()})}"
        case list():
            return f"a list of {found[0]}" if found and found != ["any"] else "a list"
        case _:
            return _WORDS.get(str(found), str(found))


def fields_line(fields: Mapping[str, Json] | None) -> str:
    """Return the `fields:` that declare these types; empty where `fields:` cannot."""
    types = {name: _field(kind) for name, kind in (fields or {}).items()}
    return "" if not types or "" in types.values() else f"fields: {_flow(types)}"


def members_line(members: Mapping[str, Json]) -> str:
    """Return the `members:` that declare members of these types."""
    return f"members: {_flow({name: _member(kind) for name, kind in members.items()})}"


def optional_line(section: str, name: str, declared: Json) -> str:
    """Return the line of `fields:` or `members:` that makes a property optional; empty where there is none."""
    written = (written_member if section == "members" else written_field)(declared, is_required=False)
    return "" if written is None else f"{section}: {_yaml({name: written})}"


def _yaml(value: Json) -> str:
    match value:
        case dict():
            return f"{{{', '.join(f'{_key(name)}: {_yaml(item)}' for name, item in value.items())}}}"
        case list():
            return _shape(value)
        case str():
            return _key(value)
        case _:
            return str(value).lower()


def _name(found: Json) -> str:
    return found if isinstance(found, str) else describe(found)


def _field(found: Json) -> str:
    match found:
        case {"ndarray": dict()}:
            return _array(found)
        case [str(item)] if item in _FIELD_TYPES:
            return f"[{item}]"
        case str() if found in _FIELD_TYPES:
            return found
        case _:
            return ""


def _member(found: Json) -> str:
    match found:
        case {"ndarray": dict()}:
            return _array(found)
        case dict():
            types = {name: _field(kind) for name, kind in found.items()}
            return "json" if not types or "" in types.values() else _flow(types)
        case list():
            return "json"
        case _ if found in _JSON_ONLY:
            return "json"
        case _:
            return "bytes" if found == "unknown" else str(found)


def _array(found: Json) -> str:
    match found:
        case {"ndarray": {"dtype": str(dtype), "shape": list(shape)}} if dtype in DTYPES:
            return f"{{ndarray: {{dtype: {dtype}, shape: {_shape(shape)}}}}}"
        case _:
            return "ndarray"


def _shape(shape: list[Json]) -> str:
    return f"[{', '.join('null' if length is None else str(length) for length in shape)}]"


def _flow(types: Mapping[str, str]) -> str:
    """Write a map in YAML's flow style."""
    pairs = [f"{_key(name)}: {kind}" for name, kind in types.items()]
    return f"{{{', '.join(pairs)}}}"


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"
