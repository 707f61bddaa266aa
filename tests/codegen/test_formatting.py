"""Lines that are too long are broken where ruff breaks them; what cannot be broken is left."""

import ast
import subprocess
import sys

import pytest

from atpub_codegen.formatting import WIDTH, assign, comment, fit, function, join

A, B = "a" * 40, "b" * 70
LINES = {
    "short": fit("value = [a, b]"),
    "call": fit(f'value = load({A}, accept=("{A}", "a,(b"), max_size=3)'),
    "call_on_many_lines": fit(f'value = load({A}, accept=("{A}", "{A}", "\\\\),"), limits=["{A}", "{A}", "{A}"])'),
    "index": fit(f'value: TypeAlias = dict[Literal["{A}"], Literal["{A}"]]'),
    "list": fit(f"value = [load_{A}(x) for x in load_{B}]"),
    "list_of_lists": fit(f"value = [[load_{A}({A}, {A}, {A}) for x in xx] for xx in load_{B}]"),
    "choice": assign(f"None if {A} is None else [{A} for x in {A}]", "value", 0),
    "choice_on_many_lines": assign(f"None if {A} is None else [load({A}, {A}) for x in {B}]", "value", 0),
    "no_choice": assign(f"[{A} for x in {B}]", "value", 0),
    "union": join(f"value: TypeAlias = {B} | ", [A, B], "|"),
    "union_of_many": join("value: TypeAlias = ", [A, A, A, f'Literal["{A}", "{A}", "{A}"]'], "|"),
    "one_test": join("if ", [f'{A} not in ("{A}", "{B}")'], "or", ":") + "\n    pass",
    "function": function(A, "data: Any", f"dict[{A}, {A}]") + "\n    pass",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LINES)
def test_ruff_leaves_a_line(name: str) -> None:
    text = LINES[name] + "\n"
    ast.parse(text)
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={WIDTH}", "-"]
    assert subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout == text
    assert max(map(len, text.splitlines())) <= max(WIDTH, len(A + B) + 20)


@pytest.mark.parametrize("line", [f'value == "{A * 3}"', f"{A * 3}()", f"value = ({A * 3})", A * 3])
def test_what_cannot_be_broken_stays(line: str) -> None:
    assert fit(line).replace("\n    ", "").replace("\n", "") == line


def test_a_comment_of_two_sentences() -> None:
    assert comment("One.", "Two.") == "# One. Two."
    assert comment(A, A, A) == f"# {A}\n# {A}\n# {A}"
