"""Cases equivalent to the public interop fixtures for lexicons and record data, and where those go beyond the text."""

from typing import Any

import pytest
from pydantic import ValidationError
from tests.atproto.lexicon.tables import MAIN, THING, lexicon, table
from tests.codegen.packages import generated

from atpub.atproto.data import Json, cid_of
from atpub.atproto.lexicon.formats import valid_key
from atpub.atproto.lexicon.link import link
from atpub.atproto.lexicon.model import Lexicons, Name
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.lexicon.validate import validate
from atpub.errors import InvalidInput, InvalidRecord
from atpub.problems import Problem

TABLE = table("interop.yaml")


def read(defs: Json) -> tuple[Lexicons, list[Problem]]:
    """The lexicon with these definitions, and the warnings that come of it."""
    found = parse(lexicon(defs), "thing.json")
    linked = link([("thing.json", found)])
    return linked, [*found.warnings, *linked.warnings]


@pytest.mark.parametrize("document", TABLE["lexicons that are valid"])
def test_a_valid_lexicon(document: Json) -> None:
    found = parse(document, "thing.json")
    assert {warning.code for warning in found.warnings} <= {"outside-namespace"}
    assert link([("thing.json", found)]).by_nsid.keys() == {THING}


@pytest.mark.parametrize("document", TABLE["lexicons that are invalid"])
def test_an_invalid_lexicon(document: Json) -> None:
    with pytest.raises(InvalidInput):
        parse(document, "thing.json")


@pytest.fixture(scope="module")
def kind(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The class that is generated from the table's definitions."""
    documents = {THING: lexicon(TABLE["definitions"])}
    return generated(documents, "interop_record", tmp_path_factory.mktemp("record")).module("com.example.thing").Thing


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same in the style pydantic."""
    documents = {THING: lexicon(TABLE["definitions"])}
    package = generated(documents, "interop_model", tmp_path_factory.mktemp("model"), style="pydantic")
    return package.module("com.example.thing").Thing


def record(fields: dict[str, Any]) -> dict[str, Any]:
    found = {"$type": str(THING), "count": 1, **fields}
    return {name: value for name, value in found.items() if (name, value) != ("count", None)}


@pytest.mark.parametrize("fields", TABLE["records that are valid"])
def test_a_valid_record(fields: dict[str, Any], kind: Any, model: Any) -> None:
    linked, _ = read(TABLE["definitions"])
    assert validate(linked, MAIN, record(fields)) == ()
    assert cid_of(kind.from_json(record(fields)).check().to_json()) == cid_of(record(fields))
    assert cid_of(model.model_validate(record(fields)).to_json()) == cid_of(record(fields))


@pytest.mark.parametrize("fields", TABLE["records that are invalid"], ids=repr)
def test_an_invalid_record(fields: dict[str, Any], kind: Any, model: Any) -> None:
    linked, _ = read(TABLE["definitions"])
    (name,) = fields
    found = validate(linked, MAIN, record(fields))
    assert found
    assert {violation.path[0] for violation in found} == {name}
    with pytest.raises(InvalidRecord):
        kind.from_json(record(fields))
    with pytest.raises(ValidationError):
        model.model_validate(record(fields))


@pytest.mark.parametrize("part", TABLE["methods"])
def test_what_a_method_takes(part: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    case = TABLE["methods"][part]
    documents = {THING: lexicon({"main": case["definition"]})}
    package = generated(documents, f"interop_{part}", tmp_path_factory.mktemp(part))
    taken = getattr(package.module("com.example.thing").METHOD, part)
    for value in case["valid"]:
        assert taken.from_json(value).check().to_json() == value
    for value in case["invalid"]:
        with pytest.raises(InvalidRecord):
            taken.from_json(value)


def test_the_record_key() -> None:
    linked, _ = read(TABLE["definitions"])
    main = linked.record(THING)
    assert main
    assert valid_key(main.key, "self")
    assert not valid_key(main.key, "other")


@pytest.mark.parametrize("case", TABLE["decisions"].values(), ids=TABLE["decisions"])
def test_what_goes_beyond_the_text_is_read_with_a_warning(case: dict[str, Any]) -> None:
    assert len(case["because"]) > 40
    linked, warnings = read({"part": case["definition"], "token": {"type": "token"}})
    assert [(problem.message, problem.severity) for problem in warnings] == [
        (text, "warning") for text in case["warns"]
    ]
    for value in case["valid"]:
        assert validate(linked, Name(THING, "part"), value) == ()
    for value in case["invalid"]:
        assert validate(linked, Name(THING, "part"), value)


def test_a_record_without_a_type_is_read_with_a_warning() -> None:
    case = TABLE["a record without a type"]
    linked, warnings = read({"main": case["definition"]})
    assert [problem.message for problem in warnings] == case["warns"]
    assert [problem.severity for problem in warnings] == ["warning"]
    assert validate(linked, MAIN, {"$type": str(THING), "a": "text"})
