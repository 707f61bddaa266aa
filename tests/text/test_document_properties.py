"""Whatever is dumped comes back, every place points at its text, and no text does anything but parse or be refused."""

from __future__ import annotations

import json
import random
import re

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from atpub.errors import InvalidInput
from atpub.problems import Place
from atpub.text.document import Document, parse
from atpub.text.scalars import resolve
from atpub.text.source import caret
from atpub.text.spans import Steps, Value

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029\ufeff")
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=20),
    st.text("0123456789.xoe+-:_~ \n#'\"{}[],&*!|>%@`$", max_size=12),
    st.sampled_from(
        ["no", "null", "True", "0o10", "0x1F", "1e3", ".inf", "1:30", "2024-01-01", "<<", "=", "---", "..."]
    ),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS)
VALUES: st.SearchStrategy[Value] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=20,
)


class CoreDumper(yaml.SafeDumper):
    """A dumper that leaves a string plain only where YAML 1.2's core schema reads it as one."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own)
    text_style: str | None = None  # `style` is the emitter's own

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_text(self, text: str) -> Node:
        return ScalarNode("tag:yaml.org,2002:str", text, style=self.text_style)


CoreDumper.add_representer(str, CoreDumper.represent_text)
for kind, pattern in {
    "null": r"null|Null|NULL|~|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN",
    "merge": r"<<",
}.items():
    tagged = (f"tag:yaml.org,2002:{kind}", re.compile(rf"(?:{pattern})\Z"))
    CoreDumper.yaml_implicit_resolvers.setdefault(None, []).append(tagged)


def dump(value: Value, *, style: str | None, flow: bool | None, indent: int = 2, width: int = 80) -> str:
    class Dumper(CoreDumper):
        pass

    Dumper.text_style = style
    return yaml.dump(
        value, Dumper=Dumper, default_flow_style=flow, indent=indent, width=width, allow_unicode=True, sort_keys=False
    )


@pytest.mark.slow
@given(
    VALUES,
    st.sampled_from([None, "'", '"', "|"]),
    st.sampled_from([True, False, None]),
    st.integers(2, 9),
    st.integers(10, 200),
)
@settings(deadline=None)
def test_what_is_dumped_comes_back(value: Value, style: str | None, flow: bool | None, indent: int, width: int) -> None:
    text = dump(value, style=style, flow=flow, indent=indent, width=width)
    assume("\\\n" not in text)  # PyYAML writes a backslash too many where it folds before a space
    document = parse(text, "x.yaml")
    assert document.problems == ()
    assert document.value == value
    assert repr(document.value) == repr(value), "1, 1.0 and True are equal"


ONE_ESCAPE = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)  # a character each


@given(st.lists(ONE_ESCAPE) | st.dictionaries(ONE_ESCAPE, ONE_ESCAPE, max_size=4))
@settings(deadline=None)
def test_quoted_text_of_any_characters_comes_back(value: list[str] | dict[str, str]) -> None:
    text = json.dumps(value)
    assume("\\ud" not in text.lower())  # JSON's pairs of surrogates are not YAML
    assert parse(text, "x.yaml").value == value


class Words:
    """Values and keys that stand in the text once only."""

    def __init__(self, seed: random.Random) -> None:
        self.random = seed
        self.count = 0

    def word(self) -> str:
        self.count += 1
        return f"{self.random.choice(['w', 'é', '😀', 'a b', '$'])}w{self.count}w"

    def value(self, depth: int) -> Value:
        kind = self.random.random()
        size = self.random.randint(0, 4)
        if depth and kind < 0.4:
            return {self.word(): self.value(depth - 1) for _ in range(size)}
        if depth and kind < 0.7:
            return [self.value(depth - 1) for _ in range(size)]
        return self.word()


def strings(value: Value, steps: Steps = ()) -> list[tuple[Steps, bool, str]]:
    """Every string of a value, with its steps and whether it is a key."""
    if isinstance(value, dict):
        keys = [((*steps, key), True, key) for key in value]
        return keys + [found for key, item in value.items() for found in strings(item, (*steps, key))]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in strings(item, (*steps, index))]
    return [(steps, False, value)] if isinstance(value, str) else []


def place_of(text: str, word: str) -> Place:
    """Line and column of a word, found the slow and obvious way; a quote before it is part of it."""
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        column = line.find(word)
        if column >= 0:
            quoted = line[column - 1 : column] in ("'", '"')
            return Place("x.yaml", number, column + 1 - quoted, line)
    raise AssertionError(word)


@pytest.mark.slow
@given(
    st.randoms(use_true_random=False),
    st.sampled_from([None, "'", '"']),
    st.sampled_from([True, False, None]),
    st.integers(2, 9),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
@settings(deadline=None)
def test_every_place_points_at_its_text(
    seed: random.Random, style: str | None, flow: bool | None, indent: int, newline: str
) -> None:
    value = Words(seed).value(5)
    text = dump(value, style=style, flow=flow, indent=indent, width=60).replace("\n", newline)
    # Quoted text with a space in it may be folded.
    assume(all(word in text for _, _, word in strings(value)))
    document = parse(text, "x.yaml")
    for steps, is_key, word in strings(value):
        expected = place_of(text, word)
        place = document.place(steps, of="key" if is_key else "value")
        assert (place.line, place.column) == (expected.line, expected.column)
        assert expected.text.startswith(place.text[:100])
        assert place.text[caret(place) :].lstrip("'\"").startswith(word[:10])


YAMLISH = st.lists(
    st.sampled_from(
        ["a", "b", "1", ": ", ":\n", "- ", "\n", "\n  ", "\n    ", " ", "\t", "{", "}", "[", "]", ", ", "'", '"', "#",
         "|\n", ">\n", "&x ", "*x", "*x ", "!t ", "? ", "---\n", "...\n", "<<", "~", "\\", "%", "@", "\r\n", "é", "😀",
         "${A}", "\0"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@pytest.mark.slow
@given(st.one_of(YAMLISH, st.text(max_size=40)))
@settings(max_examples=300, deadline=None)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        problems = parse(text, "x.yaml").problems
    except InvalidInput as error:
        problems = error.problems
        assert problems
    lines = re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))
    for problem in problems:
        assert problem.hint
        assert problem.message
        assert problem.place is not None
        assert 1 <= problem.place.line <= len(lines)
        assert 1 <= problem.place.column <= len(lines[problem.place.line - 1]) + 1


def slow(node: Node | None) -> Value:
    """The oracle: PyYAML's own tree, read with the core schema."""
    match node:
        case ScalarNode(value=str(text), style=style):
            return resolve(text) if not style else text
        case SequenceNode(value=items):
            return [slow(item) for item in items]
        case MappingNode(value=pairs):
            return {str(slow(key)): slow(value) for key, value in pairs}
        case _:
            return None


@pytest.mark.slow
@given(YAMLISH)
@settings(max_examples=300, deadline=None)
def test_the_value_is_that_of_pyyaml_s_own_composer(text: str) -> None:
    try:
        document = parse(text, "x.yaml")
    except InvalidInput:
        return
    assume(not document.problems and text.count("&x ") < 2)
    assert document.value == slow(yaml.compose(text, Loader=yaml.CBaseLoader))


@given(st.text("ab", min_size=1, max_size=400), st.integers(0, 399))
@settings(deadline=None)
def test_a_long_line_is_cut_around_its_column(word: str, at: int) -> None:
    document: Document = parse("a: " + "x" * 1000, "x.yaml")
    place = document.source.place(at)
    assert place.column == at + 1
    assert len(place.text) <= 200
    assert place.text[caret(place)] == document.source.text[at]
