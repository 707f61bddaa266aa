"""docs/security.md: every test that it names exists, and every refusal names one."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs/security.md").read_text("utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| atpub refuses")]


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS)
def test_a_refusal_has_a_test_that_exists(row: str) -> None:
    found = re.fullmatch(r"\| .+ \| `([\w/]+\.py)::(test_\w+)` \|", row)
    assert found, "a row names one test: `folder/test_file.py::test_name`"
    assert found[2] in functions(found[1])


def test_every_role_has_its_table() -> None:
    roles = [part.splitlines()[0] for part in PAGE.split("\n## ")[1:] if "| atpub refuses | test |" in part]
    people = ["Author of a pull request", "Author of a record", "Server", "Reader of logs and CI comments"]
    assert roles == [*people, "Agent"]
