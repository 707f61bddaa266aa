"""Records judged by lexicons that are read at run time: what a program that generates nothing uses."""

import doctest
import json
from pathlib import Path

import pytest

from atpub import validation
from atpub.errors import InvalidInput
from atpub.generated.science.alt.dataset.label import Label
from atpub.validation import read_lexicons, violations

ROOT = Path(__file__).parents[1]
NOTE = {
    "lexicon": 1,
    "id": "org.lab.note",
    "defs": {
        "main": {
            "type": "record",
            "key": "tid",
            "record": {
                "type": "object",
                "required": ["text", "about"],
                "properties": {
                    "text": {"type": "string", "maxLength": 5},
                    "about": {"type": "ref", "ref": "com.atproto.repo.strongRef"},
                },
            },
        }
    },
}


def folder_with(path: Path, lexicon: object) -> Path:
    path.mkdir(exist_ok=True)
    (path / "note.json").write_text(json.dumps(lexicon, indent=2), "utf-8")
    return path


def test_the_example_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = doctest.testmod(validation)
    assert found.attempted
    assert not found.failed


def test_a_lexicon_may_refer_to_those_that_atpub_has(tmp_path: Path) -> None:
    lexicons = read_lexicons(folder_with(tmp_path / "lexicons", NOTE))
    found = violations(lexicons, {"$type": "org.lab.note", "text": "much too long", "about": {"uri": 1}})
    assert {violation.path for violation in found} == {("text",), ("about", "uri"), ("about", "cid")}


def test_each_violation_is_found_when_it_is_asked_for(tmp_path: Path) -> None:
    found = violations(read_lexicons(folder_with(tmp_path, NOTE)), {"$type": "org.lab.note", "text": 1, "about": 2})
    assert str(next(found)) == "$.text: expected a string, found an integer (type; org.lab.note)"
    assert [violation.path for violation in found] == [("about",)]


def test_a_record_that_keeps_its_lexicon_has_none() -> None:
    label = Label(name="digits", dataset_uri="at://did:web:lab.example/a.b.c/d", created_at="2026-01-01T00:00:00Z")
    assert next(violations(read_lexicons(ROOT / "lexicons"), label.to_json()), None) is None


def test_what_is_wrong_with_a_lexicon_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_lexicons(folder_with(tmp_path, {**NOTE, "lexicon": 2}))
    (problem,) = caught.value.problems
    assert problem.place
    assert (problem.place.file, problem.place.line) == (str(tmp_path / "note.json"), 2)


def test_a_folder_without_lexicons_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nowhere does not exist"):
        read_lexicons(tmp_path / "nowhere")


def test_what_is_not_at_hand_may_be_anything(tmp_path: Path) -> None:
    text = json.dumps(NOTE).replace("com.atproto.repo.strongRef", "org.lab.elsewhere")
    folder = folder_with(tmp_path, json.loads(text))
    with pytest.raises(InvalidInput, match=r"org\.lab\.elsewhere"):
        read_lexicons(folder)
    lexicons = read_lexicons(folder, allow_missing=True)
    assert list(violations(lexicons, {"$type": "org.lab.note", "text": "short", "about": {"any": "thing"}})) == []
