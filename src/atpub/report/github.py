"""Results for GitHub Actions: annotations of lines of files, as commands in the log, and the summary of a job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from atpub.engine.plan.model import Change, Plan
from atpub.errors import AtpubError, InvalidInput
from atpub.problems import Place, Problem
from atpub.report.escape import escape_github, escape_github_property, escape_markdown
from atpub.report.problems import placed_message
from atpub.report.three_way import describe_drift
from atpub.suggest import pluralize

_MOST_PROBLEMS = 200


def annotation_lines(problems: Iterable[Problem]) -> str:
    """Return a workflow command for each problem, which annotates its line."""
    return "\n".join(map(_annotation, problems))


def _annotation(problem: Problem) -> str:
    place = problem.place
    where: list[tuple[str, object]] = [("file", Path(place.file).as_posix())] if place else []
    if place and place.line:
        where += [("line", place.line), ("col", place.column)]
    listed = ",".join(f"{name}={escape_github_property(value)}" for name, value in [*where, ("title", problem.code)])
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"::{problem.severity} {listed}::{escape_github(f'{problem.message}{hint}')}"


def plan_problems(plan: Plan, key_place: Callable[[tuple[str, str]], Place]) -> Iterator[Problem]:
    """Yield what a reviewer must see of a plan, at the lines of the manifest: refusals first, then deletes and drift.

    A deleted entry has no line; `key_place` gives that of its section, or of the whole manifest.
    """
    for refusal in plan.refusals:
        yield Problem(refusal.code, refusal.message, key_place(_steps(refusal.address)), refusal.hint)
    for change in plan.changes:
        place = key_place(_steps(change.address))
        if change.action == "delete":
            yield Problem("record-deleted", f"{change.address} is to be deleted: {change.uri}", place, "", "warning")
        if change.drift:
            yield _drift(change, describe_drift(change.drift), place)
    yield from plan.warnings


def _drift(change: Change, text: str, place: Place) -> Problem:
    message = f"{change.address}: {text}"
    keeps = f"; to keep it: atpub import --take {change.address}" if change.before and change.after is not None else ""
    hint = f"applying this plan undoes that{keeps}" if change.writes else ""
    return Problem("record-drifted", message, place, hint, "warning")


def _steps(address: str) -> tuple[str, str]:
    section, _, key = address.partition("/")
    return section, key


def error_problems(error: AtpubError) -> tuple[Problem, ...]:
    """Return the problems of invalid input, or another error as a problem without a place."""
    return (
        error.problems if isinstance(error, InvalidInput) else (Problem(error.code, error.message, None, error.hint),)
    )


def error_markdown(error: AtpubError) -> str:
    """Return an error as Markdown for the summary of a job."""
    problems = error_problems(error)
    lines = [f"- {problem.severity} {escape_markdown(problem.code)}: {_link(problem)}" for problem in problems]
    left = len(lines) - _MOST_PROBLEMS
    more = [f"- … and {pluralize(left, 'more problem')}"] if left > 0 else []
    return "\n".join(["### atpub: no plan", "", *lines[:_MOST_PROBLEMS], *more, ""])


def _link(problem: Problem) -> str:
    hint = f"<br>\n  {escape_markdown(problem.hint)}" if problem.hint else ""
    return f"{escape_markdown(placed_message(problem))}{hint}"
