"""Whatever a record may hold comes back from its YAML text as it was, and the text reads well."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from atpub.atproto.data import Json
from atpub.text.document import parse
from atpub.text.interpolate import interpolate
from atpub.text.yaml_writer import WIDTH, with_dollars_kept, yaml_text

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=20),
    st.text(" \n\t\rab:#-'\"\\{}[],&*!|>%@`$\x85\u2028\ufeff🐱", max_size=12),
    st.text("0123456789.xoe+-:_~ ", max_size=8),
    st.sampled_from(["no", "null", "True", "0o10", "0x1F", "1e3", ".inf", "1:30", "2024-01-01", "<<", "=", "---"]),
    st.lists(st.text(CHARACTERS, max_size=12), min_size=20, max_size=40).map(" ".join),
)
SCALARS: st.SearchStrategy[Json] = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), TEXTS)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=20,
)


def same(left: object, right: object) -> bool:
    """Whether two values are equal, and true is not 1."""
    return repr(left) == repr(right)


@pytest.mark.slow
@settings(max_examples=400)
@given(VALUES)
@example({"a" * 2000: ["b", {"c" * 1500: "d"}]})
@example(["\n", " \n a", "\n\na\n\n", "a\n \n", "a\n  ", " a\nb", "...", "a: b", "a #b", "a:", "\ta\nb\t", "a\n\tb"])
def test_every_value_reads_back_as_it_was(value: Json) -> None:
    document = parse(yaml_text(value), "test.yaml")
    assert document.problems == ()
    assert same(document.value, value)


@pytest.mark.slow
@settings(max_examples=200)
@given(st.lists(st.text("ab c.:#'🐱é", min_size=1, max_size=14), min_size=12, max_size=60).map(" ".join))
def test_long_text_is_folded(text: str) -> None:
    written = yaml_text({"text": text})
    assert parse(written, "test.yaml").value == {"text": text}
    if "  " not in text and text == text.strip() and len(text) > WIDTH:
        assert max(map(len, written.splitlines())) <= WIDTH


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"name": "Cats 🐱", "url": "https://a.example/x-{0..9}.tar"}, "name: Cats 🐱\nurl: https://a.example/x-{0..9}.tar\n"),
        ({"no": "no", "1e3": "1e3", "x": "null", "y": ""}, 'no: no\n"1e3": "1e3"\nx: "null"\ny: ""\n'),
        ({"a": [], "b": {}, "c": None, "d": True, "e": -5}, "a: []\nb: {}\nc: null\nd: true\ne: -5\n"),
        ({"a": ["x", {"b": 1, "c": 2}, [3, [4]]]}, "a:\n  - x\n  - b: 1\n    c: 2\n  - - 3\n    - - 4\n"),
        ({"a": "one\n\n  two\n"}, "a: |\n  one\n\n    two\n"),
        ({"a": "one\ntwo"}, "a: |-\n  one\n  two\n"),
        (["\"a\"", "it's", "- x", "a\x07"], "- '\"a\"'\n- it's\n- \"- x\"\n- \"a\\u0007\"\n"),
    ],
)  # fmt: skip
def test_text_as_a_person_would_write_it(value: Json, text: str) -> None:
    assert yaml_text(value) == text


@pytest.mark.slow
@given(st.recursive(st.text("$${}X:-a", max_size=12), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
@example("${X} $$ $${X:-a} $$$ ${ a$ $")
def test_no_variable_is_filled_in(value: Json) -> None:
    document = parse(yaml_text({"value": with_dollars_kept(value)}), "test.yaml")
    read = interpolate(document, {"X": "filled in", "a": "filled in"})
    assert read.problems == ()
    assert same(read.value, {"value": value})


def test_a_long_line_is_folded_between_words() -> None:
    words = "Ten handwritten digits, scanned and cut into squares of eight by eight pixels: " * 2
    assert yaml_text({"description": words.strip()}) == dedent(
        """\
        description: >-
          Ten handwritten digits, scanned and cut into squares of eight by eight pixels: Ten handwritten
          digits, scanned and cut into squares of eight by eight pixels:
        """
    )
