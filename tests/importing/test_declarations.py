"""Schemas published from `fields:` and `members:`, and imported: they are written back, and the plan is empty."""

import pytest

from atpub.atproto.data import Json, JsonObject
from atpub.manifest.arrays import BINARY_TYPES
from atpub.manifest.fields import TYPES, array_formats, json_schema
from atpub.manifest.members import MEMBER_TYPES, members_schema
from atpub.manifest.notation import written_fields, written_members

ARRAYS: list[JsonObject] = [
    {"ndarray": {"dtype": "float32"}},
    {"ndarray": {"shape": [None, 8]}},
    {"ndarray?": {"dtype": "uint8", "shape": [0]}},
]
FIELDS: list[Json] = [*TYPES, *(f"{name}?" for name in TYPES), *(f"[{name}]" for name in TYPES), "[string]?", *ARRAYS]
MEMBERS: list[Json] = [
    *(name for name in MEMBER_TYPES if name != "string"),
    *(f"{name}?" for name in MEMBER_TYPES if name != "string"),
    "image/jpeg",
    "audio/x-wav?",
    {"caption": "string", "tags": "[string]?"},
    {"json?": {"id": "integer"}},
    *ARRAYS,
]


@pytest.mark.parametrize("kind", FIELDS, ids=str)
def test_fields_are_written_back(kind: Json) -> None:
    content = json_schema({"x": kind, "other_field": "string"}).content
    assert written_fields(content) == {"x": kind, "other_field": "string"}
    assert written_members(content) is None


@pytest.mark.parametrize("kind", MEMBERS, ids=str)
def test_members_are_written_back(kind: Json) -> None:
    content = members_schema({"feat.x": kind, "cls": "integer"}).content
    assert written_members(content) == {"feat.x": kind, "cls": "integer"}
    assert written_fields(content) is None


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"type": "object", "properties": []},
        {"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}, "required": []},
        {"type": "object", "properties": {"a": {"contentMediaType": "text/html"}}, "required": []},
        {"x-atpub-format": "members", "properties": {"a": {"type": "string"}}, "required": ["b"]},
        {"x-atpub-format": "members", "properties": {"a": True, "b": {"x-atpub-member": 7}}, "required": []},
        {"properties": {"a": {"$ref": 7}, "b": {"type": "array", "items": True}}, "required": [7]},
    ],
)
def test_what_they_cannot_say_is_a_json_schema(content: JsonObject) -> None:
    assert written_fields(content) is None
    assert written_members(content) is None


def test_the_versions_of_formats() -> None:
    content = json_schema({name: name for name in ("ndarray", *BINARY_TYPES)}).content
    assert array_formats(content) == dict.fromkeys(
        ("ndarrayBytes", "sparseBytes", "structuredBytes", "arrowTensor", "safetensors"), "1.0.0"
    )
