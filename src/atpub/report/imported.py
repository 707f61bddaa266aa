"""What became of an import, for people and for programs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from atpub.atproto.data import JsonObject
from atpub.importing.model import ImportResult
from atpub.report.problems import FORMAT_VERSION, problem_json
from atpub.report.style import BOLD, GREEN, PLAIN, Style


def imported_text(imported: ImportResult, out: Path | None, style: Style = PLAIN) -> str:
    """How many entries were made in each section, and how many records were left out."""
    if not imported.entries:
        return style("Nothing to import.", BOLD)
    sections = Counter(entry.address.section for entry in imported.entries)
    listed = ", ".join(f"{count:,} in {section}" for section, count in sections.items())
    count = len(imported.entries)
    line = style(
        f"{f'{out}: ' if out else ''}{count:,} {'entry' if count == 1 else 'entries'} ({listed}).", BOLD, GREEN
    )
    files = [f"Also written: {', '.join(imported.files)}."] if imported.files else []
    return "\n".join([line, *files])


def imported_json(imported: ImportResult, *, project: str, account: str, did: str, out: Path | None) -> JsonObject:
    """The same as JSON; the manifest's text is in it where it goes to no file."""
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
