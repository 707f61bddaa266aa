"""TOML: the place of a syntax error, found without reading what the parser says."""

import tomllib

import pytest

from atpub.errors import InvalidInput
from atpub.text.source import Source
from atpub.text.toml_document import parse_toml

FAULTS = [
    ("a = ", "1:5"),
    ("a", "1:2"),
    ("a = [1,,2]", "1:8"),
    ('a = "x', "1:7"),
    ('a = "x\ny"', "1:7"),
    ('a = "\\q"', "1:8"),
    ("a = 'x", "1:7"),
    ("a = '''x\n\n", "3:1"),
    ('a = """x\n', "2:1"),
    ("[tool", "1:6"),
    ("[a b]", "1:4"),
    ("x = 1\nx = 2", "2:6"),
    ("x = 1\r\ny = 2\r\nz = = 3\r\n", "3:5"),
    ("a = 1 b", "1:7"),
    ("a = tru", "1:5"),
    ("a = {b = 1, b = 2}", "1:18"),
    ("# \x07", "1:3"),
]


@pytest.mark.parametrize("before", ["", 'v = 1\n\nw = "é"\n'])
@pytest.mark.parametrize(("text", "place"), FAULTS)
def test_a_syntax_error_has_its_place(text: str, place: str, before: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_toml(Source("a.toml", before + text))
    (problem,) = caught.value.problems
    line, _, column = place.partition(":")
    assert str(problem.place) == f"a.toml:{int(line) + before.count(chr(10))}:{column}"
    assert problem.code == "toml-syntax"
    assert "(at " not in problem.message
    assert problem.hint


@pytest.mark.parametrize(("text", "place"), FAULTS)
def test_the_place_does_not_hang_on_the_words(text: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = tomllib.loads

    def translated(text: str) -> object:
        try:
            return read(text)
        except tomllib.TOMLDecodeError as error:
            raise tomllib.TOMLDecodeError(str(error).encode().hex()) from None

    monkeypatch.setattr(tomllib, "loads", translated)
    with pytest.raises(InvalidInput) as caught:
        parse_toml(Source("a.toml", text))
    assert str(caught.value.problems[0].place) == f"a.toml:{place}"


def test_toml_is_read() -> None:
    assert parse_toml(Source("a.toml", "[a]\nb = [1, 'x']\n")) == {"a": {"b": [1, "x"]}}
