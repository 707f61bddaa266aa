"""`fields:` of a schema, as the JSON Schema that readers of its records understand."""

import pytest
from jsonschema import Draft7Validator

from atpub.atproto.data import Json, JsonObject
from atpub.manifest.arrays import NDARRAY
from atpub.manifest.fields import DRAFT, TYPES, json_schema

BYTES: JsonObject = {"type": "string", "format": "byte", "contentEncoding": "base64"}


@pytest.mark.parametrize(
    ("written", "kind", "required"),
    [
        ("string", {"type": "string"}, True),
        ("integer", {"type": "integer"}, True),
        ("number", {"type": "number"}, True),
        ("boolean", {"type": "boolean"}, True),
        ("bytes", BYTES, True),
        ("ndarray", {"$ref": NDARRAY}, True),
        ("string?", {"type": "string"}, False),
        ("ndarray?", {"$ref": NDARRAY}, False),
        ("[string]", {"type": "array", "items": {"type": "string"}}, True),
        ("[ bytes ]?", {"type": "array", "items": BYTES}, False),
        (["integer"], {"type": "array", "items": {"type": "integer"}}, True),
    ],
)
def test_a_field(written: Json, kind: Json, required: bool) -> None:
    made = json_schema({"x": written})
    assert made.problems == ()
    expected = {"$schema": DRAFT, "type": "object", "properties": {"x": kind}, "required": ["x"] if required else []}
    assert made.content == expected
    Draft7Validator.check_schema(made.content)


def test_fields_keep_their_order() -> None:
    made = json_schema({"image": "ndarray", "label": "integer", "caption": "string?"})
    assert made.content["required"] == ["image", "label"]
    assert list(made.content["properties"] if isinstance(made.content["properties"], dict) else ()) == [
        "image",
        "label",
        "caption",
    ]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("int", "did you mean 'integer'?"),
        ("str?", "did you mean 'string?'?"),
        ("[float32]", "did you mean '[number]'?"),
        ("Strings", "did you mean 'string'?"),
        (["bool"], "did you mean '[boolean]'?"),
        (["string?"], "did you mean '[string]?'?"),
        ("[string", "did you mean '[string]'?"),
        ("string[]", "did you mean '[string]'?"),
        ("number[]?", "did you mean '[number]?'?"),
        ("list[str] | None", "did you mean '[string]?'?"),
        ("Optional[int]", "did you mean 'integer?'?"),
        ("dict[str, int]", "one of string, integer"),
        (["string", "integer"], "a list has items of one type"),
        ("", "one of string"),
        ("?", "one of string"),
        ("[]", "one of string"),
        ([], "one of string"),
        ("datetime", "one of string"),
        ("[[string]]", "did you mean '[string]'?"),
    ],
)
def test_what_is_no_type(written: Json, hint: str) -> None:
    ((name, message, found),) = json_schema({"x": written}).problems
    assert name == ("x",)
    assert message.endswith("is not a type of field")
    assert found.startswith(hint)


def test_no_fields() -> None:
    assert json_schema({}).problems == (((), "a sample needs at least one field", "add `name: type`"),)


def test_every_type_is_made_anew() -> None:
    made = json_schema({name: name for name in TYPES})
    properties = made.content["properties"]
    assert isinstance(properties, dict)
    for name, kind in properties.items():
        assert kind == TYPES[name]
        assert kind is not TYPES[name]
