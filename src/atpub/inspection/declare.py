"""The summary of a field → its type in a manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from keyword import iskeyword
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.manifest.arrays import DTYPES
from atpub.manifest.fields import DRAFT, TYPES, json_schema
from atpub.manifest.members import members_schema
from atpub.shards.field_summary import FieldSummary
from atpub.suggest import short_list

_SIMPLE: Final = frozenset({"integer", "number", "boolean", "string", "bytes"})
_TEXT: Final = frozenset({"text", "integer", "number", "boolean", "string", "null", "object", "list"})
_MIME_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_INTEGERS: Final = frozenset({"cls", "cls2", "class", "count", "index", "inx", "id"})
_TEXTS: Final = frozenset({"txt", "text", "transcript"})
_JSON: Final = frozenset({"json", "jsn"})
_PICKLES: Final = frozenset({"pyd", "pickle", "pkl", "pth"})
_MEDIA: Final = {
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "avi": "video/x-msvideo",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "pdf": "application/pdf",
}
"""The MIME types of binary members that only their extension says."""


class NotDeclarable(Exception):
    """No schema can describe the samples."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """The part of a schema entry that describes samples: `fields`, `members` or `json_schema`, and its value.

    `left_out` are members that no schema can declare, `weakened` the fields that every sample has and that are optional
    all the same, because readers want the optional fields last.
    """

    key: str
    value: JsonObject
    left_out: tuple[str, ...] = ()
    weakened: tuple[str, ...] = ()


def declare_members(members: Mapping[str, FieldSummary], samples: int) -> Declaration:
    """Describe the members that `samples` samples have; raises NotDeclarable where no schema can have one of them."""
    declared: JsonObject = {}
    for name, summary in members.items():
        kind = _mark(_member(name, summary), summary.count < samples)
        if is_utf8(name) and not members_schema({**declared, name: kind}).problems:
            declared[name] = kind
    if not declared:
        raise NotDeclarable(f"no schema can declare the members {short_list([*members])}")
    return Declaration("members", declared, tuple(name for name in members if name not in declared))


def declare_fields(fields: Mapping[str, FieldSummary], samples: int) -> Declaration:
    """Describe the fields of the msgpack maps of `samples` samples: as `fields:`, or where that cannot, JSON Schema.

    Raises NotDeclarable for a field that readers cannot have.
    """
    strange = [name for name in fields if not name.isidentifier() or iskeyword(name)]
    if strange or not fields:
        raise NotDeclarable(f"readers make attributes of fields, and cannot of {short_list(strange) or 'none'}")
    optional = _optional(fields, samples)
    weakened = tuple(name for name in fields if name in optional and not _may_lack(fields[name], samples))
    types = {name: _field(summary) for name, summary in fields.items()}
    known: JsonObject = {name: _mark(kind, name in optional) for name, kind in types.items() if kind is not None}
    if len(known) == len(types):
        return Declaration("fields", known, weakened=weakened)
    properties = json_schema(known).content["properties"] if known else {}
    assert isinstance(properties, dict)
    content: JsonObject = {
        "$schema": DRAFT,
        "type": "object",
        "properties": {name: properties.get(name, _any(fields[name])) for name in types},
        "required": [name for name in sorted(types) if name not in optional],
    }
    return Declaration("json_schema", content, weakened=weakened)


def _optional(fields: Mapping[str, FieldSummary], samples: int) -> Set[str]:
    """Return the fields that are optional, and those that readers then cannot have as required.

    Readers get the fields in the order of their names' lengths, and want the optional ones last.
    """
    stored = sorted(fields, key=lambda name: (len(name.encode()), name.encode()))
    first = next((at for at, name in enumerate(stored) if _may_lack(fields[name], samples)), len(stored))
    return frozenset(stored[first:])


def _may_lack(summary: FieldSummary, samples: int) -> bool:
    return summary.count < samples or summary.nulls > 0


def _mark(kind: Json, is_optional: bool) -> Json:
    """Write a type as optional: `text?`, `{ndarray?: …}`, `{json?: …}`."""
    if not is_optional:
        return kind
    match kind:
        case str():
            return f"{kind}?"
        case [str(item)]:
            return f"[{item}]?"
        case {"ndarray": dict(array)}:
            return {"ndarray?": array}
        case _:
            return {"json?": kind}


def _field(summary: FieldSummary) -> Json:
    """Return the type of a field of a msgpack map; None where `fields:` has none."""
    match summary.types:
        case ({"ndarray": dict(array)},):
            return _array(array)
        case ([str(item)],) if item in _SIMPLE:
            return [item]
        case (str(kind),) if kind in _SIMPLE:
            return kind
        case _:
            return None


def _any(summary: FieldSummary) -> JsonObject:
    match summary.types:
        case ("object",):
            return {"type": "object"}
        case (list(),):
            return {"type": "array"}
        case _:
            return {}


def _member(name: str, summary: FieldSummary) -> Json:
    extension = name.rpartition(".")[2]
    kinds = [*(kind for kind in summary.types if kind != "unknown"), *(["null"] if summary.nulls else [])]
    arrays = [kind for kind in kinds if isinstance(kind, dict)]
    if extension in _PICKLES or not kinds or (arrays and len(kinds) > 1):
        return "bytes"
    if arrays:
        array = arrays[0].get("ndarray")
        return _array(array if isinstance(array, dict) else {})
    types = {kind if isinstance(kind, str) else "list" for kind in kinds}
    if types <= _TEXT:
        return _text_member(extension, types, summary)
    (kind, *others) = types
    if others or not _MIME_TYPE.fullmatch(kind):
        return "bytes" if others else _MEDIA.get(extension, "bytes")
    return kind


def _text_member(extension: str, types: Set[str], summary: FieldSummary) -> Json:
    if types == {"integer"} and extension not in {*_TEXTS, *_JSON}:
        return "integer"
    if "text" in types or extension in {*_TEXTS, *_INTEGERS}:
        return "text"
    if types == {"object"}:
        return _object(summary)
    return "json" if extension in _JSON or types == {"list"} else "text"


def _object(summary: FieldSummary) -> Json:
    """Return the fields of a JSON object that have types; `json` where none has."""
    fields: JsonObject = {}
    for name, inner in summary.fields.items():
        kind = _field(inner)
        if kind is not None and _fits_in_json(kind) and is_utf8(name):
            fields[name] = _mark(kind, bool(inner.nulls) or inner.count < summary.count)
    return fields or "json"


def _fits_in_json(kind: Json) -> bool:
    return kind in (*TYPES, *([name] for name in TYPES)) and kind not in ("bytes", "ndarray")


def is_utf8(name: str) -> bool:
    """Tell whether a name has no half of a surrogate pair, which tar and JSON can hold and YAML cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _array(array: JsonObject) -> Json:
    known: JsonObject = {}
    if array.get("dtype") in DTYPES:
        known["dtype"] = array["dtype"]
    if "shape" in array:
        known["shape"] = array["shape"]
    return {"ndarray": known} if known else "ndarray"
