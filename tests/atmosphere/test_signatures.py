"""The names, kinds and defaults of the calls are the documented ones; and the package offers what it says."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.atproto.lexicon.tables import read_yaml

import atpub
from atpub.atmosphere import AtUri

REQUIRED = inspect.Parameter.empty
TABLE: dict[str, list[Any]] = read_yaml(Path(__file__).parent / "signatures.yaml")


def documented(rows: list[Any]) -> list[tuple[str, Any, bool]]:
    """Name and default of each parameter, and whether it is given by keyword only."""
    star = rows.index("*") if "*" in rows else len(rows)
    return [(*_row(row), index > star) for index, row in enumerate(rows) if row != "*"]


def _row(row: str | dict[str, Any]) -> tuple[str, Any]:
    return (row, REQUIRED) if isinstance(row, str) else next(iter(row.items()))


@pytest.mark.parametrize("name", TABLE)
def test_signature(name: str) -> None:
    kind, _, method = name.partition(".")
    _, *parameters = inspect.signature(getattr(getattr(atpub, kind), method)).parameters.values()
    ours = [(item.name, item.default, item.kind is item.KEYWORD_ONLY) for item in parameters]
    theirs = documented(TABLE[name])
    assert ours[: len(theirs)] == theirs
    assert all(by_keyword and default is not REQUIRED for _, default, by_keyword in ours[len(theirs) :])


@pytest.mark.parametrize("name", [name for name in TABLE if ".publish" in name])
def test_what_is_returned(name: str) -> None:
    kind, _, method = name.partition(".")
    assert inspect.signature(getattr(getattr(atpub, kind), method), eval_str=True).return_annotation is AtUri


@pytest.mark.slow
def test_plan_and_apply_are_functions_whatever_is_imported_first() -> None:
    program = (
        "import atpub.engine.plan.model, atpub.engine.apply, atpub.cli.run.plan, atpub; print(atpub.plan, atpub.apply)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"<function plan at \S+> <function apply at \S+>\n", done.stdout)


def test_every_name_is_offered() -> None:
    assert set(atpub.__all__) <= set(dir(atpub))
    for name in atpub.__all__:
        assert getattr(atpub, name) is not None
    missing = "Nothing"
    with pytest.raises(AttributeError, match="Nothing"):
        getattr(atpub, missing)


def test_type_checkers_see_the_names_that_there_are() -> None:
    """The package says its names three times: to type checkers, to who asks for one, and to `import *`."""
    (stated,) = (node for node in ast.parse(Path(atpub.__file__).read_text("utf-8")).body if isinstance(node, ast.If))
    imports = [node for node in stated.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: node.module for node in imports for alias in node.names if alias.asname == alias.name}
    assert seen == vars(atpub)["_MODULES"]
    assert sorted(seen) == atpub.__all__


def test_names_are_imported_when_they_are_asked_for() -> None:
    program = (
        "import atpub, sys; print(*(n for n in sys.modules if n.startswith('atpub'))); atpub.AtUri; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    before, after = done.stdout.splitlines()
    assert before == "atpub"
    assert "atpub.atproto.syntax" in after.split()
    assert not {"httpx", "jsonschema", "atpub.atmosphere"} & set(after.split())
