"""The first sample of a shard against the schema of its dataset: every contradiction, and none where there is none."""

import re

import pytest

from atpub.atproto.data import Json, JsonObject
from atpub.engine.desired.sample_check import Contradiction, check_sample, check_shards
from atpub.manifest.fields import json_schema
from atpub.manifest.members import members_schema
from atpub.shards.sample_types import SampleTypes

ARRAY: JsonObject = {"ndarray": {"dtype": "float32", "shape": [2, 8]}}


def packed(**fields: Json) -> SampleTypes:
    return SampleTypes("0", {"msgpack": "msgpack"}, fields)


def of_field(written: Json, found: Json) -> list[Contradiction]:
    return list(check_sample(json_schema({"x": written}).content, packed(x=found)))


def of_member(written: Json, found: Json) -> list[Contradiction]:
    return list(check_sample(members_schema({"x": written}).content, SampleTypes("0", {"x": found})))


def array(**declared: Json) -> JsonObject:
    return {"ndarray": declared}


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("integer", "integer"),
        *((kind, "bytes") for kind in ("sparse", "arrow", "safetensors", "dataframe")),
        ("structured", {"ndarray": {"dtype": "void", "shape": [3]}}),
        ("number", "integer"),
        ("number", "number"),
        ("string", "string"),
        ("boolean", "boolean"),
        ("bytes", "bytes"),
        ("bytes", ARRAY),
        ("string?", "null"),
        ("[string]", ["string"]),
        ("[number]", ["integer"]),
        ("[bytes]", ["bytes"]),
        ("[integer]", []),
        ("ndarray", ARRAY),
        (array(dtype="float32"), ARRAY),
        (array(shape=[2, 8]), ARRAY),
        (array(shape=[None, 8], dtype="float32"), ARRAY),
        ("integer", "extension"),
    ],
)
def test_fields_that_fit(written: Json, found: Json) -> None:
    assert of_field(written, found) == []


@pytest.mark.parametrize(
    ("written", "found", "line"),
    [
        ("integer", "number", "fields: {x: number}"),
        ("integer", "string", "fields: {x: string}"),
        ("integer", "boolean", "fields: {x: boolean}"),
        ("string", "integer", "fields: {x: integer}"),
        ("string", "bytes", "fields: {x: bytes}"),
        ("string", "null", "correct the shards"),
        ("bytes", "string", "fields: {x: string}"),
        ("[string]", ["integer"], "fields: {x: [integer]}"),
        ("[string]", "string", "fields: {x: string}"),
        ("string", ["string"], "fields: {x: [string]}"),
        ("string", "object", "correct the shards"),
        ("ndarray", "bytes", "fields: {x: bytes}"),
        ("structured", "bytes", "fields: {x: bytes}"),
        ("sparse", "string", "fields: {x: string}"),
        ("ndarray", ["number"], "fields: {x: [number]}"),
        ("number", ARRAY, "fields: {x: {ndarray: {dtype: float32, shape: [2, 8]}}}"),
        (array(dtype="float64"), ARRAY, "dtype: float32"),
        (array(shape=[8]), ARRAY, "shape: [2, 8]"),
        (array(shape=[3, 8]), ARRAY, "shape: [2, 8]"),
    ],
)
def test_fields_that_do_not_fit(written: Json, found: Json, line: str) -> None:
    (wrong,) = of_field(written, found)
    assert (wrong.subject, wrong.code) == ("x", "schema-mismatch")
    assert line in wrong.hint


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("integer", "integer"),
        *(("text", kind) for kind in ("text", "string", "integer", "number", ["integer"], {"a": "integer"})),
        *(("json", kind) for kind in ("string", "integer", "number", "null", ["integer"], {"a": "integer"})),
        *(("bytes", kind) for kind in ("bytes", "text", "image/png", ARRAY)),
        ("image/jpeg", "image/jpeg"),
        ("image/tiff", "bytes"),
        ("audio/x-wav", "audio/wav"),
        *((kind, "unknown") for kind in ("text", "json", "image/png", "integer", "ndarray")),
        ({"a": "integer", "b": "string?"}, {"a": "integer", "c": "object"}),
        ({"a": "number?"}, {"a": "null"}),
        ("ndarray", ARRAY),
    ],
)
def test_members_that_fit(written: Json, found: Json) -> None:
    assert of_member(written, found) == []


