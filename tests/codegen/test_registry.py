"""Records of any class of a package, or of several packages, loaded by their `$type`."""

import sys
from pathlib import Path

import pytest
from tests.codegen.packages import GeneratedPackage, generated

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.runtime import load_record
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidRecord


def lexicon(nsid: str) -> dict[Nsid, Json]:
    record: Json = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    main: Json = {"type": "record", "key": "any", "record": record}
    return {Nsid(nsid): {"lexicon": 1, "id": nsid, "defs": {"main": main, "part": {"type": "object"}}}}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> GeneratedPackage:
    folder = tmp_path_factory.mktemp("registry")
    return generated({**lexicon("org.lab.note"), **lexicon("org.lab.class")}, "registered_lab", folder)


def test_a_record_is_loaded_by_its_type(lab: GeneratedPackage) -> None:
    value: JsonObject = {"$type": "org.lab.note", "a": "x"}
    package = lab.module()
    assert "registered_lab.org.lab.note" not in sys.modules
    loaded = package.load(value)
    assert "registered_lab.org.lab.class_" not in sys.modules
    assert isinstance(loaded, lab.module("org.lab.note").Note)
    assert package.load({"$type": "org.lab.class", "a": "x"}).to_json()["a"] == "x"


def test_every_record_of_a_package(everything: GeneratedPackage) -> None:
    found = {nsid: everything.module().LEXICONS.record(nsid) for nsid in everything.module().LEXICONS.records}
    assert {*found} == {nsid for nsid in everything.lexicons.by_nsid if everything.lexicons.record(nsid)}
    assert all(nsid == kind.NSID for nsid, kind in found.items())


def test_records_of_several_packages(lab: GeneratedPackage, tmp_path: Path) -> None:
    other = generated({**lexicon("org.other.page"), **lexicon("org.lab.note")}, "registered_other", tmp_path)
    packages = lab.module().LEXICONS, other.module().LEXICONS
    assert (
        type(load_record({"$type": "org.other.page", "a": "x"}, *packages)).__module__
        == "registered_other.org.other.page"
    )
    assert type(load_record({"$type": "org.lab.note", "a": "x"}, *packages)).__module__ == "registered_lab.org.lab.note"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"$type": "org.lab.nota"}, "$.$type: no lexicon for 'org.lab.nota' is at hand (lexicon; record)"),
        ({"$type": "org.lab.note#main"}, "$.$type: 'org.lab.note#main' is written without #main ($type; record)"),
        ({"$type": "org.lab.note#part"}, "$.$type: no lexicon for 'org.lab.note#part' is at hand (lexicon; record)"),
        ({"$type": 7}, "$: a record is an object with a $type ($type; record)"),
        ({"a": "x"}, "$: a record is an object with a $type ($type; record)"),
        ([], "$: a record is an object with a $type ($type; record)"),
        ({"$type": "org.lab.note"}, "$.a: is required and missing (required; org.lab.note)"),
    ],
    ids=repr,
)
def test_what_is_no_record_of_the_package(lab: GeneratedPackage, value: Json, message: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        lab.module().load(value)
    assert [problem.message for problem in caught.value.problems] == [message]


def test_a_misspelt_type_has_a_suggestion(lab: GeneratedPackage) -> None:
    with pytest.raises(InvalidRecord, match=r"did you mean 'org\.lab\.note'"):
        lab.module().load({"$type": "org.lab.nota"})


def test_a_package_without_records_has_no_registry(tmp_path: Path) -> None:
    main: Json = {"type": "object", "properties": {}}
    package = generated(
        {Nsid("org.lab.part"): {"lexicon": 1, "id": "org.lab.part", "defs": {"main": main}}}, "partial", tmp_path
    )
    assert not hasattr(package.module(), "load")
