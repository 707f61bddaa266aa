"""The files of a manifest that live values were taken into, as a diff and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from typing import TYPE_CHECKING

from atpub.atproto.data import JsonObject
from atpub.report.escape import escape_terminal
from atpub.report.problems import FORMAT_VERSION
from atpub.report.style import BOLD, FAINT, GREEN, PLAIN, RED, Style
from atpub.suggest import short_list

if TYPE_CHECKING:
    from atpub.importing.take import EditedFile

_COLOURS = {"+": GREEN, "-": RED}


def taken_text(addresses: Sequence[str], files: Sequence[EditedFile], style: Style = PLAIN) -> str:
    """Return the diff of each file, and what was taken."""
    lines = [style(line, _COLOURS.get(line[:1], FAINT)) for item in files for line in _diff(item)]
    if not files:
        return style(f"Nothing to take: what is live is what the manifest describes: {short_list(addresses)}.", GREEN)
    lines += ["", style(f"Taken over from the live record: {short_list(addresses)}.", BOLD, GREEN)]
    return "\n".join([*lines, "The next apply notes in the inventory that the edit is yours."])


def taken_json(addresses: Sequence[str], files: Sequence[EditedFile]) -> JsonObject:
    """Return the addresses and the diff of each file as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "taken": [*addresses],
        "files": [{"file": item.file, "diff": "\n".join(_diff(item))} for item in files],
    }


def _diff(item: EditedFile) -> Iterator[str]:
    before, after = item.before.splitlines(), item.after.splitlines()
    for line in unified_diff(before, after, item.file, item.file, lineterm=""):
        yield escape_terminal(line)