@pytest.mark.parametrize(
    ("written", "found", "line"),
    [
        ("integer", "number", "members: {x: json}"),
        ("integer", "text", "members: {x: text}"),
        ("integer", "bytes", "members: {x: bytes}"),
        ("text", "bytes", "members: {x: bytes}"),
        ("text", ARRAY, "members: {x: {ndarray: {dtype: float32, shape: [2, 8]}}}"),
        ("json", "text", "members: {x: text}"),
        ("json", "image/png", "members: {x: image/png}"),
        ("image/jpeg", "image/png", "members: {x: image/png}"),
        ("image/jpeg", "text", "members: {x: text}"),
        ("ndarray", "bytes", "members: {x: bytes}"),
        ({"a": "integer"}, {"a": "string"}, "members: {x: {a: string}}"),
        ({"a": "integer"}, {"b": "integer"}, "members: {x: {b: integer}}"),
        ({"a": "integer"}, {"a": "object"}, "members: {x: json}"),
        ({"a": "integer"}, ["integer"], "members: {x: json}"),
        (array(dtype="int8"), ARRAY, "dtype: float32"),
    ],
)
def test_members_that_do_not_fit(written: Json, found: Json, line: str) -> None:
    (wrong,) = of_member(written, found)
    assert (wrong.subject, wrong.code) == ("x", "schema-mismatch")
    assert line in wrong.hint


def test_the_line_of_a_hint_fits_the_sample() -> None:
    kinds: JsonObject = {
        "jpg": "image/jpeg",
        "0.cls": "integer",
        "feat.npy": ARRAY,
        "json": {"a": "string", "b c": ["integer"]},
    }
    sample = SampleTypes("0", kinds)
    (wrong,) = check_sample(json_schema({"x": "integer"}).content, sample)
    assert "members (0.cls, feat.npy, jpg, json)" in wrong.message
    assert list(check_sample(members_schema(line(wrong)["members"]).content, sample)) == []
    fields = packed(image=ARRAY, label="integer", tags=["string"])
    (wrong,) = check_sample(members_schema({"x": "integer"}).content, fields)
    assert list(check_sample(json_schema(line(wrong)["fields"]).content, fields)) == []


def line(wrong: Contradiction) -> dict[str, JsonObject]:
    import yaml

    (found,) = re.findall(r"`(.*)`", wrong.hint)
    read: dict[str, JsonObject] = yaml.safe_load(found)
    return read


def test_missing_and_undeclared() -> None:
    content = json_schema({"a": "string", "b": "string", "c": "string?", "label": "integer"}).content
    missing, extra = check_sample(content, packed(label="integer", more="number"))
    assert missing.message == "has none of the fields a, b"
    assert extra.message == "has the field 'more', which its schema lacks: readers cannot load it"
    assert (
        list(check_sample(content, SampleTypes("0", {"msgpack": "msgpack"}, {"label": "integer"}, is_complete=False)))
        == []
    )
    content = members_schema({"jpg": "image/jpeg", "cls": "integer", "txt": "text?"}).content
    missing, extra = check_sample(content, SampleTypes("0", {"jpg": "image/jpeg", "feat.npy": ARRAY}))
    assert missing.message == "has no member 'cls'"
    assert extra.code == "undeclared-member"
    assert "members: {feat.npy: {ndarray: {dtype: float32, shape: [2, 8]}}}" in extra.hint
    assert extra.severity == "error"


@pytest.mark.parametrize("name", ["a b", "feat_npy"])
def test_members_that_no_schema_can_declare(name: str) -> None:
    content = members_schema({"feat.npy": "ndarray"}).content
    (extra,) = check_sample(content, SampleTypes("0", {"feat.npy": ARRAY, name: "text"}))
    assert (extra.code, extra.severity) == ("undeclared-member", "warning")


def test_json_schemas_are_checked_by_the_types_of_their_properties() -> None:
    content: JsonObject = {
        "type": "object",
        "properties": {
            "a": {"type": ["string", "null"]},
            "b": {"enum": [1, 2]},
            "c": {"type": "object", "properties": {"d": {"type": "integer"}}},
            "e": {"$ref": "#/definitions/e"},
            "f": {"type": "array"},
            "g": True,
        },
        "required": ["a", "g"],
    }
    sample = packed(a="null", b="integer", c="object", e="string", f=["any"], g="number")
    assert list(check_sample(content, sample)) == []
    (wrong,) = check_sample(content, packed(a="integer", g="null"))
    assert wrong.message == "has an integer as 'a', and its schema wants a string or null"
    assert list(check_sample({"type": "object"}, sample)) == []


def test_one_contradiction_for_all_shards_that_have_it() -> None:
    content = json_schema({"x": "integer"}).content
    shards = [(f"{number}.tar", packed(x="integer" if number == 1 else "string")) for number in range(4)]
    (found,) = check_shards(content, shards)
    assert (found.shard, found.key, found.more) == ("0.tar", "0", 2)
