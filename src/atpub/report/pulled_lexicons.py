"""The results of `atpub lex pull`, as text and as JSON."""

from __future__ import annotations

from atpub.atproto.data import JsonObject
from atpub.lexicon_resolution.lock import LexiconLock
from atpub.lexicon_resolution.run import PulledFile, PullResult
from atpub.report.problems import FORMAT_VERSION, problem_json
from atpub.report.style import FAINT, GREEN, PLAIN, YELLOW, Style
from atpub.suggest import counted

_COLOURS = {"new": (GREEN,), "changed": (YELLOW,), "unchanged": (FAINT,)}


def pulled_text(result: PullResult, style: Style = PLAIN) -> str:
    """Return a line for each lexicon that was written, and one with their numbers."""
    written = [file for file in result.files if file.state != "unchanged"]
    lines = [_line(file, style) for file in written]
    lines += [style(f"{file}: no longer needed; the lock leaves it out", YELLOW) for file in result.unneeded]
    unchanged = len(result.files) - len(written)
    total = f"{counted(len(written), 'lexicon')} written" if written else "Nothing to write"
    return "\n".join([*lines, style(f"{total}; {unchanged:,} as locked.")])


def _line(file: PulledFile, style: Style) -> str:
    return (
        f"{style(f'{file.state:<8}', *_COLOURS[file.state])} {style(file.file)}  {style(file.resolution.origin, FAINT)}"
    )


def pulled_json(result: PullResult) -> JsonObject:
    """Return the lexicons as JSON: each with its file, its state, where it is from, and its CID."""
    return {
        "format_version": FORMAT_VERSION,
        "lexicons": [
            {
                "nsid": file.nsid,
                "file": str(file.file),
                "state": file.state,
                "from": file.resolution.origin,
                "cid": file.resolution.cid,
            }
            for file in result.files
        ],
        "unneeded": [*result.unneeded],
        "warnings": [problem_json(problem) for problem in result.warnings],
    }


def frozen_text(lock: LexiconLock, style: Style = PLAIN) -> str:
    """Return a line that says that the files are as locked."""
    return style(f"{counted(len(lock.resolutions), 'lexicon')}, all as locked.", GREEN)


def frozen_json(lock: LexiconLock) -> JsonObject:
    """Return the number of locked lexicons as JSON."""
    return {"format_version": FORMAT_VERSION, "lexicons": len(lock.resolutions)}
