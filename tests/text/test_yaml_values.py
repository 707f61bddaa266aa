"""Reading a plain YAML document is composing it, without places; what is not plain is composed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.errors import InvalidInput
from atpub.text import document, yaml_document
from atpub.text.document import parse
from atpub.text.source import Source
from atpub.text.yaml_document import compose
from atpub.text.yaml_values import NotPlain, read_value

PIECES = ("a", "b: ", "- ", "{", "}", "[", "]", ", ", "\n", "  ", '"', "'", "&x ", "*x", "!t ", "<<: ", "1.0", "~", "#")
NOT_PLAIN = {
    "an error": "a: [1",
    "a second document": "a: 1\n---\nb: 2\n",
    "an empty one": "",
    "a key given twice": "{a: 1, a: 2}",
    "a key that is no string": "1: a",
    "a key that is a list": "[a]: 1",
    "a merge key": "a: {<<: {b: 1}}",
    "what could be one": "'<<': a",
    "a tag": "a: !!str 1",
    "a list with a tag": "a: !x [1]",
    "an anchor": "a: &x 1",
    "an alias": "a: *x",
    "a long number": f"a: {'9' * 5000}",
    "a deep one": "[" * 200 + "]" * 200,
}


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_a_plain_document_has_the_value_and_no_problem_when_composed(text: str) -> None:
    source = Source("a.yaml", text)
    try:
        value = read_value(source)
    except NotPlain:
        return
    composed = compose(source)
    assert (composed.value, composed.problems) == (value, ())
    assert repr(composed.value) == repr(value)  # 1 is not true, nor 1.0


@pytest.mark.parametrize("text", ["a: 1", "{a: [1, 2.5, ~, true], 'b': \"1\"}", "- a\n- {b: c}\n", "a: |\n  b\n"])
def test_a_plain_document_is_read(text: str) -> None:
    source = Source("a.yaml", text)
    assert read_value(source) == compose(source).value


@pytest.mark.parametrize("text", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_is_not_plain_is_composed(text: str) -> None:
    with pytest.raises(NotPlain):
        read_value(Source("a.yaml", text))


def test_a_character_that_yaml_forbids_is_an_error_at_once() -> None:
    with pytest.raises(InvalidInput):
        read_value(Source("a.yaml", "a: \x01"))


def test_places_are_those_of_the_composed_document_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Source] = []

    def count(source: Source) -> yaml_document.Composed:
        calls.append(source)
        return compose(source)

    monkeypatch.setattr(yaml_document, "compose", count)
    found = parse("a:\n  b: 1\nc: [x]\n", "a.yaml")
    assert (found.value, calls) == ({"a": {"b": 1}, "c": ["x"]}, [])
    assert [str(found.place(steps)) for steps in (("a", "b"), ("c", 0))] == ["a.yaml:2:6", "a.yaml:3:5"]
    assert found.has(("c",))
    assert len(calls) == 1
    assert document.parse("a: &x 1\nb: *x\n", "a.yaml").value == {"a": 1, "b": 1}
