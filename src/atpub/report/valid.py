"""What was found of a manifest that is valid, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence

from atpub.atproto.data import JsonObject
from atpub.errors import Problem
from atpub.report.problems import FORMAT_VERSION, problem_json
from atpub.report.style import GREEN, PLAIN, Style, counted
from atpub.shards.lock import listed
from atpub.shards.locking import LockUpdate


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


def lock_text(update: LockUpdate) -> str:
    """Return a line with the numbers of locked files and URLs, and of those that changed."""
    kinds = [(len(update.lock.files), "file"), (len(update.lock.urls), "URL")]
    held = ", ".join(counted(count, noun) for count, noun in kinds if count) or "nothing to lock"
    if not (update.added or update.changed or update.removed):
        return f"{update.file}: {held}, all up to date."
    added, changed, removed = len(update.added), len(update.changed), len(update.removed)
    return f"{update.file}: {held}; {added} added, {changed} changed, {removed} removed."


def absent_text(update: LockUpdate) -> str:
    """Return a line that names the absent files."""
    return f"not here, and kept in the lock: {listed(update.absent)} (--prune drops them)"


def lock_json(update: LockUpdate) -> JsonObject:
    """Return the update as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "lock": str(update.file),
        "files": len(update.lock.files),
        "urls": len(update.lock.urls),
        "added": [*sorted(update.added)],
        "changed": [*sorted(update.changed)],
        "removed": [*sorted(update.removed)],
        "absent": [*sorted(update.absent)],
    }
