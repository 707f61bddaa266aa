from __future__ import annotations

import pytest

from atpub.text.document import parse
from atpub.text.merge import MergedDocument, merge
from atpub.text.spans import Part, Steps, Value

SECTIONS = frozenset({"datasets", "schemas", "records"})


def bundle(*texts: str) -> MergedDocument:
    return merge((parse(text, f"{number}.yaml") for number, text in enumerate(texts, 1)), SECTIONS)


MERGED: list[tuple[tuple[str, ...], dict[str, Value]]] = [
    (("a: 1",), {"a": 1}),
    (("",), {}),
    (("", "a: 1", "# comment"), {"a": 1}),
    (("project: lab\ndatasets: {a: 1}", "datasets: {b: 2}"), {"project": "lab", "datasets": {"a": 1, "b": 2}}),
    (("datasets: {a: 1}", "schemas: {a: 1}"), {"datasets": {"a": 1}, "schemas": {"a": 1}}),
    (("project: lab\natpub: 1", "project: lab\natpub: 1"), {"project": "lab", "atpub": 1}),
    (("x: ~", "x:"), {"x": None}),
    (("datasets:", "datasets: {a: 1}", "datasets:"), {"datasets": {"a": 1}}),
    (("datasets:", "datasets:"), {"datasets": None}),
    (("defaults: {a: 1}", "policy: {b: 1}"), {"defaults": {"a": 1}, "policy": {"b": 1}}),
    # What is wrong in one file alone is the schema's to say.
    (("datasets: [a]",), {"datasets": ["a"]}),
    (("datasets: x", "datasets:"), {"datasets": "x"}),
]


@pytest.mark.parametrize(("texts", "value"), MERGED)
def test_merging(texts: tuple[str, ...], value: dict[str, Value]) -> None:
    merged = bundle(*texts)
    assert merged.problems == ()
    assert merged.value == value


CONFLICTS: list[tuple[tuple[str, ...], str, str, str, dict[str, Value]]] = [
    (
        ("datasets:\n  a: 1", "datasets:\n  b: 2\n  a: 1"),
        "duplicate-entry", "2.yaml:3:3", "'datasets/a' is given twice: it is first given at 1.yaml:2:3",
        {"datasets": {"a": 1, "b": 2}},
    ),
    (
        ("project: a", "x: 1\nproject: b"),
        "conflicting-key", "2.yaml:2:1", "'project' has another value than at 1.yaml:1:1",
        {"project": "a", "x": 1},
    ),
    (("atpub: 1", "atpub: '1'"), "conflicting-key", "2.yaml:1:1", "1.yaml:1:1", {"atpub": 1}),
    (("atpub: 1", "atpub: true"), "conflicting-key", "2.yaml:1:1", "1.yaml:1:1", {"atpub": 1}),
    (("atpub: 1", "atpub: 1.0"), "conflicting-key", "2.yaml:1:1", "1.yaml:1:1", {"atpub": 1}),
    (("atpub: 1", "atpub:"), "conflicting-key", "2.yaml:1:1", "1.yaml:1:1", {"atpub": 1}),
    (
        ("# first\ndefaults: {a: 1}", "defaults: {a: 1}"),
        "duplicate-section", "2.yaml:1:1", "'defaults' is given in two files: it is first given at 1.yaml:2:1",
        {"defaults": {"a": 1}},
    ),
    (("policy: {a: 1}", "policy:"), "duplicate-section", "2.yaml:1:1", "1.yaml:1:1", {"policy": {"a": 1}}),
    (("l: [1]", "l: [1]"), "duplicate-section", "2.yaml:1:1", "1.yaml:1:1", {"l": [1]}),
    (("datasets: {a: 1}", "datasets: [b]"), "duplicate-section", "2.yaml:1:1", "1.yaml:1:1", {"datasets": {"a": 1}}),
    (("datasets: x", "datasets: {a: 1}"), "duplicate-section", "2.yaml:1:1", "1.yaml:1:1", {"datasets": "x"}),
    (("- a",), "not-a-map", "1.yaml:1:1", "a manifest is a map", {}),
    (("a: 1", "\n text"), "not-a-map", "2.yaml:2:2", "a manifest is a map", {"a": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "code", "place", "message", "value"), CONFLICTS)
def test_the_first_counts_and_the_problem_names_both_places(
    texts: tuple[str, ...], code: str, place: str, message: str, value: dict[str, Value]
) -> None:
    merged = bundle(*texts)
    (problem,) = merged.problems
    assert (problem.code, str(problem.place)) == (code, place)
    assert message in problem.message
    assert problem.hint
    assert merged.value == value


def test_all_problems_are_found_at_once_and_the_files_own_come_first() -> None:
    merged = bundle("project: a\ndatasets: {x: 1}", "project: b\ndatasets: {x: 1, y: 2, y: 3}", "- a")
    assert [(problem.code, str(problem.place)) for problem in merged.problems] == [
        ("duplicate-key", "2.yaml:2:24"),
        ("conflicting-key", "2.yaml:1:1"),
        ("duplicate-entry", "2.yaml:2:12"),
        ("not-a-map", "3.yaml:1:1"),
    ]


PLACES: list[tuple[Steps, Part, str]] = [
    (("project",), "value", "1.yaml:1:10"),
    (("datasets",), "key", "1.yaml:2:1"),
    (("datasets", "a", "x"), "value", "1.yaml:2:19"),
    (("datasets", "b"), "key", "2.yaml:1:12"),
    (("datasets", "b", "y"), "value", "2.yaml:1:19"),
    (("datasets", "b", "missing"), "value", "2.yaml:1:12"),
    (("datasets", "missing", "deeper"), "value", "1.yaml:2:1"),
    (("schemas", "s"), "key", "2.yaml:2:11"),
    (("missing",), "value", "1.yaml:1:1"),
    ((), "value", "1.yaml:1:1"),
]


@pytest.mark.parametrize(("steps", "of", "place"), PLACES)
def test_a_place_is_in_the_file_that_gives_the_value(steps: Steps, of: Part, place: str) -> None:
    merged = bundle("project: lab\ndatasets: {a: {x: 1}}", "datasets: {b: {y: 1}}\nschemas: {s: 1}")
    assert str(merged.place(steps, of=of)) == place
    assert merged.owner(steps).file == place.partition(":")[0]


def test_merging_leaves_the_documents_as_they_were() -> None:
    merged = bundle("datasets: {a: 1}", "datasets: {b: 2}")
    assert [document.value for document in merged.documents] == [{"datasets": {"a": 1}}, {"datasets": {"b": 2}}]
