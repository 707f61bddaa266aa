"""What was found of a manifest that is valid, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence

from atpub.atproto.data import JsonObject
from atpub.errors import Problem
from atpub.report.problems import FORMAT_VERSION, problem_json
from atpub.report.style import GREEN, PLAIN, Style, counted


def valid_text(project: str, records: int, warnings: Sequence[Problem], style: Style = PLAIN) -> str:
    """The number of records, and of warnings where there are any."""
    doubts = f"; {counted(len(warnings), 'warning')}" if warnings else ""
    return style(f"{project}: {counted(records, 'record')}, all valid{doubts}.", GREEN)


def valid_json(project: str, records: int, warnings: Sequence[Problem]) -> JsonObject:
    """The same as JSON, with each warning."""
    return {
        "format_version": FORMAT_VERSION,
        "project": project,
        "records": records,
        "warnings": [problem_json(problem) for problem in warnings],
    }
