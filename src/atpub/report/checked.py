"""The verdicts of `atpub check`, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable

from atpub.atproto.data import JsonObject
from atpub.atproto.lexicon.violation import json_path
from atpub.lexicon_tools.records import RecordVerdict
from atpub.problems import Problem
from atpub.report.problems import FORMAT_VERSION, problem_json, problems_text
from atpub.report.style import BOLD, GREEN, PLAIN, RED, Style
from atpub.suggest import pluralize


def verdict_text(verdict: RecordVerdict, style: Style = PLAIN) -> str:
    """Return what is wrong with a record, each problem with its place, line and caret."""
    return problems_text(verdict.problems, style)


def total_text(records: int, invalid: int, unreadable: int = 0, style: Style = PLAIN) -> str:
    """Return a line with the numbers of records, of those that are invalid, and of files that cannot be read."""
    parts = [f"{pluralize(records, 'record')}, {f'{invalid:,} invalid' if invalid else 'all valid'}"] if records else []
    parts += [f"{pluralize(unreadable, 'file')} not read"] if unreadable else []
    text = "; ".join(parts) or "No records"
    return style(f"{text}.", BOLD, RED) if invalid or unreadable else style(f"{text}.", GREEN)


def verdict_json(verdict: RecordVerdict) -> JsonObject:
    """Return the verdict on a record as JSON; each problem with the JSON path of the value."""
    return {
        "file": verdict.file,
        "line": verdict.line or None,
        "uri": verdict.uri or None,
        "collection": verdict.collection or None,
        "valid": verdict.is_valid,
        "problems": [_problem_json(problem) for problem in verdict.problems],
    }


def _problem_json(problem: Problem) -> JsonObject:
    return {**problem_json(problem), "path": json_path(problem.path)}


def checked_json(verdicts: Iterable[RecordVerdict], warnings: Iterable[Problem]) -> JsonObject:
    """Return all verdicts as JSON, and warnings about the lexicons."""
    listed = [*verdicts]
    records = [verdict for verdict in listed if verdict.is_record]
    return {
        "format_version": FORMAT_VERSION,
        "records": len(records),
        "invalid": sum(not verdict.is_valid for verdict in records),
        "unreadable": len(listed) - len(records),
        "warnings": [problem_json(problem) for problem in warnings],
        "verdicts": [verdict_json(verdict) for verdict in listed],
    }
