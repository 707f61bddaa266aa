"""The JSON Schema of lexicon files: it accepts what the parser accepts, and refuses what JSON Schema can express."""

import json
import re
from pathlib import Path
from typing import Any

import lexrpc  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # only its lexicons are used
import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from tests.atproto.lexicon.strategies import LEXICON
from tests.atproto.lexicon.tables import lexicon, table

from atpub.atproto import data
from atpub.atproto.data import Json
from atpub.atproto.lexicon.keywords import words_of
from atpub.atproto.lexicon.parse import parse
from atpub.errors import InvalidInput
from atpub.lexicon_tools.file_schema import lexicon_schema
from atpub.lexicon_tools.keyword_texts import KEYWORD_TEXTS, TYPE_TEXTS

SCHEMA: Any = lexicon_schema()
VALIDATOR: Any = Draft202012Validator(SCHEMA)
PUBLISHED = Path(lexrpc.__file__).parent / "lexicons"
OURS = Path(__file__).parents[2] / "lexicons"

# Between names, between numbers, and of texts beyond a regular expression.
NOT_EXPRESSIBLE = re.compile(
    r"is not one of the properties|is more than m|the \$type of a record"
    r"|\.(default|const|enum): .+(at most|is not one of|is not a valid)"
)


def refusals(document: Json) -> list[str]:
    return [f"{error.json_path} {error.validator}" for error in VALIDATOR.iter_errors(document)]


def errors(document: Json) -> list[str]:
    try:
        parse(document, "thing.json")
    except InvalidInput as error:
        return [problem.message for problem in error.problems if problem.severity == "error"]
    return []


def documents() -> list[Json]:
    """The lexicons of the tables, valid ones and others."""
    parsed = [
        case.get("lexicon", lexicon(case.get("defs"))) for cases in table("parse.yaml").values() for case in cases
    ]
    interop = table("interop.yaml")
    return [*parsed, *interop["lexicons that are valid"], *interop["lexicons that are invalid"]]


def test_it_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    names = re.findall(r'"#/\$defs/([^"]+)"', json.dumps(SCHEMA))
    assert {*names} == {*SCHEMA["$defs"]}


def test_valid_lexicons_are_accepted_and_others_refused_where_json_schema_can() -> None:
    for document in documents():
        found = errors(document)
        if not found:
            assert refusals(document) == [], document
        elif not all(map(NOT_EXPRESSIBLE.search, found)):
            assert refusals(document), (document, found)


@pytest.mark.slow
def test_published_lexicons_are_accepted() -> None:
    files = sorted([*PUBLISHED.rglob("*.json"), *OURS.rglob("*.json")])[::3]  # all are, and take seven seconds
    assert len(files) > 200
    assert [file for file in files if refusals(data.loads(file.read_bytes()))] == []


@pytest.mark.parametrize(
    ("defs", "path"),
    [
        ({"main": {"type": "record", "record": {"type": "object"}}}, "$.defs.main required"),
        ({"main": {"type": "record", "key": "literal:..", "record": {"type": "object"}}}, "$.defs.main.key anyOf"),
        ({"a": {"type": "object", "properties": {"b": {"type": "number"}}}}, "$.defs.a.properties.b.type anyOf"),
        ({"a": {"type": "array", "items": {"type": "ref", "ref": "a b"}}}, "$.defs.a.items.ref pattern"),
        ({"a": {"type": "record", "key": "tid", "record": {"type": "object"}}}, "$.defs.a.type anyOf"),
    ],
)
def test_a_mistake_is_refused_at_its_place(defs: Json, path: str) -> None:
    assert refusals(lexicon(defs)) == [path]


def test_types_of_later_versions_are_accepted() -> None:
    assert refusals(lexicon({"a": {"type": "object", "properties": {"b": {"type": "space"}}}})) == []
    assert refusals(lexicon({"a": {"type": "string", "format": "space-ref"}})) == []


def test_every_word_is_described_once() -> None:
    parts = [SCHEMA, *SCHEMA["$defs"].values()]
    parts += [branch["then"] for part in parts for branch in part.get("allOf", ()) if "then" in branch]
    words = {word for part in parts for word in part.get("properties", ())}
    kinds = {*SCHEMA["$defs"], "lexicon"} & {*TYPE_TEXTS}
    assert kinds == {*TYPE_TEXTS}
    assert {word for kind in kinds for word in words_of(kind)} <= words
    assert {name.rpartition(".")[2] for name in KEYWORD_TEXTS} == words


@pytest.mark.slow
@settings(max_examples=50)
@given(LEXICON)
def test_what_the_parser_accepts_is_accepted(part: Json) -> None:
    document = lexicon({"main": part, "a": part})
    if '": null' not in json.dumps(document) and not errors(document):
        assert refusals(document) == []
