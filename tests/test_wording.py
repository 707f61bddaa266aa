"""No decision hangs on the text of a message: here messages are replaced by their codes."""

import json
from pathlib import Path

import pytest

from atpub import errors
from atpub.atproto.lexicon import link
from atpub.errors import InvalidInput, Place, Problem
from atpub.generated import LEXICONS
from atpub.manifest.lexicon_files import read_folders


def _reworded(code: str, message: str, *rest: object, **named: object) -> errors.Problem:
    del message
    return Problem(code, code, *rest, **named)  # type: ignore[arg-type]


@pytest.mark.parametrize("reworded", [False, True])
def test_a_reference_to_a_broken_lexicon_is_no_second_error(
    reworded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reworded:
        monkeypatch.setattr(link, "Problem", _reworded)
    refers = {"type": "object", "properties": {"x": {"type": "ref", "ref": "org.lab.b"}}}
    (tmp_path / "a.json").write_text(json.dumps({"lexicon": 1, "id": "org.lab.a", "defs": {"main": refers}}))
    (tmp_path / "b.json").write_text(json.dumps({"lexicon": 1, "id": "org.lab.b", "defs": {}}))
    with pytest.raises(InvalidInput) as caught:
        read_folders([tmp_path], LEXICONS.lexicons)
    (problem,) = caught.value.problems
    assert isinstance(problem.place, Place)
    assert problem.place.file == str(tmp_path / "b.json")
