"""Edits of YAML text in place: a table of texts before and after."""

from __future__ import annotations

import json
from copy import deepcopy
from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.text.test_yaml_writer import TEXTS

from atpub.atproto.data import Json
from atpub.text import yaml_edit
from atpub.text.document import parse
from atpub.text.yaml_edit import Edit, edit_yaml
from atpub.text.yaml_tree import NotEditable
from atpub.text.yaml_writer import double_quote

MANIFEST = """\
# The project.
project: lab   # its name

datasets:
  # The digits.
  digits:
    name: "Digits"   # as people say it
    title: 'It''s'
    # what it is
    description: >-
      Ten of
      them.
    text: |
      a
      b

    tags: [a,  b]   # two
    authors:
    - Ada      # first
    - Bob
    metadata:
      x: {y:  1}
      # about z
      z: 1

  # The cats.
  cats: {name: Cats, tags: [a]}
  dogs:
labels:
  one: 1"""


def set_at(path: str, value: Any) -> Edit:
    return Edit(steps(path), value)


def remove(path: str) -> Edit:
    return Edit(steps(path), is_removal=True)


def steps(path: str) -> tuple[str | int, ...]:
    return tuple(int(step) if step.isdigit() else step for step in path.split("."))


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        pytest.param(set_at("project", "x"), "lab   # its", "x   # its", id="a plain text with a comment"),
        pytest.param(set_at("datasets.digits.name", "N"), '"Digits"   #', '"N"   #', id="double quotes"),
        pytest.param(set_at("datasets.digits.title", "I'm"), "'It''s'", "'I''m'", id="single quotes"),
        pytest.param(set_at("datasets.digits.name", 3), '"Digits"   #', "3   #", id="another type"),
        pytest.param(
            set_at("datasets.digits.description", "New: it"),
            "Ten of\n      them.\n",
            "New: it\n",
            id="a folded text",
        ),
        pytest.param(set_at("datasets.digits.text", "c\nd\n"), "a\n      b\n", "c\n      d\n", id="a literal text"),
        pytest.param(
            set_at("datasets.digits.tags", ["a", "c", "d"]), "[a,  b]   #", "[a,  c, d]   #", id="a flow list"
        ),
        pytest.param(set_at("datasets.digits.tags.1", "c"), "[a,  b]   #", "[a,  c]   #", id="an item of a flow list"),
        pytest.param(set_at("datasets.digits.authors.1", "Eve"), "- Bob", "- Eve", id="an item of a block list"),
        pytest.param(set_at("datasets.digits.authors", ["Ada"]), "    - Bob\n", "", id="a list made shorter"),
        pytest.param(set_at("datasets.digits.metadata.x.y", 2), "{y:  1}", "{y:  2}", id="a value inside"),
        pytest.param(set_at("datasets.digits.metadata.w", 2), "z: 1\n", "z: 1\n      w: 2\n", id="a new value inside"),
        pytest.param(remove("datasets.digits.tags"), "    tags: [a,  b]   # two\n", "", id="a field removed"),
        pytest.param(remove("datasets.digits.metadata.x"), "      x: {y:  1}\n", "", id="a value inside removed"),
        pytest.param(remove("datasets.digits.metadata.x.y"), "{y:  1}", "{}", id="the only value removed"),
        pytest.param(
            set_at("datasets.digits.license", "MIT"), "z: 1\n", "z: 1\n    license: MIT\n", id="a new field of an entry"
        ),
        pytest.param(
            set_at("datasets.digits.more", {"a": [1]}),
            "z: 1\n",
            "z: 1\n    more:\n      a:\n        - 1\n",
            id="a new map",
        ),
        pytest.param(set_at("datasets.cats.name", "C: D"), "Cats,", '"C: D",', id="an entry on one line"),
        pytest.param(remove("datasets.cats.tags"), ", tags: [a]", "", id="a field of one removed"),
        pytest.param(set_at("datasets.cats.n", [1]), "tags: [a]", "tags: [a], n: [1]", id="a field of one added"),
        pytest.param(set_at("datasets.dogs.n", 1), "  dogs:\n", "  dogs:\n    n: 1\n", id="an entry that was empty"),
        pytest.param(set_at("labels.one", 2), "one: 1", "one: 2", id="the last line, without a line break"),
        pytest.param(set_at("labels.two", 2), "one: 1", "one: 1\n  two: 2\n", id="after the last line"),
    ],
)
def test_only_what_changes_is_written(edit: Edit, before: str, after: str) -> None:
    assert MANIFEST.count(before) == 1, before
    expected = MANIFEST.replace(before, after)
    assert edit_yaml(MANIFEST, [edit]) == expected
    assert edit_yaml(MANIFEST.replace("\n", "\r\n"), [edit]) == expected.replace("\n", "\r\n")


