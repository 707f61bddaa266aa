"""The validator, by a table of lexicons and values; its messages; and what must hold for every value."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.atproto.lexicon.strategies import JSON
from tests.atproto.lexicon.tables import MAIN, linked, table

from atpub.atproto import data
from atpub.atproto.data import DEEPEST, Json, NotInDataModel
from atpub.atproto.lexicon.formats import valid_key
from atpub.atproto.lexicon.model import Array, Integer, Name
from atpub.atproto.lexicon.validate import data_model, judge, validate, validate_record
from atpub.atproto.lexicon.violation import Violation, json_path
from atpub.atproto.syntax import Nsid

CASES = [
    pytest.param(group["defs"], case["value"], case.get("breaks", []), id=f"{title}: {json.dumps(case['value'])[:80]}")
    for title, group in table("validate.yaml").items()
    for case in group["cases"]
]
RECORD: Json = {
    "main": {
        "type": "record",
        "key": "tid",
        "record": {
            "type": "object",
            "properties": {"parts": {"type": "array", "items": {"type": "ref", "ref": "#dims"}}},
        },
    },
    "dims": {
        "type": "object",
        "required": ["width"],
        "properties": {
            "width": {"type": "integer", "minimum": 1, "maximum": 10000},
            "name": {"type": "string", "maxLength": 3, "enum": ["a", "b"]},
        },
    },
}
TREE: Json = {
    "main": {
        "type": "object",
        "properties": {"one": {"type": "union", "refs": ["#main"]}, "two": {"type": "ref", "ref": "#main"}},
    },
}


def rules(violations: tuple[Violation, ...]) -> list[str]:
    return [f"{json_path(violation.path)} {violation.rule}" for violation in violations]


@pytest.mark.parametrize(("defs", "value", "breaks"), CASES)
def test_a_value_breaks_exactly_these_rules(defs: Json, value: Json, breaks: list[str]) -> None:
    assert rules(validate(linked(defs), MAIN, value)) == breaks


@pytest.mark.parametrize(("defs", "value", "breaks"), [case for case in CASES if not case.values[2]])
def test_what_keeps_its_lexicon_can_be_stored(defs: Json, value: Json, breaks: list[str]) -> None:
    if isinstance(value, dict):
        assert data.encode(data.decode(data.encode(value))) == data.encode(value)


def test_messages_say_where_what_and_whose_rule() -> None:
    value: Json = {
        "$type": "com.example.thing",
        "parts": [{"width": 1}, {"width": 0}, {"name": "abcd"}, {"width": "1", "later": 1.5}],
    }
    assert [str(violation) for violation in validate_record(linked(RECORD), value)] == [
        "$.parts[1].width: 0 is outside 1..10000 (range; com.example.thing#dims)",
        "$.parts[2].width: is required and missing (required; com.example.thing#dims)",
        "$.parts[2].name: 4 bytes, at most 3 (maxLength; com.example.thing#dims)",
        "$.parts[2].name: 'abcd' is not one of 'a', 'b' (enum; com.example.thing#dims)",
        "$.parts[3].width: expected an integer, found a string (type; com.example.thing#dims)",
        "$.parts[3].later: 1.5 is a float: records hold integers only (data-model; com.example.thing#dims)",
    ]


def test_a_violation_is_a_problem_without_a_place() -> None:
    problem = validate(linked({"main": {"type": "boolean"}}), MAIN, 1)[0].problem()
    assert (problem.code, problem.place) == ("invalid-record", None)
    assert problem.message == "$: expected a boolean, found an integer (type; com.example.thing)"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"type": "integer"}, "9223372036854775808 does not fit in 64 bits"),
        ({"type": "integer", "minimum": 3}, "9223372036854775808 does not fit in 64 bits"),
        ({"type": "integer", "maximum": 3}, "9223372036854775808, at most 3"),
    ],
)
def test_a_range_is_shown_as_far_as_it_goes(kind: Json, said: str) -> None:
    assert validate(linked({"main": kind}), MAIN, 2**63)[0].message == said


def test_a_long_value_is_not_shown_in_full() -> None:
    violations = validate(linked({"main": {"type": "string", "enum": ["a"]}}), MAIN, "b" * 10_000)
    assert len(violations[0].message) < 120


def test_a_name_that_is_no_plain_word_is_quoted_in_a_path() -> None:
    assert json_path(("a", 0, "b-c", "title:lang", "d e", 'f"', "\x1b[31m", "\ud800", "")) == (
        '$.a[0].b-c.title:lang["d e"]["f\\""]["\\u001b[31m"]["\\ud800"][""]'
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"$type": "com.example.thing"}, []),
        ({"$type": "com.example.other"}, ["$.$type lexicon"]),
        ({"$type": "com.example.thing#main"}, ["$.$type $type"]),
        ({"$type": "com.example.thing#dims"}, ["$.$type lexicon"]),
        ({"$type": "?"}, ["$.$type lexicon"]),
        ({"$type": 1}, ["$ $type"]),
        ({}, ["$ $type"]),
        ([], ["$ $type"]),
        (None, ["$ $type"]),
    ],
)
def test_a_record_is_judged_by_the_lexicon_that_it_names(value: Json, said: list[str]) -> None:
    assert rules(validate_record(linked(RECORD), value)) == said


def test_only_a_record_type_has_records() -> None:
    assert rules(validate_record(linked({"main": {"type": "object"}}), {"$type": "com.example.thing"})) == [
        "$.$type lexicon"
    ]


def test_a_definition_that_is_not_at_hand_is_named() -> None:
    violations = validate(linked(RECORD), Name(Nsid("com.example.absent"), "a"), {})
    assert [str(violation) for violation in violations] == [
        "$: com.example.absent#a is not at hand (ref; com.example.absent#a)"
    ]


def test_a_type_inside_a_definition_can_be_judged_by_itself() -> None:
    violations = judge(linked(RECORD), "com.example.thing", Array(Integer(maximum=3)), [1, 4])
    assert [str(violation) for violation in violations] == ["$[1]: 4, at most 3 (range; com.example.thing)"]


def test_whole_floats_in_json_are_integers() -> None:
    value = data.loads('{"$type": "com.example.thing", "parts": [{"width": 123.0}, {"width": 1e2}, {"width": 1.5}]}')
    assert rules(validate_record(linked(RECORD), value)) == ["$.parts[2].width type"]


@pytest.mark.parametrize("value", ["\ud800", "a\udc00b", "\udc00\ud800"])
def test_half_a_surrogate_pair_is_no_text(value: str) -> None:
    assert rules(validate(linked({"main": {"type": "string"}}), MAIN, value)) == ["$ data-model"]
    assert [violation.rule for violation in data_model({"a": value})] == ["data-model"]
    assert [violation.rule for violation in data_model({value: 1})] == ["data-model"]
    with pytest.raises(NotInDataModel):
        data.encode({"a": value})
    with pytest.raises(NotInDataModel):
        data.encode({value: 1})


@pytest.mark.parametrize("key", ["one", "two"])
@pytest.mark.parametrize("levels", [DEEPEST + 1, 400])
def test_a_value_that_nests_without_end_is_refused(key: str, levels: int) -> None:
    value: Json = {"$type": "com.example.thing"}
    for _ in range(levels):
        value = {"$type": "com.example.thing", key: value}
    assert {violation.rule for violation in validate(linked(TREE), MAIN, value)} == {"depth"}
    assert {violation.rule for violation in data_model(value)} == {"depth"}


def test_a_value_may_nest_as_deep_as_is_sensible() -> None:
    value: Json = {"$type": "com.example.thing"}
    for _ in range(DEEPEST - 1):
        value = {"$type": "com.example.thing", "one": value}
    assert validate(linked(TREE), MAIN, value) == ()
    assert isinstance(data.encode(value), bytes)


@pytest.mark.parametrize(
    ("key", "rkey", "valid"),
    [
        ("tid", "3jzfcijpj2z2a", True),
        ("tid", "self", False),
        ("nsid", "com.example.thing", True),
        ("nsid", "thing", False),
        ("any", "a:b", True),
        ("any", "a/b", False),
        ("any", "..", False),
        ("literal:self", "self", True),
        ("literal:self", "other", False),
        ("literal:a:b", "a:b", True),
    ],
)
def test_a_record_key_fits_its_type(key: str, rkey: str, valid: bool) -> None:
    assert valid_key(key, rkey) is valid


@settings(deadline=None)
@given(JSON)
def test_what_obeys_the_data_model_can_be_stored_and_nothing_else(value: Json) -> None:
    record: Json = {"value": value}
    if not any(data_model(record)):
        assert data.encode(data.decode(data.encode(record))) == data.encode(record)


@settings(deadline=None)
@given(JSON)
def test_any_value_gets_a_verdict(value: Json) -> None:
    lexicons = linked(RECORD)
    assert all(violation.message for violation in validate(lexicons, MAIN, value))
    assert all(violation.message for violation in validate_record(lexicons, value))


@settings(deadline=None)
@given(st.lists(st.text() | st.integers(0), max_size=6))
def test_any_path_can_be_printed(path: list[str | int]) -> None:
    assert json_path(tuple(path)).isascii()


OLD_BLOB = {"cid": "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy", "mimeType": "image/png"}


@pytest.mark.parametrize(
    "value",
    [
        {"any": {"picture": OLD_BLOB}},
        {"any": {"all": [OLD_BLOB]}},
        {"later": OLD_BLOB},
        {"embed": {"$type": "com.example.later", "picture": OLD_BLOB}},
        {"pair": OLD_BLOB},
    ],
)
def test_a_blob_of_the_old_form_is_read_and_not_written_wherever_it_is(value: dict[str, Json]) -> None:
    text: Json = {"type": "string"}
    fields: dict[str, Json] = {
        "any": {"type": "unknown"},
        "embed": {"type": "union", "refs": []},
        "pair": {"type": "object", "properties": {"cid": text, "mimeType": text}},
    }
    record: Json = {"type": "record", "key": "any", "record": {"type": "object", "properties": fields}}
    lexicons = linked({"main": record})
    value = {"$type": "com.example.thing", **value}
    assert validate(lexicons, MAIN, value) == ()
    assert [violation.rule for violation in validate_record(lexicons, value)] == ["data-model"]
