"""The manifest's JSON Schema with records: collections and fields of lexicons, and placeholders."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from atpub.atproto.data import Json
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.parse import parse
from atpub.errors import InvalidInput
from atpub.generated import LEXICONS
from atpub.generated.science.alt.dataset.lens_verification import LensVerification
from atpub.manifest.lexicon_files import read_unlinked
from atpub.manifest.load import find_lexicons
from atpub.manifest.record_schema import schema_with_records
from atpub.testing import documents

EXAMPLE = Path(__file__).parents[2] / "manifests/records/atpub.yaml"
NOTE = "org.example.note"
PART: Json = {"type": "ref", "ref": "#part"}
FIELDS: Json = {
    "text": {"type": "string", "maxLength": 9, "minGraphemes": 2, "description": "What it says."},
    "at": {"type": "string", "format": "datetime"},
    "about": {"type": "string", "format": "at-uri"},
    "link": {"type": "string", "format": "uri"},
    "mood": {"type": "string", "enum": ["good", "bad"]},
    "kind": {"type": "string", "knownValues": ["org.example.note#long"]},
    "count": {"type": "integer", "minimum": 1},
    "tags": {"type": "array", "items": {"type": "string"}, "maxLength": 2},
    "image": {"type": "blob"},
    "pin": {"type": "ref", "ref": "com.atproto.repo.strongRef"},
    "part": PART,
    "one": {"type": "union", "refs": ["#part", "org.example.absent"], "closed": True},
    "any": {"type": "union", "refs": []},
    "raw": {"type": "bytes"},
    "later": {"type": "space"},
    "gone": {"type": "ref", "ref": "org.example.absent#gone"},
    "createdAt": {"type": "string", "format": "datetime"},
}


def lexicons(fields: Json) -> Lexicons:
    record: Json = {"type": "object", "required": ["text", "createdAt"], "nullable": ["count"], "properties": fields}
    part: Json = {
        "type": "object",
        "required": ["x"],
        "properties": {"x": {"type": "integer"}, "in": {"type": "ref", "ref": "#part"}},
    }
    main: Json = {"type": "record", "key": "tid", "description": "A short note.", "record": record}
    defs: Json = {"main": main, "part": part}
    found = parse({"lexicon": 1, "id": NOTE, "defs": defs}, "note.json")
    return Lexicons({found.id: found}).and_also(LEXICONS.lexicons)


SCHEMA: Any = schema_with_records(lexicons(FIELDS))
VALIDATOR: Any = Draft202012Validator(SCHEMA)


def refused(value: Json, collection: str = NOTE) -> list[str]:
    entry = {"collection": collection, "value": value}
    manifest = {"atpub": 1, "project": "lab", "records": {"x": entry}}
    return [error.json_path.removeprefix("$.records.x.value") or "." for error in VALIDATOR.iter_errors(manifest)]


def test_it_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_collections_are_listed_with_what_they_hold() -> None:
    listed = SCHEMA["$defs"]["entry:records"]["properties"]["collection"]["anyOf"]
    assert {"description": "A short note.", "const": NOTE} in listed
    own = {item["const"] for item in listed if "const" in item}
    assert own == {NOTE, "com.atproto.lexicon.schema", "cx.vmx.matadisco", LensVerification.NSID}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at", "2024-05-01T12:00:00.000Z"),
        ("about", "at://lab.example.org/org.example.note/x"),
        ("about", {"$ref": "datasets/x"}),
        ("link", {"$ref": "datasets/x"}),
        ("mood", "good"),
        ("mood", "${MOOD}"),
        ("kind", "org.example.note#other"),
        ("count", None),
        ("count", {"$literal": 3}),
        ("tags", ["a", {"$ref": "datasets/x"}]),
        ("image", {"$blob": "a.png"}),
        ("image", {"$blob": {"file": "a", "mimeType": "image/png"}}),
        ("image", {"$type": "blob", "ref": {"$link": "bafk"}, "mimeType": "image/png", "size": 3}),
        ("pin", {"$strongRef": "schemas/x"}),
        ("pin", {"uri": "at://did:web:x/a.b.c/d", "cid": "bafy"}),
        ("part", {"x": 1, "in": {"x": 2, "more": True}}),
        ("part", {"$literal": {"x": 1}}),
        ("one", {"$type": "org.example.absent", "anything": 1}),
        ("one", {"$type": "org.example.note#part", "x": 1}),
        ("any", {"$type": "org.example.unheard"}),
        ("raw", {"$bytes": "AA"}),
        ("later", [1]),
        ("gone", "x"),
        ("unnamed", 1),
    ],
)
def test_values_that_a_manifest_may_have(field: str, value: Json) -> None:
    assert refused({"text": "ok", field: value}) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", 3),
        ("text", "x"),
        ("text", "0123456789"),
        ("about", "digits"),
        ("about", {"$reff": "datasets/x"}),
        ("mood", "fine"),
        ("count", 0),
        ("count", "1"),
        ("tags", ["a", "b", "c"]),
        ("tags", [1]),
        ("image", "a.png"),
        ("image", {"$blob": 1}),
        ("pin", {"uri": "at://did:web:x/a.b.c/d"}),
        ("part", {}),
        ("part", {"x": 1, "in": {"x": "2"}}),
        ("one", {"x": 1}),
        ("one", {"$type": "org.example.unheard"}),
        ("one", {"$type": "org.example.note#part"}),
        ("raw", "AA"),
    ],
)
def test_values_that_it_may_not_have(field: str, value: Json) -> None:
    found = refused({"text": "ok", field: value})
    assert found
    assert all(path.startswith(f".{field}") for path in found)


def test_a_required_field_is_missed_except_the_time_that_atpub_fills_in() -> None:
    assert refused({}) == ["."]
    assert refused({"anything": 1}, "org.example.unheard") == []


@pytest.mark.slow
@settings(max_examples=30)
@given(documents(LensVerification))
def test_valid_records_are_accepted(value: Any) -> None:
    assert refused(value, LensVerification.NSID) == []


def test_a_chain_of_references_has_no_end_that_hurts() -> None:
    links: dict[str, Json] = {
        f"d{number}": {"type": "object", "properties": {"a": {"type": "ref", "ref": f"#d{number + 1}"}}}
        for number in range(5000)
    }
    main: Json = {"type": "record", "key": "any", "record": links["d0"]}
    found = parse({"lexicon": 1, "id": NOTE, "defs": {"main": main, **links}}, "note.json")
    schema: Any = schema_with_records(Lexicons({found.id: found}))
    assert f"record:{NOTE}:d5000" in schema["$defs"]


def test_the_lexicons_of_a_manifest_are_found_whatever_else_is_wrong(tmp_path: Path) -> None:
    broken = tmp_path / "atpub.yaml"
    broken.write_text('atpub: 7\nlexicons: {path: lex}\ndatasets: ["${X}"]\n')
    (tmp_path / "lex").mkdir()
    (tmp_path / "lex/bad.json").write_text('{"lexicon": 1, "id": "org.example.bad"}')
    (tmp_path / "lex/far.json").write_text(
        '{"lexicon": 1, "id": "org.example.far", "defs": {"main": {"type": "record", "key": "any", "record": '
        '{"type": "object", "properties": {"a": {"type": "ref", "ref": "org.example.absent"}}}}}}'
    )
    found, warnings = read_unlinked(find_lexicons([broken]))
    assert [*found.by_nsid] == ["org.example.far"]
    assert [(warning.severity, warning.place and Path(warning.place.file).name) for warning in warnings] == [
        ("warning", "bad.json")
    ]


def test_lexicons_outside_of_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "x.json").write_text("{}")
    (tmp_path / "lab/atpub.yaml").write_text("atpub: 1\nlexicons: {path: ..}\n")
    with pytest.raises(InvalidInput, match="outside"):
        read_unlinked(find_lexicons([tmp_path / "lab/atpub.yaml"]))


def test_the_example_obeys_its_schema() -> None:
    own, warnings = read_unlinked(find_lexicons([EXAMPLE]))
    assert [*own.by_nsid, *warnings] == [NOTE, "org.example.profile"]
    loader: Any = yaml.BaseLoader
    value = yaml.load(EXAMPLE.read_text("utf-8"), loader)
    value["atpub"] = 1
    validator: Any = Draft202012Validator(schema_with_records(own.and_also(LEXICONS.lexicons)))
    assert list(validator.iter_errors(value)) == []
    del value["records"]["first-note"]["value"]["text"]
    assert [error.json_path for error in validator.iter_errors(value)] == ["$.records['first-note'].value"]
