"""The results of `atpub lex`: findings as text, JSON, SARIF and annotations of GitHub Actions, rules, written files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import quote

from atpub.atproto.data import Json, JsonObject
from atpub.lexicon_tools.lint import LintResult
from atpub.lexicon_tools.rules import Rule
from atpub.problems import Problem
from atpub.report.problems import FORMAT_VERSION, problem_json, problems_text
from atpub.report.style import BOLD, GREEN, PLAIN, RED, Style
from atpub.suggest import pluralize

_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def lint_text(result: LintResult, style: Style = PLAIN) -> str:
    """Return each finding with its place, line, caret and hint, and a line with their numbers."""
    total = f"{pluralize(result.files, 'lexicon')}: "
    if not result.problems:
        return style(f"{total}nothing found.", GREEN)
    counts = [
        pluralize(count, noun) for count, noun in ((result.errors, "error"), (result.warnings, "warning")) if count
    ]
    line = f"{total}{', '.join(counts)}."
    colours = (BOLD, RED) if result.errors else (BOLD,)
    return f"{problems_text(result.problems, style)}\n{style(line, *colours)}"


def lint_json(result: LintResult) -> JsonObject:
    """Return the findings as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "files": result.files,
        "errors": result.errors,
        "warnings": result.warnings,
        "problems": [problem_json(problem) for problem in result.problems],
    }


def lint_sarif(result: LintResult, rules: Iterable[Rule]) -> JsonObject:
    """Return the findings in the Static Analysis Results Interchange Format (SARIF 2.1.0, OASIS)."""
    described: list[Json] = [
        {
            "id": rule.code,
            "shortDescription": {"text": rule.summary},
            "defaultConfiguration": {"level": rule.severity},
        }
        for rule in rules
    ]
    driver: JsonObject = {"name": "atpub lex lint", "version": version("atpub"), "rules": described}
    results: list[Json] = [_sarif_result(problem) for problem in result.problems]
    run: JsonObject = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SARIF, "version": "2.1.0", "runs": [run]}


def _sarif_result(problem: Problem) -> JsonObject:
    hint = f" ({problem.hint})" if problem.hint else ""
    found: JsonObject = {
        "ruleId": problem.code,
        "level": problem.severity,
        "message": {"text": f"{problem.message}{hint}"},
    }
    if place := problem.place:
        physical: JsonObject = {"artifactLocation": {"uri": quote(Path(place.file).as_posix())}}
        if place.line:
            physical["region"] = {"startLine": place.line, "startColumn": place.column}
        found["locations"] = [{"physicalLocation": physical}]
    return found


def rules_text(rules: Sequence[Rule], style: Style = PLAIN) -> str:
    """Return each rule with its severity, its explanation and an example of what it finds."""
    return "\n".join(
        f"{style(rule.code, BOLD)} ({rule.severity}): {style(rule.summary)}\n    {style(f'finds: {rule.example}')}"
        for rule in rules
    )


def rules_json(rules: Sequence[Rule]) -> JsonObject:
    """Return the rules as JSON."""
    listed: list[Json] = [
        {
            "code": rule.code,
            "severity": rule.severity,
            "summary": rule.summary,
            "example": rule.example,
            "goat": [*rule.goat],
        }
        for rule in rules
    ]
    return {"format_version": FORMAT_VERSION, "rules": listed}


def formatted_text(files: int, changed: Sequence[str]) -> str:
    """Return a line for each file that was written, and one with their number."""
    written = f"{len(changed):,} formatted" if changed else "nothing to format"
    return "\n".join([*map(PLAIN, changed), f"{pluralize(files, 'lexicon')}: {written}."])


def formatted_json(files: int, written: Sequence[str], warnings: Sequence[Problem] = ()) -> JsonObject:
    """Return the names of the files that were written, and warnings, as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "files": files,
        "written": [*written],
        "warnings": [problem_json(problem) for problem in warnings],
    }
