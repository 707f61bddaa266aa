"""Answers stay within their limits, and show what is invisible."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atpub.agents.answers import LARGEST, LONGEST_TEXT, Answer, limit_json
from atpub.atproto.data import Json, JsonObject

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=30,
)


def nested(depth: int) -> Json:
    value: Json = "deep"
    for _ in range(depth):
        value = [value]
    return value


def test_a_small_answer_is_as_it_is() -> None:
    document: JsonObject = {"a": [1, None, True, {"b": "line\nline"}], "c": "é"}
    assert limit_json(document) == document


@pytest.mark.slow
@pytest.mark.parametrize(
    "document",
    [
        {"text": "x" * 10_000_000},
        {"texts": ["x" * 1_000] * 10_000},
        {"changes": [{"value": {"texts": ["x" * 500] * 50}}] * 5_000},
        {f"key{number}": "x" for number in range(100_000)},
        {"k" * 1_000_000: 1},
        {"deep": nested(900)},
        {"wide": [[["x" * 100] * 100] * 100] * 5},
        {"\u202e" * 5_000: ["\U000e0041" * 500] * 500},
    ],
)
def test_a_large_answer_fits(document: JsonObject) -> None:
    assert len(json.dumps(limit_json(document))) <= LARGEST


def test_what_is_left_out_is_counted() -> None:
    texts: list[Json] = ["x"] * 700
    found = limit_json({"changes": [{"value": texts}, *({} for _ in range(999))]})
    assert found["not_shown"] == {"changes": 500, "changes[].value": 200}


def test_invisible_characters_are_shown_in_texts_keys_and_values() -> None:
    hidden = "a\u202eb\U000e0049c\ud800d\x1b[31m"
    answer = Answer(hidden, {hidden: [hidden]}).limit()
    for text in (answer.text, json.dumps(answer.data, ensure_ascii=False)):
        assert text.isprintable()
        text.encode()
    assert len(Answer("x" * 1_000_000, {}).limit().text) < LONGEST_TEXT + 100


@pytest.mark.slow
@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=5))
def test_any_document_is_limited(document: JsonObject) -> None:
    text = json.dumps(limit_json(document), ensure_ascii=False)
    assert len(text) <= LARGEST
    text.encode()