def test_indented_lists_stay_indented() -> None:
    text = "a:\n    b:\n      - 1\n      - 2\n    c: 1\n"
    assert edit_yaml(text, [set_at("a.b.0", 3)]) == text.replace("- 1", "- 3")


def test_texts_that_look_like_something_else_stay_texts() -> None:
    for value in (
        "yes",
        "1",
        "null",
        "1.5",
        "~",
        "",
        " x ",
        "a: b",
        "# c",
        "- d",
        "[",
        "'",
        '"',
        "é\u2028",
        "x\n",
        "\t",
    ):
        made = edit_yaml(MANIFEST, [set_at("project", value), set_at("datasets.cats.new", value)])
        read = yaml.safe_load(made.replace("project: yes", "project: 'yes'").replace("new: yes", "new: 'yes'"))
        assert (read["project"], read["datasets"]["cats"]["new"]) == (value, value), made


@pytest.mark.parametrize(
    ("text", "edit", "expected"),
    [
        ("x: &x {a: 1}\nb: {<<: *x, c: 1}\n", set_at("b.c", 2), "x: &x {a: 1}\nb: {<<: *x, c: 2}\n"),
        ("x: &x {a: 1}\nb:\n  <<: *x\n", set_at("b.a", 2), "x: &x {a: 1}\nb:\n  <<: *x\n  a: 2\n"),
        ("a: &x 1\nb: *x\n", set_at("a", 2), "a: &x 2\nb: *x\n"),
        ("? a\n: 1\n", set_at("a", 2), "? a\n: 2\n"),
        ("a: 1 # c\n", set_at("a", {"b": [1]}), "a: # c\n  b:\n    - 1\n"),
        ("a:  # c\n  b: 1\n", set_at("a", 2), "a: 2  # c\n"),
        ("a: # c\n  b: 1  # d\n# e\n", set_at("a", "x\ny"), "a: |- # c\n  x\n  y\n# e\n"),
        ("a: x  # c\nb: 1", set_at("a", "x\ny\n"), "a: |  # c\n  x\n  y\nb: 1"),
        ("a: >  # c\n   x\n\n   y\n\nb: 1", set_at("a", 1), "a: 1  # c\n\nb: 1"),
        ("a: |+\n  x\n\nb: 1", set_at("c", 1), "a: |+\n  x\n\nb: 1\nc: 1\n"),
        ("a:\n- b: 1\n  # c\n  d: 2\n", remove("a.0.b"), "a:\n- d: 2\n"),
        ("a:\n- b: 1\n", remove("a.0.b"), "a:\n- {}\n"),
        ("a:\n  -   b: 1\n      c: 2\n  - x\n", set_at("a.0", 1), "a:\n  - 1\n  - x\n"),
        ("a:\n- x # c\n- y\n", set_at("a", ["x", {"b": 1, "c": 2}, "z"]), "a:\n- x # c\n- b: 1\n  c: 2\n- z\n"),
        ("a: [x, [y], {z: 1}]\n", set_at("a", ["x", ["y", "w,"], {"z": 2}]), 'a: [x, [y, "w,"], {z: 2}]\n'),
        ("a: []\nb: {}\n", set_at("a", [1]), "a: [1]\nb: {}\n"),
        ("a: []\nb: {}\n", set_at("b.c.d", 1), "a: []\nb: {c: {d: 1}}\n"),
        ("a: {b: 1,\n  c: 2, # d\n}\n", remove("a.b"), "a: {c: 2, # d\n}\n"),
        ("a:\n  b: 1\n   # of b\n# of c\nc: 1\n", set_at("a.d", 1), "a:\n  b: 1\n   # of b\n  d: 1\n# of c\nc: 1\n"),
        ("a: 1\n  # c\nb: 1\n", set_at("a", "x\ny\n"), 'a: "x\\ny\\n"\n  # c\nb: 1\n'),
        ("a: >-\n  x\n\n # c\nb: 1\n", set_at("a", ["x " * 70 + "y"]), f"a:\n  - {'x ' * 70}y\n\n # c\nb: 1\n"),
        ("a: 1\n\nb: 1\n", set_at("a", {"c": "x\n\n"}), 'a:\n  c: "x\\n\\n"\n\nb: 1\n'),
        ("a: 1\n\n# c\n", set_at("b", {"c": "x\n"}), "a: 1\nb:\n  c: |\n    x\n\n# c\n"),
        ("b: 1\na: 1", set_at("a", "x\n"), "b: 1\na: |\n  x\n"),
        ("a: &x 1\nb: *x   # c\n", set_at("b", 2), "a: &x 1\nb: 2   # c\n"),
        ("a: &x 1\nb: *x\nc: 2\n", set_at("b", ["y"]), "a: &x 1\nb:\n  - y\nc: 2\n"),
        ("a: &x 1\nb: {c: *x, d: 1}\n", set_at("b.c", "y"), "a: &x 1\nb: {c: y, d: 1}\n"),
        ("a: &x 1\nb: *x\nc: 2\n", remove("b"), "a: &x 1\nc: 2\n"),
        ("a: &x 1\nb: [*x, 2]\n", set_at("b", [1, 3]), "a: &x 1\nb: [1, 3]\n"),
        ("{a: 1, b: [x]}\n", set_at("c", "}"), '{a: 1, b: [x], c: "}"}\n'),
    ],
)
def test_anchors_comments_and_layout_stay(text: str, edit: Edit, expected: str) -> None:
    assert edit_yaml(text, [edit]) == expected
    assert edit_yaml(text.replace("\n", "\r\n"), [edit]) == expected.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        pytest.param("a: &x {y: 1}\nb: *x\n", set_at("b.y", 2), id="in an alias"),
        pytest.param("a: 1\n", remove("b"), id="not there"),
        pytest.param("? a\n: 1\n", remove("a"), id="a key with a question mark"),
        pytest.param("[1]", set_at("a", 2), id="no map"),
        pytest.param("", set_at("a", 2), id="no text"),
        pytest.param("a: [1]", set_at("a.5", 2), id="no such item"),
        pytest.param("a: {b}", set_at("a.b", 2), id="a key alone"),
        pytest.param("? a\nb: 1", set_at("a", {"b": 1}), id="a key alone in a block"),
        pytest.param("a: [b: 1]", set_at("a.0.c", 2), id="a map without braces"),
        pytest.param("a: &x 1\nb: [[*x], 2]\n", set_at("b", [[1], 3]), id="an alias deep in a list"),
    ],
)
def test_what_cannot_be_edited_is_refused(text: str, edit: Edit) -> None:
    with pytest.raises(NotEditable):
        edit_yaml(dedent(text), [edit])


