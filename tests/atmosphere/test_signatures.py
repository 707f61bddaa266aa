"""The names, kinds and defaults of the calls are the documented ones; and the package offers what it says."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import atpub
from atpub.atmosphere import AtUri

TABLE: dict[str, list[Any]] = yaml.safe_load((Path(__file__).parent / "signatures.yaml").read_text("utf-8"))


def documented(rows: list[Any]) -> Iterator[inspect.Parameter]:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    for row in rows:
        if row == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
            continue
        name, default = next(iter(row.items())) if isinstance(row, dict) else (row, inspect.Parameter.empty)
        yield inspect.Parameter(name, kind, default=default)


@pytest.mark.parametrize("name", TABLE)
def test_signature(name: str) -> None:
    kind, _, method = name.partition(".")
    parameters = inspect.signature(getattr(getattr(atpub, kind), method)).parameters
    ours = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters.values()][1:]
    theirs = list(documented(TABLE[name]))
    assert ours[: len(theirs)] == theirs
    assert all(more.kind is more.KEYWORD_ONLY and more.default is not more.empty for more in ours[len(theirs) :])


@pytest.mark.parametrize("name", [name for name in TABLE if ".publish" in name])
def test_what_is_returned(name: str) -> None:
    kind, _, method = name.partition(".")
    assert inspect.signature(getattr(getattr(atpub, kind), method), eval_str=True).return_annotation is AtUri


def test_every_name_is_offered() -> None:
    assert set(atpub.__all__) <= set(dir(atpub))
    for name in atpub.__all__:
        assert getattr(atpub, name) is not None
    missing = "Nothing"
    with pytest.raises(AttributeError, match="Nothing"):
        getattr(atpub, missing)


def test_names_are_imported_when_they_are_asked_for() -> None:
    program = (
        "import atpub, sys; print(*(n for n in sys.modules if n.startswith('atpub'))); atpub.AtUri; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    before, after = done.stdout.splitlines()
    assert before == "atpub"
    assert "atpub.syntax" in after.split()
    assert not {"httpx", "jsonschema", "atpub.atmosphere"} & set(after.split())
