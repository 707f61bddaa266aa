"""Problems and errors, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.errors import AtpubError, Declined, InvalidInput, Problem, StaleFiles
from atpub.report.escape import UNSAFE
from atpub.report.style import BOLD, CYAN, PLAIN, RED, YELLOW, Style
from atpub.suggest import counted
from atpub.text.source import caret

FORMAT_VERSION: Final = "1.0"
"""The version of all JSON that atpub prints; the first number changes with incompatible formats."""


def problems_text(problems: Iterable[Problem], style: Style = PLAIN) -> str:
    """Return each problem with its place, line, caret and hint, ordered by file and line."""
    return "\n".join(_problem_text(problem, style) for problem in sorted(problems, key=attrgetter("order")))


def error_text(error: AtpubError, style: Style = PLAIN) -> str:
    """Return an error and its hint; of invalid input, every problem."""
    if isinstance(error, InvalidInput):
        return f"{problems_text(error.problems, style)}\n{style(_total(error), BOLD, RED)}"
    if isinstance(error, Declined):
        return style(f"{error.message[:1].upper()}{error.message[1:]}.")  # an answer, not an error
    # Only the names of generated files stand on lines of their own: the line breaks of other messages are from others.
    first, *rest = error.message.split("\n") if isinstance(error, StaleFiles) else [error.message]
    lines = [f"{style('error', BOLD, RED)}: {style(f'{first} [{error.code}]')}", *map(style, rest)]
    if error.hint:
        lines.append(f"  {style('hint', CYAN)}: {style(error.hint)}")
    return "\n".join(lines)


def _total(error: InvalidInput) -> str:
    """Return the numbers of errors and warnings."""
    errors = sum(problem.severity == "error" for problem in error.problems)
    warnings = len(error.problems) - errors
    return ", ".join([counted(errors, "error"), *([counted(warnings, "warning")] if warnings else [])])


def error_json(error: AtpubError) -> JsonObject:
    """Return an error as JSON."""
    found: JsonObject = {"code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, InvalidInput):
        found["message"] = _total(error)
        found["problems"] = [problem_json(problem) for problem in sorted(error.problems, key=attrgetter("order"))]
    if isinstance(error, StaleFiles):
        found["files"] = list(error.files)
    return {"format_version": FORMAT_VERSION, "error": found}


def problem_json(problem: Problem) -> JsonObject:
    """Return a problem as JSON; line and column are null if the problem has no place."""
    place = problem.place
    return {
        "severity": problem.severity,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "file": place.file if place else None,
        "line": place.line if place and place.line else None,
        "column": place.column if place and place.line else None,
    }


def _problem_text(problem: Problem, style: Style) -> str:
    colour = RED if problem.severity == "error" else YELLOW
    where = f"{style(str(problem.place), BOLD)}: " if problem.place else ""
    lines = [f"{where}{style(problem.severity, BOLD, colour)}: {style(f'{problem.message} [{problem.code}]')}"]
    place = problem.place
    if place and place.line and place.text:
        gutter = str(place.line)
        lines.append(f"  {gutter} | {_excerpt(place.text)}")
        lines.append(f"  {' ' * len(gutter)} | {' ' * caret(place)}{style('^', BOLD, colour)}")
    if problem.hint:
        lines.append(f"  {style('hint', CYAN)}: {style(problem.hint)}")
    return "\n".join(lines)


def _excerpt(text: str) -> str:
    """Return a line of a file with one character for each unsafe one, so that the caret still fits."""
    return UNSAFE.sub("\ufffd", text.replace("\t", " "))