EDITS = [
    set_at("project", "x"),
    set_at("datasets.digits.name", "N: M"),
    set_at("datasets.digits.text", "c\nd\n"),
    set_at("datasets.digits.authors", ["Ada"]),
    set_at("datasets.digits.license", "MIT"),
    remove("datasets.digits.tags"),
    remove("datasets.digits.metadata"),
    remove("datasets.cats.name"),
    remove("datasets.cats.tags"),
    set_at("datasets.cats.n", [1]),
    set_at("datasets.dogs.n", 1),
    set_at("datasets.dogs.tags", ["a"]),
    remove("datasets.dogs"),
    set_at("datasets.birds.n", 1),
    set_at("datasets.fish.n", 1),
    set_at("labels.one", {"a": 1}),
    set_at("lenses.two.n", 1),
]


@given(st.lists(st.sampled_from(EDITS), max_size=8, unique_by=lambda edit: edit.steps))
@settings(max_examples=60)
def test_edits_of_several_entries_at_once_are_as_one_after_the_other(edits: list[Edit]) -> None:
    expected, failed = MANIFEST, None
    for edit in edits:
        try:
            expected = edit_yaml(expected, [edit])
        except NotEditable as error:
            failed = error
            break
    if failed is None:
        assert edit_yaml(MANIFEST, edits) == expected
        return
    with pytest.raises(NotEditable) as caught:
        edit_yaml(MANIFEST, edits)
    assert caught.value.steps in {edit.steps for edit in edits}


