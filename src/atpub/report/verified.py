"""The findings of `atpub verify`, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.atproto.lexicon.violation import json_path
from atpub.report.problems import FORMAT_VERSION
from atpub.report.style import BOLD, CYAN, GREEN, PLAIN, RED, YELLOW, Style
from atpub.suggest import pluralize, size
from atpub.verifying.model import Finding, FindingSeverity, Verification

_COLOURS: Final[dict[FindingSeverity, int]] = {"error": RED, "unchecked": YELLOW, "note": CYAN}
_SHOWN: Final = 5
"""So many findings with the same code of one record are shown in full."""


def verification_text(found: Verification, style: Style = PLAIN) -> str:
    """Return the findings of each record, then a line with the numbers."""
    lines: list[str] = []
    for where, group in groupby(found.findings, key=attrgetter("address", "uri")):
        address, uri = where
        lines += [f"{style(address, BOLD)} ({style(uri)})" if address else style(uri, BOLD)]
        lines += _findings(list(group), style)
        lines += [""]
    return "\n".join([*lines, _total(found, style)])


def _findings(findings: Sequence[Finding], style: Style) -> Iterator[str]:
    for code in dict.fromkeys(item.code for item in findings):
        same = [item for item in findings if item.code == code]
        hint = ""
        for item in same[:_SHOWN]:
            where = f" {json_path(item.path)}" if item.path else ""
            label = ("  ", ()), (f"{item.severity}:", (BOLD, _COLOURS[item.severity])), (" ", ())
            yield style.hang(f"{item.message} [{code}]{where}", *label, indent="    ")
            if item.hint and item.hint != hint:
                hint = item.hint
                yield style.hang(hint, ("    ", ()), ("hint", (CYAN,)), (": ", ()), indent="      ")
        if len(same) > _SHOWN:
            yield f"  and {len(same) - _SHOWN:,} more of these [{style(code)}]; --json lists them all"


def _total(found: Verification, style: Style) -> str:
    looked = [pluralize(found.records, "record"), pluralize(found.shards, "shard")]
    looked += [pluralize(found.blobs, "other blob")] if found.blobs else []
    errors, unchecked, notes = (found.count(severity) for severity in _COLOURS)
    said = [pluralize(errors, "finding") if errors else "no findings"]
    said += [f"{unchecked:,} not checked"] if unchecked else []
    said += [pluralize(notes, "note")] if notes else []
    read = f" ({size(found.size)} read)" if found.size else ""
    line = f"{', '.join(looked)}{read}: {', '.join(said)}"
    return style(line, BOLD, RED if errors else YELLOW if unchecked else GREEN)


def verification_json(found: Verification) -> JsonObject:
    """Return the findings and the numbers as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "records": found.records,
        "shards": found.shards,
        "blobs": found.blobs,
        "bytes_read": found.size,
        "findings": [
            {
                "severity": item.severity,
                "code": item.code,
                "address": item.address,
                "uri": item.uri,
                "path": list(item.path),
                "message": item.message,
                "hint": item.hint,
            }
            for item in found.findings
        ],
    }
