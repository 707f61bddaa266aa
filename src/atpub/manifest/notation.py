"""A sample's JSON Schema → the `fields:` or `members:` that declare it: the other direction of fields and members."""

from __future__ import annotations

from collections.abc import Mapping

from atpub.atproto.data import Json, JsonObject
from atpub.manifest.arrays import NDARRAY
from atpub.manifest.fields import TYPES, json_schema
from atpub.manifest.members import MEMBER_KEY, MEMBER_TYPES, member_of, members_schema

_MEDIA = "contentMediaType"


def written_fields(content: JsonObject) -> JsonObject | None:
    """Write a sample's JSON Schema as `fields:`; return None if `fields:` cannot express all of it."""
    fields = _written_properties(content)
    return fields if fields and json_schema(fields).content == content else None


def written_members(content: JsonObject) -> JsonObject | None:
    """Write a sample's JSON Schema as `members:`; return None if `members:` cannot express all of it."""
    properties, required = content.get("properties"), content.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return None
    written = {member_of(name, kind): written_member(kind, name in required) for name, kind in properties.items()}
    members: JsonObject = {member: kind for member, kind in written.items() if kind is not None}
    return members if len(members) == len(properties) and members_schema(members).content == content else None


def written_field(kind: Json, is_required: bool = True) -> Json:
    """Write a property as the type of a field; return None where `fields:` has none."""
    if not isinstance(kind, dict):
        return None
    match kind:
        case {"$ref": ref, **declared} if ref == NDARRAY and declared:
            return {_mark("ndarray", is_required): declared}
        case {"type": "array", "items": dict(items)}:
            name = _name_of(items, TYPES)
            return None if name is None else _mark(f"[{name}]", is_required)
        case _:
            name = _name_of(kind, TYPES)
            return None if name is None else _mark(name, is_required)


def written_member(kind: Json, is_required: bool = True) -> Json:
    """Write a property as the type of a member; return None where `members:` has none."""
    if not isinstance(kind, dict):
        return None
    own = {key: value for key, value in kind.items() if key != MEMBER_KEY}
    media = own.get(_MEDIA)
    if media == "application/json" and "properties" in own:
        fields = _written_properties(own)
        return fields if fields is None or is_required else {"json?": fields}
    if isinstance(media, str) and own == {**TYPES["bytes"], _MEDIA: media}:
        return _mark(media, is_required)
    name = _name_of(own, MEMBER_TYPES)
    return written_field(own, is_required) if name is None else _mark(name, is_required)


def _written_properties(content: JsonObject) -> JsonObject | None:
    properties, required = content.get("properties"), content.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return None
    fields = {name: written_field(kind, name in required) for name, kind in properties.items()}
    return None if None in fields.values() else {**fields}


def _name_of(kind: JsonObject, types: Mapping[str, JsonObject]) -> str | None:
    return next((name for name, known in types.items() if known == kind), None)


def _mark(name: str, is_required: bool) -> str:
    return name if is_required else f"{name}?"
