"""The results of `atpub lex pull` and `atpub lex status`, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.lexicon_resolution.run import PulledFile, PullResult
from atpub.lexicon_resolution.status import DnsState, LexiconStatus, RecordState
from atpub.manifest.lexicon_lock import LexiconLock
from atpub.report.problems import FORMAT_VERSION, problem_json
from atpub.report.style import FAINT, GREEN, PLAIN, YELLOW, Style
from atpub.report.table import table
from atpub.suggest import pluralize

_COLOURS = {"new": (GREEN,), "changed": (YELLOW,), "unchanged": (FAINT,)}


def pulled_text(result: PullResult, style: Style = PLAIN) -> str:
    """Return a line for each lexicon that was written, and one with their numbers."""
    written = [file for file in result.files if file.state != "unchanged"]
    lines = [_line(file, style) for file in written]
    lines += [style(f"{file}: no longer needed; the lock leaves it out", YELLOW) for file in result.unneeded]
    unchanged = len(result.files) - len(written)
    total = f"{pluralize(len(written), 'lexicon')} written" if written else "Nothing to write"
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
    return style(f"{pluralize(len(lock.resolutions), 'lexicon')}, all as locked.", GREEN)


def frozen_json(lock: LexiconLock) -> JsonObject:
    """Return the number of locked lexicons as JSON."""
    return {"format_version": FORMAT_VERSION, "lexicons": len(lock.resolutions)}


_RECORD: Final[Mapping[RecordState, str]] = {
    "same": "same",
    "differs": "differs",
    "not-published": "not published",
    "no-file": "published, no file",
    "invalid": "invalid file",
}
_DNS: Final[Mapping[DnsState, str]] = {
    "account": "names the account",
    "missing": "missing",
    "other-account": "names another DID",
    "not-asked": "",
}


def status_text(statuses: Sequence[LexiconStatus], width: int, style: Style = PLAIN) -> str:
    """Return a table of lexicons, the reasons of the DNS states, and a line with the number that differ."""
    if not statuses:
        return "No lexicons."
    rows = [(item.nsid, _RECORD[item.record], _DNS[item.dns], item.file or "") for item in statuses]
    reasons = dict.fromkeys(f"{item.authority}: {item.reason}" for item in statuses if item.reason)
    differing = sum(not item.is_well for item in statuses)
    total = (
        f"{pluralize(len(statuses), 'lexicon')}, {f'{differing:,} to look at' if differing else 'all as published'}."
    )
    lines = [*table(("LEXICON", "RECORD", "DNS", "FILE"), rows, width, ("FILE",)), *map(style, reasons)]
    return "\n".join([*lines, style(total, YELLOW if differing else GREEN)])


def status_json(did: str, statuses: Sequence[LexiconStatus]) -> JsonObject:
    """Return the status of lexicons as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "did": did,
        "lexicons": [
            {
                "nsid": item.nsid,
                "file": item.file,
                "record": item.record,
                "dns": item.dns,
                "reason": item.reason or None,
                "ok": item.is_well,
            }
            for item in statuses
        ],
    }
