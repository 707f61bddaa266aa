"""Every string format, by a table of texts; counting in graphemes and in bytes."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.atproto.lexicon.tables import table, written_out

from atpub.atproto.lexicon.formats import FORMATS, USUAL, graphemes, utf8_length

CASES = [
    pytest.param(name, written_out(text), good == "valid", id=f"{name}: {rule}: {good}: {text}")
    for name, rules in table("formats.yaml").items()
    for rule, texts in rules.items()
    for good in ("valid", "invalid")
    for text in texts.get(good, [])
]


@pytest.mark.parametrize(("name", "text", "valid"), CASES)
def test_a_text_keeps_its_format_or_breaks_it(name: str, text: str, valid: bool) -> None:
    assert FORMATS[name](text) is valid


def test_the_table_has_every_format() -> None:
    assert table("formats.yaml").keys() == FORMATS.keys()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "text", ["a" * 100_000, "a." * 50_000, "a-" * 50_000, "did:m:" + "%" * 100_000, "de-" * 30_000]
)
def test_no_text_takes_long_to_judge(name: str, text: str) -> None:
    start = time.process_time()
    FORMATS[name](text)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("name", FORMATS)
def test_half_a_surrogate_pair_has_no_format(name: str) -> None:
    assert not FORMATS[name]("lab.example/\ud800")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("abc", 3),
        ("a\r\nb", 3),
        ("\r\n", 1),
        ("\n\r", 2),
        ("é", 1),
        ("e\u0301", 1),
        ("e\u0301\u0323", 1),
        ("👩‍👩‍👧‍👦", 1),
        ("👍🏽", 1),
        ("🇦🇹🇨🇭", 2),
        ("🇦🇹🇨", 2),
        ("각", 1),
        ("\u1100\u1161\u11a8", 1),
        ("名前", 2),
        ("\ud800", 1),
    ],
)
def test_graphemes_are_what_a_reader_sees(text: str, count: int) -> None:
    assert graphemes(text) == count


@pytest.mark.parametrize(("text", "count"), [("", 0), ("abc", 3), ("é", 2), ("名", 3), ("🦋", 4), ("\ud800", 3)])
def test_lengths_are_bytes_of_utf8(text: str, count: int) -> None:
    assert utf8_length(text) == count


@pytest.mark.slow
@pytest.mark.parametrize("name", USUAL)
@settings(max_examples=25)
@given(st.data())
def test_usual_text_has_the_format(name: str, draw: st.DataObject) -> None:
    pattern, longest = USUAL[name]
    text = draw.draw(st.from_regex(pattern, fullmatch=True).filter(lambda text: len(text) <= longest))
    assert FORMATS[name](text)
