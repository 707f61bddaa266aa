"""Lines of Python that are too long, broken where `ruff format` breaks them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

WIDTH: Final = 120
_OR_NULL: Final = "None if "
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}


def fit(line: str, indent: int = 0) -> str:
    """Return the line if it fits; else break it at its last brackets.

    A line without brackets, such as one long string, stays as it is.
    """
    if len(line) + indent <= WIDTH:
        return line
    opened, closed, commas = _brackets(line)
    before, inside, after = line[: opened + 1], line[opened + 1 : closed], line[closed:]
    called = opened > 0 and (line[opened - 1].isalnum() or line[opened - 1] in "_])")
    pad = "\n" + " " * (indent + 4)
    if commas and not (called and len(inside) + indent + 4 <= WIDTH):
        return block(before, _parts(line, opened, closed, commas), after, indent)
    if not called and not commas:
        item, each, rest = inside.rpartition(" for ")
        if not each or before[-1] != "[":
            return line
        if len(inside) + indent + 4 > WIDTH:
            inside = f"{fit(item, indent + 4)}{pad}{each.strip()} {rest}"
    return f"{before}{pad}{inside}{pad[:-4]}{after}" if inside else line


def block(before: str, parts: Iterable[str], after: str, indent: int = 0) -> str:
    """Return the parts between an opening and a closing, one part per line."""
    pad = "\n" + " " * indent
    rows = "".join(f"{pad}    {fit(part, indent + 4)}," for part in parts)
    return f"{before}{rows}{pad}{after}"


def assign(value: str, target: str, indent: int) -> str:
    """Assign a value to a target, in brackets of its own where it has two cases and does not fit."""
    line = f"{target} = {value}"
    if len(line) + indent <= WIDTH or not value.startswith(_OR_NULL):
        return fit(line, indent)
    pad = "\n" + " " * (indent + 4)
    if len(value) + indent + 4 > WIDTH:
        null, test, other = value.partition(" else ")
        value = f"{null.replace(' if ', f'{pad}if ')}{pad}{test.strip()} {fit(other, indent + 4)}"
    return f"{target} = ({pad}{value}{pad[:-4]})"


def join(before: str, parts: Sequence[str], operator: str, after: str = "", indent: int = 0) -> str:
    """Parts with an operator between them; each on a line of its own, where they do not all fit on one."""
    line = f" {operator} ".join(parts)
    if len(before) + len(line) + len(after) + indent <= WIDTH or len(parts) < 2:
        return fit(f"{before}{line}{after}", indent)
    pad = "\n" + " " * (indent + 4)
    if len(parts) == 2 and parts[1].startswith("not ("):  # what it negates is broken, and nothing else
        return f"{before}{parts[0]} {operator} not ({pad}{parts[1][5:-1]}{pad[:-4]}){after}"
    if len(line) + indent + 4 > WIDTH:
        line = f"{pad}{operator} ".join(fit(part, indent + 4) for part in parts)
    return f"{before}({pad}{line}{pad[:-4]}){after}"


def signature(before: str, parameters: Sequence[str], after: str, indent: int = 0) -> str:
    """Return a function's first line; parameters that do not fit on it follow, on one line or on a line each."""
    line = ", ".join(parameters)
    if len(before) + len(line) + len(after) + indent <= WIDTH:
        return f"{before}{line}{after}"
    pad = "\n" + " " * indent
    if len(line) + indent + 4 <= WIDTH:
        return f"{before}{pad}    {line}{pad}{after}"
    return f"{before}{''.join(f'{pad}    {parameter},' for parameter in parameters)}{pad}{after}"


def comment(*sentences: str) -> str:
    """Sentences in a comment, on a line each where they do not fit on one."""
    line = f"# {' '.join(sentences)}"
    return line if len(line) <= WIDTH else "\n".join(f"# {sentence}" for sentence in sentences)


def function(name: str, parameter: str, returns: str) -> str:
    """Return the first line of a function with one parameter, broken where it does not fit."""
    line = f"def {name}({parameter}) -> {returns}:"
    return line if len(line) <= WIDTH else f"def {name}(\n    {parameter},\n) -> {returns}:"


def _parts(line: str, opened: int, closed: int, commas: Sequence[int]) -> list[str]:
    edges = [opened, *commas, closed]
    parts = (line[start + 1 : end].strip() for start, end in pairwise(edges))
    return [part for part in parts if part]


def _brackets(line: str) -> tuple[int, int, list[int]]:
    """Find the last outermost brackets, and the commas between them."""
    found: tuple[int, int, list[int]] = 0, 0, []
    closing: list[str] = []
    opened, commas, at = 0, list[int](), 0
    while at < len(line):
        character = line[at]
        if character in "\"'":
            at = _end_of_string(line, at)
        elif character in _CLOSING:
            if not closing:
                opened, commas = at, []
            closing.append(_CLOSING[character])
        elif closing and character == closing[-1]:
            closing.pop()
            if not closing:
                found = opened, at, commas
        elif character == "," and len(closing) == 1:
            commas.append(at)
        at += 1
    return found


def _end_of_string(line: str, start: int) -> int:
    at = start + 1
    while line[at] != line[start]:
        at += 2 if line[at] == "\\" else 1
    return at
