"""JSON files, read with the place of every part: the value is the standard library's, the places are the text's."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.atproto.data import Json
from atpub.errors import InvalidInput
from atpub.problems import Problem
from atpub.text.document import Document
from atpub.text.json_document import parse_json, place_problems
from atpub.text.source import Source
from atpub.text.spans import Steps

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def parse(text: str) -> Document:
    return parse_json(Source("x.json", text))


def problem(text: str) -> Problem:
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    (found,) = caught.value.problems
    return found


def parts(value: Json, steps: Steps = ()) -> Iterator[tuple[Steps, Json]]:
    yield steps, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from parts(item, (*steps, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from parts(item, (*steps, index))


@pytest.mark.slow
@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_part_is_at_its_place(value: Json, indent: int | str | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    document = parse(text)
    assert json.dumps(document.value) == json.dumps(json.loads(text, parse_float=whole))
    for steps, part in parts(value):
        assert document.has(steps)
        found, _ = json.JSONDecoder().raw_decode(text, document.offset(steps))
        assert found == part
        if steps and isinstance(steps[-1], str):
            key, _ = json.JSONDecoder().raw_decode(text, document.offset(steps, of="key"))
            assert key == steps[-1]


def whole(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def test_whole_floats_are_integers_as_on_a_pds() -> None:
    assert parse('[1.0, 1e2, 1.5, "1.0"]').value == [1, 100, 1.5, "1.0"]
    assert [type(item) for item in parse("[1.0, 2.5]").value or []] == [int, float]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ('{"a": 1,}', "1:8", "json-syntax"),
        ('{\n "a": [1,\n 2,\n]}', "3:3", "json-syntax"),
        ("{'a': 1}", "1:2", "json-syntax"),
        ('{"a" 1}', "1:6", "json-syntax"),
        ('{"a": 1} x', "1:10", "json-syntax"),
        ("", "1:1", "json-syntax"),
        ("# a comment\n{}", "1:1", "json-syntax"),
        ('{"a": NaN}', "1:7", "json-syntax"),
        ("[1, -Infinity]", "1:5", "json-syntax"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "1:24", "duplicate-key"),
        ('{"a": "\n"}', "1:8", "json-syntax"),
        ("[" * 200 + "]" * 200, "1:102", "too-deep"),
        ("[" * 100_000, "1:1", "json-syntax"),
        ("1" * 5000, "1:1", "json-syntax"),
    ],
)
def test_what_is_no_json(text: str, place: str, code: str) -> None:
    found = problem(text)
    assert (str(found.place), found.code) == (f"x.json:{place}", code)
    assert found.message
    assert found.hint


def test_an_empty_file_is_told_as_one() -> None:
    assert problem(" \n").message == "the file is empty"


def test_problems_with_a_path_get_their_place() -> None:
    document = parse('{"a": {"b c": [1, {"d": 2}]},\n "e": 5}')
    paths = [(), ("a",), ("a", "b c", 1, "d"), ("a", "b c", 0), ("e",), ("missing", "deep")]
    found = place_problems([Problem("x", "wrong", path=path) for path in paths], document)
    assert [str(item.place).removeprefix("x.json:") for item in found] == [
        "1:1",
        "1:7",
        "1:25",
        "1:16",
        "2:7",
        "1:1",
    ]
