"""`members:` of a schema, as the JSON Schema of samples that are several files of a tar."""

import pytest
from jsonschema import Draft7Validator

from atpub.atproto.data import Json, JsonObject
from atpub.manifest.arrays import NDARRAY
from atpub.manifest.fields import json_schema
from atpub.manifest.members import attribute_name, members_schema, sample_format

BYTES: JsonObject = {"type": "string", "format": "byte", "contentEncoding": "base64"}
JSON: JsonObject = {"contentMediaType": "application/json"}


@pytest.mark.parametrize(
    ("written", "kind", "required"),
    [
        ("image/jpeg", {**BYTES, "contentMediaType": "image/jpeg"}, True),
        ("image/svg+xml?", {**BYTES, "contentMediaType": "image/svg+xml"}, False),
        ("integer", {"type": "integer"}, True),
        ("text", {"type": "string"}, True),
        ("string?", {"type": "string"}, False),
        ("json", JSON, True),
        ("bytes", BYTES, True),
        ("ndarray?", {"$ref": NDARRAY}, False),
        ({"ndarray": {"dtype": "float32", "shape": [8]}}, {"$ref": NDARRAY, "dtype": "float32", "shape": [8]}, True),
        ({"ndarray?": {"shape": [None, 3]}}, {"$ref": NDARRAY, "shape": [None, 3]}, False),
        (
            {"caption": "string", "id": "integer?"},
            {
                **JSON,
                "type": "object",
                "properties": {"caption": {"type": "string"}, "id": {"type": "integer"}},
                "required": ["caption"],
            },
            True,
        ),
        (
            {"json?": {"id": "integer"}},
            {**JSON, "type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
            False,
        ),
    ],
)
def test_a_member(written: Json, kind: JsonObject, required: bool) -> None:
    made = members_schema({"x.y": written})
    assert made.problems == ()
    assert made.content["properties"] == {"x_y": {**kind, "x-atpub-member": "x.y"}}
    assert made.content["required"] == (["x_y"] if required else [])
    assert made.keys == {"x_y": "x.y"}
    assert sample_format(made.content) == "members"
    Draft7Validator.check_schema(made.content)


@pytest.mark.parametrize(
    ("member", "written", "steps", "message", "hint"),
    [
        ("cls", "int", ("cls",), "int is not a type of member", "did you mean 'integer'?"),
        ("jpg", "jpg", ("jpg",), "jpg is not a type of member", "did you mean 'image/jpeg'?"),
        ("cls", "datetime", ("cls",), "datetime is not", "a MIME type"),
        ("cls", 3, ("cls",), "3 is not", "a MIME type"),
        ("JPG", "bytes", ("JPG",), "'JPG' is not the extension", "write 'jpg'"),
        (".jpg", "bytes", (".jpg",), "'.jpg' is not the extension", "write 'jpg'"),
        ("a/jpg", "bytes", ("a/jpg",), "is not the extension", "write what follows the key"),
        ("msgpack", "bytes", ("msgpack",), "holds all fields", "`fields:`"),
        ("json", {"a": "str"}, ("json", "a"), "str is not a type of field", "did you mean 'string'?"),
        ("json", {}, ("json",), "at least one field", "add `name: type`"),
        ("json", {"json?": {"a": "str"}}, ("json", "json?", "a"), "str is not", "did you mean 'string'?"),
        ("npy", {"ndarray": {"dtype": "flaot32"}}, ("npy",), "flaot32 is not a dtype", "did you mean 'float32'?"),
        ("npy", {"ndarray": {"shape": 8}}, ("npy",), "8 is not a shape", "[null, 8]"),
        ("npy", {"ndarray": {"shape": [-1]}}, ("npy",), "[-1] is not a shape", "[null, 8]"),
        ("npy", {"ndarray": {"shape": [True]}}, ("npy",), "is not a shape", "[null, 8]"),
        ("npy", {"ndarray": {"dtyp": "int8"}}, ("npy",), "'dtyp' is not a key", "did you mean 'dtype'?"),
    ],
)
def test_what_is_no_member(member: str, written: Json, steps: tuple[str, ...], message: str, hint: str) -> None:
    ((found, said, advice),) = members_schema({member: written}).problems
    assert found == steps
    assert message in said
    assert hint in advice


def test_members_of_one_attribute_and_none() -> None:
    ((steps, message, _),) = members_schema({"a.b": "text", "a_b": "text"}).problems
    assert (steps, message) == (("a_b",), "'a_b' and 'a.b' are one attribute of a sample")
    assert members_schema({}).problems == (((), "a sample needs at least one member", "add `extension: type`"),)


@pytest.mark.parametrize(
    ("member", "name"), [("jpg", "jpg"), ("feat.npy", "feat_npy"), ("0.jpg", "_0_jpg"), ("class", "class_")]
)
def test_names_of_attributes(member: str, name: str) -> None:
    assert attribute_name(member) == name
    assert name.isidentifier()


def test_a_field_may_declare_dtype_and_shape() -> None:
    made = json_schema({"x": {"ndarray": {"dtype": "float32", "shape": [8]}}, "later": {"ndarray?": {}}})
    assert made.content["properties"] == {
        "x": {"$ref": NDARRAY, "dtype": "float32", "shape": [8]},
        "later": {"$ref": NDARRAY},
    }
    assert made.content["required"] == ["x"]
    ((steps, message, _),) = json_schema({"x": {"caption": "string"}}).problems
    assert (steps, message) == (("x",), "a map is not a type of field")
