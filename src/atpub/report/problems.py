"""Problems and errors, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.errors import AtpubError, Declined, InternalError, Interrupted, InvalidInput, Refused, StaleFiles, Usage
from atpub.problems import Place, Problem, Severity
from atpub.report.escape import UNSAFE
from atpub.report.style import BOLD, CYAN, PLAIN, RED, YELLOW, Style, columns
from atpub.suggest import pluralize
from atpub.text.source import caret

FORMAT_VERSION: Final = "1.0"
"""The version of all JSON that atpub prints; the first number changes with incompatible formats."""
_MOST_ALIKE: Final = 10
_LEAST_ROOM: Final = 20


def problems_text(problems: Iterable[Problem], style: Style = PLAIN) -> str:
    """Return each problem with its place, line, caret and hint, ordered by file and line.

    Of more than ten problems with one code and hint, the first ten are shown, and the number of the others; in a long
    style, all.
    """
    return "\n".join(_problem_lines(sorted(problems, key=attrgetter("order")), style))


def _problem_lines(problems: Iterable[Problem], style: Style) -> Iterator[str]:
    shown: Counter[tuple[Severity, str, str]] = Counter()
    for problem in problems:
        kind = (problem.severity, problem.code, problem.hint)
        shown[kind] += 1
        if style.is_long or shown[kind] <= _MOST_ALIKE:
            yield _problem_text(problem, style)
    for (severity, code, _), count in shown.items():
        if count > _MOST_ALIKE and not style.is_long:
            more = f"… and {count - _MOST_ALIKE:,} more like this [{code}]; -v shows all"
            yield labelled_text(severity, _colour(severity), more, style)


def error_text(error: AtpubError, style: Style = PLAIN) -> str:
    """Return an error and its hint; of invalid input, every problem."""
    if isinstance(error, InvalidInput):
        return f"{problems_text(error.problems, style)}\n{style(_total(error), BOLD, RED)}"
    if isinstance(error, Declined):
        return style(f"{error.message[:1].upper()}{error.message[1:]}.")  # an answer, not an error
    # Only the names of generated files stand on lines of their own: the line breaks of other messages are from others.
    first, *rest = error.message.split("\n") if isinstance(error, StaleFiles) else [error.message]
    lines = [labelled_text("error", RED, f"{first} [{error.code}]", style), *map(style, rest)]
    if error.hint:
        lines.append(hint_text(error.hint, style))
    return "\n".join(lines)


def labelled_text(label: str, colour: int, text: str, style: Style) -> str:
    """Return a text after a word such as `error`."""
    return style.hang(text, (label, (BOLD, colour)), (": ", ()))


def hint_text(hint: str, style: Style) -> str:
    """Return the line of a hint."""
    return style.hang(hint, ("  ", ()), ("hint", (CYAN,)), (": ", ()), indent="    ")


def explanation_hint(error: AtpubError) -> str:
    """Return how to learn more about an error; empty for errors that a user caused knowingly."""
    if isinstance(error, Declined | Interrupted | Usage | InternalError):
        return ""
    codes = {item.code for item in error.problems} if isinstance(error, InvalidInput) else {error.code}
    if isinstance(error, Refused) or len(codes) != 1:
        return "atpub explain CODE says more about a code in brackets"
    return f"atpub explain {codes.pop()} says more"


def _total(error: InvalidInput) -> str:
    """Return the numbers of errors and warnings."""
    errors = sum(problem.severity == "error" for problem in error.problems)
    warnings = len(error.problems) - errors
    return ", ".join([pluralize(errors, "error"), *([pluralize(warnings, "warning")] if warnings else [])])


def error_json(error: AtpubError) -> JsonObject:
    """Return an error as JSON."""
    found: JsonObject = {"code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, InvalidInput):
        found["message"] = _total(error)
        found["problems"] = [problem_json(problem) for problem in sorted(error.problems, key=attrgetter("order"))]
    if isinstance(error, StaleFiles):
        found["files"] = list(error.files)
    return {"format_version": FORMAT_VERSION, "error": found}


def placed_message(problem: Problem) -> str:
    """Return a problem's message after its place, if it has one."""
    return f"{problem.place}: {problem.message}" if problem.place else problem.message


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
    colour = _colour(problem.severity)
    where = [(str(problem.place), (BOLD,)), (": ", ())] if problem.place else []
    severity = (problem.severity, (BOLD, colour))
    lines = [style.hang(f"{problem.message} [{problem.code}]", *where, severity, (": ", ()))]
    place = problem.place
    if place and place.line and place.text:
        gutter = str(place.line)
        excerpt, at = _excerpt(place, None if style.width is None else style.width - len(gutter) - 5)
        lines.append(f"  {gutter} | {excerpt}")
        lines.append(f"  {' ' * len(gutter)} | {' ' * at}{style('^', BOLD, colour)}")
    if problem.hint:
        lines.append(hint_text(problem.hint, style))
    return "\n".join(lines)


def _colour(severity: Severity) -> int:
    return RED if severity == "error" else YELLOW


def _excerpt(place: Place, room: int | None) -> tuple[str, int]:
    """Return the part of a file's line that fits, and the column of the caret below it.

    An unsafe character becomes one harmless character, so that the caret still fits.
    """
    text, at = UNSAFE.sub("\ufffd", place.text.replace("\t", " ")), caret(place)
    if room is None or columns(text) <= max(room, _LEAST_ROOM):
        return text, columns(text[:at].ljust(at))
    room = max(room // 2 if columns(text) > len(text) else room, _LEAST_ROOM)  # any of its characters may be wide
    start = max(0, min(at - room // 2, len(text) - room))
    end = start + room
    before, after = "…" if start else "", "…" if end < len(text) else ""
    shown = f"{before}{text[start + len(before) : end - len(after)]}{after}"
    return shown, columns(shown[: at - start].ljust(at - start))
