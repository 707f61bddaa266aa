"""The results of validate, lock, generate, import and rename, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from atpub.atproto.data import JsonObject
from atpub.problems import Problem
from atpub.report.problems import FORMAT_VERSION, problem_json
from atpub.report.style import BOLD, GREEN, PLAIN, Style
from atpub.suggest import pluralize, short_list, size
from atpub.text.scalars import plain_scalar

if TYPE_CHECKING:  # `atpub generate` works without the generated classes, which importing uses
    from atpub.importing.model import ImportResult
    from atpub.manifest.rename import Renamed
    from atpub.measuring.update import LockUpdate


def valid_text(project: str, records: int, warnings: Sequence[Problem], style: Style = PLAIN) -> str:
    """Return a line with the numbers of records and warnings."""
    more = f"; {pluralize(len(warnings), 'warning')}" if warnings else ""
    return style(f"{project}: {pluralize(records, 'record')}, all valid{more}.", GREEN)


def valid_json(project: str, records: int, warnings: Sequence[Problem]) -> JsonObject:
    """Return the numbers and the warnings as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "project": project,
        "records": records,
        "warnings": [problem_json(problem) for problem in warnings],
    }


def lock_text(update: LockUpdate, *, is_check: bool = False) -> str:
    """Return a line with the numbers of locked files and URLs, and of those that changed."""
    kinds = [(len(update.lock.files), "file"), (len(update.lock.urls), "URL")]
    nothing, same = ("nothing locked", "unchanged") if update.failures else ("nothing to lock", "all up to date")
    held = ", ".join(pluralize(count, noun) for count, noun in kinds if count) or nothing
    read = f", {size(update.read)} read" if update.read else ""
    lacking = sum(problem.code == "samples-unknown" for problem in update.failures)
    failures = [(len(update.failures) - lacking, "URL", "measured"), (lacking, "index file", "written")]
    failed = "".join(f"; {pluralize(count, noun)} not {done}" for count, noun, done in failures if count)
    if update.is_current:
        return PLAIN(f"{update.file}: {held}, {same}{failed}.")
    added, changed, removed = len(update.added), len(update.changed), len(update.removed)
    would = "out of date: " if is_check else ""
    return PLAIN(f"{update.file}: {would}{held}; {added} added, {changed} changed, {removed} removed{read}{failed}.")


def absent_text(update: LockUpdate) -> str:
    """Return a line that names the absent files."""
    return PLAIN(f"missing here, kept in the lock: {short_list(update.absent)} (--prune removes them)")


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
        "failures": [problem_json(problem) for problem in update.failures],
        "warnings": [problem_json(problem) for problem in update.warnings],
        "bytes_read": update.read,
    }


def files_text(out: Path, files: int, written: Sequence[PurePosixPath], removed: Sequence[PurePosixPath]) -> str:
    """Return a line with the numbers of generated, written and removed files."""
    total = f"{out}: {pluralize(files, 'file')}"
    if not written and not removed:
        return PLAIN(f"{total}, all up to date.")
    gone = f", {len(removed)} removed" if removed else ""
    return PLAIN(f"{total}, {len(written)} written{gone}.")


def files_json(
    out: Path,
    files: int,
    written: Sequence[PurePosixPath],
    removed: Sequence[PurePosixPath],
    warnings: Sequence[Problem] = (),
) -> JsonObject:
    """Return the names of the files, and the warnings, as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "out": str(out),
        "files": files,
        "written": [str(name) for name in written],
        "removed": [str(name) for name in removed],
        "warnings": [problem_json(problem) for problem in warnings],
    }


def imported_text(imported: ImportResult, out: Path | None, style: Style = PLAIN) -> str:
    """Return a line with the number of new entries in each section, and one with the other files."""
    if not imported.entries:
        return style("Nothing to import.", BOLD)
    sections = Counter(entry.address.section for entry in imported.entries)
    counts = ", ".join(f"{count:,} in {section}" for section, count in sections.items())
    count = len(imported.entries)
    line = style(
        f"{f'{out}: ' if out else ''}{count:,} {'entry' if count == 1 else 'entries'} ({counts}).", BOLD, GREEN
    )
    files = [style(f"Also written: {', '.join(imported.files)}.")] if imported.files else []
    return "\n".join([line, *files])


def imported_json(imported: ImportResult, *, project: str, account: str, did: str, out: Path | None) -> JsonObject:
    """Return the entries and warnings as JSON, with the manifest's text unless it is written to a file."""
    return {
        "format_version": FORMAT_VERSION,
        "project": project,
        "account": account,
        "did": did,
        "out": str(out) if out else None,
        "manifest": imported.text if imported.entries and not out else None,
        "entries": [{"address": str(entry.address), "uri": str(entry.uri)} for entry in imported.entries],
        "files": [*imported.files],
        "warnings": [problem_json(problem) for problem in imported.warnings],
    }


def renamed_text(renamed: Renamed) -> str:
    """Return that an entry has another key, what it got to keep its record, and the files that were edited."""
    fields = [f"{name}: {plain_scalar(text)}" for name, text in renamed.fields.items()]
    kept = f", with {' and '.join(fields)}" if fields else ""
    edited = "\n".join(f"  {PLAIN(file)}" for file in renamed.texts)
    return f"{renamed.old} is now {renamed.new}{kept}. Edited:\n{edited}"


def renamed_json(renamed: Renamed) -> JsonObject:
    """Return both addresses, the fields that the entry got, and the edited files, as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "from": str(renamed.old),
        "to": str(renamed.new),
        "fields": {**renamed.fields},
        "files": [*renamed.texts],
    }
