"""Mistakes that published lexicons have: the linter names each with its reason, and the others can be generated."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.atproto.lexicon.tables import read_yaml
from tests.cli.playground import Ran, write_files

from atpub.atproto.lexicon.link import NONE
from atpub.lexicon_tools.files import find_files
from atpub.lexicon_tools.lint import Ignored, lint

Atpub = Callable[..., Ran]
CASES: dict[str, Any] = read_yaml(Path(__file__).parent / "wild.yaml")
STYLE = frozenset(("endpoint-output-undefined", "method-name", "missing-description", "unlimited-string"))
VALID = {"main": {"type": "record", "key": "tid", "record": {"type": "object"}}}


def text_of(title: str) -> str:
    case = CASES[title]
    defs = {name: case[name] for name in ("main", "kind") if name in case}
    nsid = f"org.wild.{''.join(filter(str.isalpha, title.title()))[:60]}"
    return json.dumps(case.get("lexicon", {"lexicon": 1, "id": nsid, "defs": defs}))


@pytest.mark.parametrize("title", CASES)
def test_each_mistake_is_named_with_its_reason(title: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text_of(title))
    found = lint(find_files([tmp_path]), {}, NONE, Ignored(STYLE)).problems
    listed = [[problem.message.partition(": ")[0], problem.code, problem.hint] for problem in found]
    assert sorted(listed) == sorted(CASES[title]["finds"])


def test_a_selection_can_be_generated_among_them(atpub: Atpub, folder: Path) -> None:
    files = {f"lexicons/{number}.json": text_of(title) for number, title in enumerate(CASES)}
    valid = json.dumps({"lexicon": 1, "id": "org.tame.note", "defs": VALID})
    write_files(folder, {**files, "lexicons/note.json": valid})
    assert atpub("generate", "--out", "made", "--package", "made").code == 3
    assert atpub("generate", "--out", "made", "--package", "made", "--include", "org.tame.*").code == 0
    assert [path.name for path in folder.rglob("org/*/note.py")] == ["note.py"]
    assert len(list(folder.rglob("made/org/*/*.py"))) == 2
