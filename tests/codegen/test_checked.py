"""Values that Python code makes, of every construct of the language: written as they are, or refused field by field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from tests.codegen.packages import GeneratedPackage

from atpub.atproto.runtime import Value
from atpub.atproto.runtime.checked import checked_json
from atpub.errors import InvalidRecord

SAMPLE = Path(__file__).parent / "everything.json"
WRONG: Final[tuple[Any, ...]] = (object(), {1}, 1j, [object()], [[object()]], {"a": object()}, {1: 1}, [{1}])


@pytest.fixture(scope="session")
def loaded(everything: GeneratedPackage) -> Any:
    kind = everything.module("com.example.everything").Everything
    return kind.from_json(json.loads(SAMPLE.read_text("utf-8")))


def test_it_is_what_to_json_writes(loaded: Any) -> None:
    assert checked_json(loaded) == loaded.to_json()


def test_the_value_itself_does_not_change(loaded: Any) -> None:
    before = repr(loaded)
    checked_json(loaded)
    assert repr(loaded) == before


@pytest.mark.slow
def test_a_wrong_type_in_any_field_is_a_violation_there(loaded: Any) -> None:
    kind: Any = loaded.__class__
    for name in kind.__slots__:
        for wrong in WRONG:
            made = kind.from_json(loaded.to_json())
            setattr(made, name, wrong)
            with pytest.raises(InvalidRecord) as refused:
                checked_json(made)
            assert {problem.path[0] for problem in refused.value.problems} == {kind.WIRE[name]}, name


def test_every_class_refuses_fields_that_are_not_set(everything: GeneratedPackage) -> None:
    for kind in everything.classes:
        made: Value = kind.__new__(kind)
        if not kind.__slots__:
            continue
        with pytest.raises(InvalidRecord) as refused:
            checked_json(made)
        assert len(refused.value.problems) == len(kind.__slots__)
