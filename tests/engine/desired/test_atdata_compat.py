"""What atdata cannot read, or reads as something else."""

from __future__ import annotations

from typing import Any

import pytest

from atpub.atproto.data import JsonObject
from atpub.engine.desired.atdata_compat import check_sample_schema
from atpub.manifest.arrays import NDARRAY
from atpub.manifest.fields import json_schema

ORDERS: list[tuple[dict[str, str], list[str]]] = [
    ({"a": "string", "b": "string"}, []),
    ({"a": "string", "b": "string?"}, []),
    ({"a": "string?", "b": "string"}, ["a"]),
    ({"b": "string?", "a": "string"}, []),
    ({"long_name": "string", "opt": "string?"}, ["opt"]),
    ({"opt": "string?", "long_name": "string"}, ["opt"]),
    ({"long_name": "string?", "req": "string"}, []),
    ({"ö": "string?", "zzz": "string"}, ["ö"]),
    ({"é": "string", "zz": "string?"}, ["zz"]),
    ({"a": "string?", "b": "string?", "c": "string"}, ["a", "b"]),
    ({"a": "string?", "b": "string", "c": "string?"}, ["a"]),
    ({"a": "string?"}, []),
]


@pytest.mark.parametrize(("fields", "unreadable"), ORDERS)
def test_order(fields: dict[str, Any], unreadable: list[str]) -> None:
    """An optional field that a repository stores before a required one: shorter first, in bytes, then by bytes."""
    findings = [item for item in check_sample_schema(json_schema(fields).content) if item.code == "unreadable-order"]
    assert [item.steps[-1] for item in findings] == unreadable
    for item in findings:
        assert item.severity == "error"
        assert item.steps[0] == "properties"
        assert "required" in item.hint
        assert "longer" in item.hint


KINDS: list[tuple[JsonObject, str]] = [
    ({"type": "string"}, ""),
    ({"type": "integer"}, ""),
    ({"type": "number"}, ""),
    ({"type": "boolean"}, ""),
    ({"type": "string", "format": "byte", "contentEncoding": "base64"}, ""),
    ({"$ref": NDARRAY}, ""),
    ({"type": "array", "items": {"type": "integer"}}, ""),
    ({"$ref": "#/definitions/x"}, "follow no $ref"),
    ({"type": "array", "items": {"$ref": NDARRAY}}, "list of ndarrays"),
    ({"type": "array"}, "what it holds"),
    ({"type": "string", "enum": ["a", "b"]}, "enum"),
    ({"type": ["string", "null"]}, "several types"),
    ({"type": "object", "properties": {}}, "nested objects"),
    ({"type": "array", "items": {"type": "object"}}, "nested objects"),
    ({"type": "array", "items": {"type": "string", "enum": ["a"]}}, "enum"),
    ({"type": "null"}, "'null'"),
    ({}, "None"),
]


@pytest.mark.parametrize(("kind", "words"), KINDS)
def test_types(kind: JsonObject, words: str) -> None:
    content: JsonObject = {"type": "object", "properties": {"x": kind}, "required": ["x"]}
    findings = check_sample_schema(content)
    assert len(findings) == bool(words)
    for item in findings:
        assert (item.code, item.severity, item.steps) == ("lossy-type", "warning", ("properties", "x"))
        assert words in item.message
        assert item.hint


def test_an_optional_ndarray_stays_bytes() -> None:
    (finding,) = check_sample_schema(json_schema({"x": "string", "image": "ndarray?"}).content)
    assert (finding.code, finding.severity, finding.steps) == ("lossy-type", "warning", ("properties", "image"))
    assert "raw bytes" in finding.message
    assert "required" in finding.hint


@pytest.mark.parametrize(
    "content",
    [{}, {"type": "object"}, {"type": "object", "properties": {}}, {"properties": {"x": {}}}, {"type": "string"}],
)
def test_a_sample_is_an_object(content: JsonObject) -> None:
    (finding,) = check_sample_schema(content)
    assert (finding.code, finding.severity) == ("not-a-sample", "error")


def test_every_way_to_write_fields_is_readable() -> None:
    written: JsonObject = {
        "a": "string", "b": "integer", "c": "number", "d": "boolean", "e": "bytes", "f": "ndarray",
        "g": ["string"], "h": "[bytes]", "o": "string?", "p": "[integer]?",
    }  # fmt: skip
    made = json_schema(written)
    assert made.problems == ()
    assert check_sample_schema(made.content) == ()


@pytest.mark.parametrize("shim", ["atdata-dataframe", "atdata-sparse-bytes"])
def test_shims_that_are_bytes_are_not_taken_for_strings(shim: str) -> None:
    reference = f"https://json-schema.alt.science/schemas/{shim}/1.0.0#/$defs/value"
    content: JsonObject = {"type": "object", "properties": {"frame": {"$ref": reference}}, "required": ["frame"]}
    assert check_sample_schema(content) == ()
