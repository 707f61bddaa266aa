"""Edits of YAML text in place: a table of texts before and after."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
import yaml

from atpub.text.yaml_edit import Edit, NotEditable, edit_yaml

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
        pytest.param(set_at("project", "x"), "lab   # its", "x     # its", id="a plain text with a comment"),
        pytest.param(set_at("datasets.digits.name", "N"), '"Digits"   #', '"N"        #', id="double quotes"),
        pytest.param(set_at("datasets.digits.title", "I'm"), "'It''s'", "'I''m'", id="single quotes"),
        pytest.param(set_at("datasets.digits.name", 3), '"Digits"   #', "3          #", id="another type"),
        pytest.param(
            set_at("datasets.digits.description", "New: it"),
            "Ten of\n      them.\n",
            "New: it\n",
            id="a folded text",
        ),
        pytest.param(set_at("datasets.digits.text", "c\nd\n"), "a\n      b\n", "c\n      d\n", id="a literal text"),
        pytest.param(set_at("datasets.digits.tags", ["a", "c", "d"]), "[a,  b]   #", "[a, c, d] #", id="a flow list"),
        pytest.param(set_at("datasets.digits.tags.1", "c"), "[a,  b]   #", "[a, c]    #", id="an item of a flow list"),
        pytest.param(set_at("datasets.digits.authors.1", "Eve"), "- Bob", "- Eve", id="an item of a block list"),
        pytest.param(set_at("datasets.digits.authors", ["Ada"]), "    - Bob\n", "", id="a list made shorter"),
        pytest.param(set_at("datasets.digits.metadata.x.y", 2), "{y:  1}", "{y: 2}", id="a value inside"),
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
        pytest.param(set_at("datasets.cats.name", "C: D"), "Cats,", "'C: D',", id="an entry on one line"),
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


def test_an_entry_on_one_line_with_an_alias_is_refused_with_the_reason() -> None:
    with pytest.raises(NotEditable, match="an alias of an anchor elsewhere"):
        edit_yaml("x: &x {a: 1}\nb: {<<: *x, c: 1}\n", [set_at("b.c", 2)])


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        pytest.param("a: &x 1\nb: *x\n", set_at("b", 2), id="an alias"),
        pytest.param("a: &x {y: 1}\nb: *x\n", set_at("b.y", 2), id="in an alias"),
        pytest.param("a: 1\n", remove("b"), id="not there"),
        pytest.param("? a\n: 1\n", set_at("a", 2), id="a key with a question mark"),
        pytest.param("[1]", set_at("a", 2), id="no map"),
        pytest.param("", set_at("a", 2), id="no text"),
        pytest.param("a: [1]", set_at("a.5", 2), id="no such item"),
    ],
)
def test_what_cannot_be_edited_is_refused(text: str, edit: Edit) -> None:
    with pytest.raises(NotEditable):
        edit_yaml(dedent(text), [edit])
