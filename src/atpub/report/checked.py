"""The verdicts of `atpub check`, as text and as JSON."""

from __future__ import annotations

from atpub.atproto.data import JsonObject
from atpub.atproto.lexicon.violation import json_path
from atpub.errors import Problem
from atpub.lexicon_tools.records import RecordVerdict
from atpub.report.problems import FORMAT_VERSION, problem_json, problems_text
from atpub.report.style import BOLD, GREEN, PLAIN, RED, Style
from atpub.suggest import counted


def verdict_text(verdict: RecordVerdict, style: Style = PLAIN) -> str:
    """Return what is wrong with a record, each problem with its place, line and caret."""
    return problems_text(verdict.problems, style)


def total_text(records: int, invalid: int, style: Style = PLAIN) -> str:
    """Return a line with the numbers of records, and of those that are invalid."""
    if not invalid:
        return style(f"{counted(records, 'record')}, all valid." if records else "No records.", GREEN)
    return style(f"{counted(records, 'record')}, {invalid:,} invalid.", BOLD, RED)


def verdict_json(verdict: RecordVerdict) -> JsonObject:
    """Return the verdict on a record as JSON; each problem with the JSON path of the value."""
    return {
        "file": verdict.file,
        "line": verdict.line or None,
        "collection": verdict.collection or None,
        "valid": verdict.is_valid,
        "problems": [_problem_json(problem) for problem in verdict.problems],
    }


def _problem_json(problem: Problem) -> JsonObject:
    return {**problem_json(problem), "path": json_path(problem.path)}


def checked_json(verdicts: list[JsonObject], warnings: tuple[Problem, ...]) -> JsonObject:
    """Return all verdicts as JSON, and warnings about the lexicons."""
    return {
        "format_version": FORMAT_VERSION,
        "records": len(verdicts),
        "invalid": sum(not verdict["valid"] for verdict in verdicts),
        "warnings": [problem_json(problem) for problem in warnings],
        "verdicts": [*verdicts],
    }
