"""What is left of a manifest without the parts that are not put together rightly, so that checking can go on."""

from atpub.atproto.data import JsonObject
from atpub.manifest.kinds import SECTIONS
from atpub.manifest.structure import Fault, Sound, faults_of_json_schema, name_of, valid_subset
from atpub.text.document import parse
from atpub.text.merge import merge

HEAD = "atpub: 1\nproject: lab\n"


def sound(text: str) -> Sound:
    return valid_subset(merge([parse(HEAD + text, "atpub.yaml")], SECTIONS))


def codes(found: Sound) -> list[str]:
    return [
        f"{problem.place and problem.place.line}:{problem.place and problem.place.column} {problem.code}"
        for problem in found.problems
    ]


def section(found: Sound, name: str) -> JsonObject:
    value = found.value[name]
    assert isinstance(value, dict)
    return value


def test_nothing_is_wrong() -> None:
    found = sound("datasets:\n  digits: {schema: image, blobs: x.tar}\n")
    assert found.problems == ()
    assert found.value == {"atpub": 1, "project": "lab", "datasets": {"digits": {"schema": "image", "blobs": "x.tar"}}}


def test_a_field_that_can_be_spared_goes_alone() -> None:
    found = sound("datasets:\n  digits: {schema: image, blobs: x.tar, tags: one, licence: MIT, xyz: 1, protect: 1}\n")
    assert sorted(codes(found)) == ["4:47 wrong-type", "4:52 unknown-key", "4:66 unknown-key", "4:83 wrong-type"]
    assert section(found, "datasets") == {"digits": {"schema": "image", "blobs": "x.tar"}}


def test_an_entry_goes_with_what_it_needs() -> None:
    found = sound(
        "datasets:\n"
        "  digits: {schema: image, blob: x.tar}\n"
        "  cats: {schema: 5, blobs: x.tar}\n"
        "  dogs: {blobs: x.tar}\n"
        "  birds: 5\n"
        "  good: {schema: image, blobs: x.tar}\n"
    )
    assert list(section(found, "datasets")) == ["good"]
    assert sorted(codes(found)) == ["4:27 unknown-key", "5:18 wrong-type", "6:3 missing-key", "7:10 wrong-type"]


def test_what_depends_on_a_broken_part_goes_with_it() -> None:
    found = sound(
        "lexicons: {pth: x}\nrecords: {a: {collection: org.lab.x, value: {}}}\nenvironments: {a: {account: 5}, b: {}}\n"
    )
    assert set(found.value) == {"atpub", "project", "environments"}
    assert found.value["environments"] == {"a": {}, "b": {}}


def test_defaults_stand_in_for_what_is_required() -> None:
    text = "defaults: {datasets: {schema: image}}\ndatasets:\n  digits: {blobs: x.tar}\n"
    assert sound(text).problems == ()
    assert codes(sound(text.replace("datasets: {schema", "labels: {dataset"))) == ["5:3 missing-key"]


def test_broken_defaults() -> None:
    entry = "datasets:\n  digits: {schema: image, blobs: x.tar}\n"
    spare = sound("defaults: {datasets: {tags: 5}}\n" + entry)
    assert (spare.value["defaults"], "datasets" in spare.value) == ({}, True)
    needed = sound("defaults: {datasets: {schema: 5}}\n" + entry)
    assert (needed.value["defaults"], "datasets" in needed.value) == ({}, False)


def test_the_value_that_was_given_is_left_as_it_is() -> None:
    bundle = merge([parse(f"{HEAD}datasets:\n  digits: {{schema: image, blobs: x.tar, tags: 5}}\n", "a")], SECTIONS)
    before = repr(bundle.value)
    assert len(valid_subset(bundle).problems) == 1
    assert repr(bundle.value) == before


def test_names() -> None:
    assert name_of(()) == "the manifest"
    assert name_of(("policy", "max_delete")) == "policy.max_delete"
    assert name_of(("datasets",)) == "datasets"
    assert name_of(("datasets", "digits")) == "datasets/digits"
    assert name_of(("datasets", "digits", "tags", 0)) == "datasets/digits.tags[0]"
    assert name_of(("datasets", "digits", "a b", "c")) == 'datasets/digits["a b"].c'
    assert name_of(("datasets", "a\nb", "c")) == "datasets/a\\nb.c"


def test_json_schemas() -> None:
    assert list(faults_of_json_schema({"type": "object", "properties": {"a": {"type": ["string", "null"]}}})) == []
    assert list(faults_of_json_schema({"$schema": "http://json-schema.org/draft-07/schema"})) == []
    assert list(faults_of_json_schema({"$schema": "http://json-schema.org/draft-07/schema#", "x-own": {"a": 1}})) == []
    (fault,) = faults_of_json_schema({"properties": {"a": {"type": "strng"}}})
    assert isinstance(fault, Fault)
    assert fault.steps == ("properties", "a", "type")
    assert fault.hint == "did you mean 'string'?"
    (other,) = faults_of_json_schema({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": 5})
    assert other.steps == ("$schema",)
