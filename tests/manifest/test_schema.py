"""The manifest's JSON Schema: true to the lexicons, right in itself, and as strict as the loader."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from atpub.atproto.data import Json
from atpub.atproto.syntax import Nsid
from atpub.generated import LEXICONS
from atpub.manifest.kinds import SECTIONS
from atpub.manifest.schema import (
    DATASET_FIELDS,
    LABEL_FIELDS,
    LENS_FIELDS,
    SCHEMA_FIELDS,
    manifest_schema,
)
from atpub.manifest.schema_builder import build_schema
from atpub.text.document import parse

EXAMPLES = sorted((Path(__file__).parents[2] / "manifests").glob("*/atpub.yaml"))
KINDS = {"schemas": "schema", "datasets": "entry", "labels": "label", "lenses": "lens"}
SCHEMA: Any = manifest_schema()
VALIDATOR: Any = Draft202012Validator(SCHEMA)


def errors(value: Any) -> list[str]:
    found = VALIDATOR.iter_errors(value)
    return [f"{error.json_path} {error.validator}" for error in found]


def entry(section: str) -> Any:
    return SCHEMA["$defs"][f"entry:{section}"]


def everything(value: Json) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from everything(item)
    elif isinstance(value, list):
        for item in value:
            yield from everything(item)


def test_its_file_is_up_to_date() -> None:
    """`make reference` writes it."""
    assert build_schema() == SCHEMA


def test_it_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    names = [item["$ref"].removeprefix("#/$defs/") for item in everything(SCHEMA) if "$ref" in item]
    assert set(names) <= SCHEMA["$defs"].keys()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_examples_obey_it(path: Path) -> None:
    assert errors(parse(path.read_text("utf-8"), str(path)).value) == []


@pytest.mark.parametrize("section", sorted(KINDS))
def test_an_entry_has_the_fields_of_its_lexicon(section: str) -> None:
    record = LEXICONS.lexicons.record(Nsid(f"science.alt.dataset.{KINDS[section]}"))
    assert record is not None
    fields = {"schemas": SCHEMA_FIELDS, "datasets": DATASET_FIELDS, "labels": LABEL_FIELDS, "lenses": LENS_FIELDS}
    assert fields[section] <= record.record.properties.keys()
    assert fields[section] <= entry(section)["properties"].keys()
    for name in fields[section]:
        described = record.record.properties[name].description
        assert entry(section)["properties"][name].get("description", described) == described


def test_a_manifest_cannot_give_what_atpub_fills_in() -> None:
    for name in ("schemaRef", "storage"):
        assert name not in entry("datasets")["properties"]
    assert {"schema", "schemaType"}.isdisjoint(entry("schemas")["properties"])


def test_what_a_person_writes_is_described() -> None:
    for section in SECTIONS:
        for name, item in entry(section)["properties"].items():
            assert "description" in item or "$ref" in item or name in ("s3", "getter", "putter"), f"{section}.{name}"
    for name, item in SCHEMA["properties"].items():
        assert "description" in item or name in ("policy", "lexicons"), name


def test_no_map_takes_unknown_keys() -> None:
    for section in SECTIONS:
        assert entry(section)["additionalProperties"] is False
    assert SCHEMA["additionalProperties"] is False
    whole = {"atpub": 1, "project": "lab"}
    assert errors({**whole, "policy": {"x": 1}}) == ["$.policy additionalProperties"]
    assert errors({**whole, "defaults": {"records": {}}}) == ["$.defaults additionalProperties"]


def test_examples_are_of_the_right_form() -> None:
    for item in everything(SCHEMA):
        for example in item.get("examples", ()) if isinstance(item.get("examples"), list) else ():
            validator: Any = Draft202012Validator({**item, "$defs": SCHEMA["$defs"]})
            assert list(validator.iter_errors(example)) == [], example


@pytest.mark.parametrize(
    ("version", "right"),
    [
        ("1.0.0", True),
        ("0.0.0", True),
        ("1.0.0-rc.1", True),
        ("1.0.0+build.5", True),
        ("1.0.0-0a.x-y+z", True),
        ("1.0", False),
        ("v1.0.0", False),
        ("01.0.0", False),
        ("1.0.0-01", False),
        ("1.0.0-", False),
        ("1.0.0\n", False),
        ("１.0.0", False),
    ],
)
def test_versions(version: str, right: bool) -> None:
    value = {
        "atpub": 1,
        "project": "lab",
        "schemas": {"x": {"nsid": "org.lab.x", "version": version, "fields": {"a": "string"}}},
    }
    assert (errors(value) == []) == right


@pytest.mark.parametrize(
    ("project", "right"),
    [
        *((name, True) for name in ("lab", "Lab-data_2.0", "a" * 64)),
        *((name, False) for name in ("a" * 65, "", "-a", "a:b", "a/b", "a b", "lab\n", "ü")),
    ],
)
def test_projects(project: str, right: bool) -> None:
    assert (errors({"atpub": 1, "project": project}) == []) == right


@pytest.mark.parametrize(
    ("limit", "right"),
    [
        *((limit, True) for limit in (0, 3, "0%", "30%", "100%")),
        *((limit, False) for limit in (-1, "101%", "030%", "30", 0.3, "3%\n")),
    ],
)
def test_max_delete(limit: object, right: bool) -> None:
    assert (errors({"atpub": 1, "project": "lab", "policy": {"max_delete": limit}}) == []) == right