def test_the_text_is_read_as_often_as_one_entry_is_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    editors: list[str] = []

    class Counted(yaml_edit.YamlEditor):
        def __init__(self, text: str) -> None:
            super().__init__(text)
            editors.append(text)

    monkeypatch.setattr(yaml_edit, "YamlEditor", Counted)
    text = "records:\n" + "".join(f"  r{number}:\n    a: 1\n    b: 2\n" for number in range(100))
    edits = [set_at(f"records.r{number}.{key}", 3) for number in range(100) for key in "abc"]
    made = edit_yaml(text, edits)
    assert len(editors) == 3
    assert made == "records:\n" + "".join(f"  r{number}:\n    a: 3\n    b: 3\n    c: 3\n" for number in range(100))


KEYS: st.SearchStrategy[str] = st.sampled_from(("a", "b", "c d", "é", "1", "true"))
SCALARS: st.SearchStrategy[Json] = st.one_of(TEXTS, st.integers(-9, 9), st.booleans(), st.none())
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@st.composite
def written(draw: st.DrawFn, value: Json, column: int, *, in_flow: bool = False) -> str:
    """Draw a text of a value that follows a colon or a dash, with layout and comments at random."""
    flow = in_flow or draw(st.booleans())
    blank, comment = draw(st.sampled_from((" ", "  "))), draw(st.sampled_from(("", "  # note", " #: x")))
    end = "" if in_flow else f"{comment}\n"
    if isinstance(value, dict | list) and (flow or not value):
        pairs = value.items() if isinstance(value, dict) else (("", item) for item in value)
        inner = [
            (f"{double_quote(key)}:" if isinstance(value, dict) else "") + draw(written(item, 0, in_flow=True))
            for key, item in pairs
        ]
        text = f",{blank}".join(inner)
        return f"{blank}{{{text}}}{end}" if isinstance(value, dict) else f"{blank}[{text}]{end}"
    if isinstance(value, dict | list):
        deep = column + draw(st.integers(1, 3))
        heads = [f"{double_quote(key)}:" for key in value] if isinstance(value, dict) else ["-"] * len(value)
        items = value.values() if isinstance(value, dict) else value
        lines = (f"{' ' * deep}{head}{draw(written(item, deep))}" for head, item in zip(heads, items, strict=True))
        return f"{comment}\n{''.join(lines)}"
    if isinstance(value, str) and not in_flow and draw(st.booleans()) and value.isalpha():
        return f"{blank}{draw(st.sampled_from('|>'))}-{comment}\n{' ' * (column + 3)}{value}\n"
    return f"{blank}{double_quote(value) if isinstance(value, str) else json.dumps(value)}{end}"


@pytest.mark.slow
@given(st.data())
def test_an_edit_changes_the_lines_of_its_entry_alone(data: st.DataObject) -> None:
    entries = data.draw(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
    ends = st.sampled_from(("", "\n", "  # after\n", "\n  # after\n"))
    chunks = [
        f"# of it\n{double_quote(key)}:{data.draw(written(item, 0))}{data.draw(ends)}" for key, item in entries.items()
    ]
    number = data.draw(st.integers(0, len(chunks) - 1))
    text = "".join(chunks)
    path: list[Any] = [list(entries)[number]]
    while data.draw(st.booleans()) and (steps := steps_of(at(entries, path))):
        path.append(data.draw(st.sampled_from(steps)))
    is_removal = len(path) > 1 and isinstance(path[-1], str) and data.draw(st.booleans())
    edit = Edit(tuple(path), None if is_removal else data.draw(VALUES), is_removal)
    expected = deepcopy(entries)
    if is_removal:
        del at(expected, path[:-1])[path[-1]]
    else:
        at(expected, path[:-1])[path[-1]] = edit.value
    for before in (text, text.replace("\n", "\r\n")):
        made = edit_yaml(before, [edit])
        document = parse(made, "made.yaml")
        assert not document.problems
        assert json.dumps(document.value, sort_keys=True) == json.dumps(expected, sort_keys=True), made
        line_break = "\r\n" if "\r" in before else "\n"
        first, last = ("".join(part).replace("\n", line_break) for part in (chunks[:number], chunks[number + 1 :]))
        assert made.startswith(first)
        assert made.endswith(last)


def steps_of(value: Json) -> list[str | int]:
    return [*value] if isinstance(value, dict) else [*range(len(value))] if isinstance(value, list) else []


def at(value: Any, path: list[Any]) -> Any:
    for step in path:
        value = value[step]
    return value
