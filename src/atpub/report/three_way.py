"""The three-way difference of a record that was modified outside the project, as text, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from atpub.engine.plan.model import Change, Drift, Plan
from atpub.engine.plan.three_way import FieldEdit, Side, drift_fields
from atpub.report.diff import LONGEST, format_value
from atpub.report.escape import escape_html, escape_markdown
from atpub.report.style import FAINT, GREEN, RED, YELLOW, Style
from atpub.suggest import pluralize

_SIDES: Final[dict[Side, int]] = {"applied": FAINT, "live": RED, "wanted": GREEN}
_TAGS: Final[dict[Side, str]] = {"applied": "span", "live": "del", "wanted": "ins"}
_DETAIL: Final = "      "
_MOST_FIELDS: Final = 12
_MOST_ROWS: Final = 50
_ABSENT: Final = "–"
TWO_WAY: Final = "the applied value is not known on this machine: only live and wanted are compared"


def is_two_way(change: Change) -> bool:
    """Tell whether the record was modified, and what was applied is not known here."""
    return change.drift is not None and change.drift.live is not None and change.drift.value is None


def describe_drift(drift: Drift) -> str:
    """Return what was applied, and what is live now."""
    if drift.live is None:
        return f"deleted by another client; applied as {drift.applied}"
    return f"modified by another client; applied as {drift.applied}, is now {drift.live}"


def drift_counts(changes: Sequence[Change]) -> str:
    """Return how many records were modified and deleted outside the project; empty where none was."""
    deleted = sum(change.drift is not None and change.drift.live is None for change in changes)
    modified = sum(change.drift is not None for change in changes) - deleted
    parts = [f"{pluralize(modified, 'record')} modified"] if modified else []
    parts += [f"{deleted:,} deleted" if modified else f"{pluralize(deleted, 'record')} deleted"] if deleted else []
    return f"{' and '.join(parts)} outside this project" if parts else ""


def drift_total(plan: Plan) -> str:
    """Return a line with these numbers; empty where there is no drift."""
    counts = drift_counts(plan.changes)
    return f"Drift: {counts}." if counts else ""


def three_way_lines(change: Change, style: Style) -> Iterator[str]:
    """Yield the drift of a record as lines of text, then its fields with the value of each side."""
    if change.drift is None:
        return
    yield from _heading(change.drift, style)
    if is_two_way(change):
        yield style.hang(TWO_WAY, (f"{_DETAIL}note: ", (FAINT,)), indent=f"{_DETAIL}  ")
    found = drift_fields(change)
    most = len(found) if style.is_long else _MOST_FIELDS
    for item in found[:most]:
        yield from _field(item, style)
    if len(found) > most:
        yield f"{_DETAIL}… and {pluralize(len(found) - most, 'more field')}"


def _heading(drift: Drift, style: Style) -> Iterator[str]:
    text = f"{_DETAIL}drift: {describe_drift(drift)}"
    if style.fits(text):
        yield style(text, YELLOW)
        return
    what, _, cids = text.partition("; ")
    yield style(f"{what};", YELLOW)
    applied, comma, live = cids.partition(", ")
    yield style(f"{_DETAIL}  {applied}{comma.strip()}", YELLOW)
    if live:
        yield style(f"{_DETAIL}  {live}", YELLOW)


def _field(item: FieldEdit, style: Style) -> Iterator[str]:
    """Yield the field on one line if it fits, else on a line for each side."""
    longest = 1 << 30 if style.is_long else LONGEST
    sides = [(side, _value(item, side, longest), colour) for side, colour in _SIDES.items()]
    yield f"{_DETAIL}{style('≠', YELLOW)} {style(item.path or 'the record')}:"
    for side, value, colour in sides:
        if value is not None:
            yield f"{_DETAIL}    {side:<7} {style(value, colour)}"


def _value(item: FieldEdit, side: Side, longest: int = LONGEST) -> str | None:
    return format_value(item.sides[side], longest) if side in item.sides else None


def three_way_table(change: Change) -> list[str]:
    """Return the lines of a table of the fields that differ, in Markdown; none where there is nothing to compare."""
    found = drift_fields(change)
    if not found:
        return []
    rows = [f"| {' | '.join(map(escape_markdown, _cells(item)))} |" for item in found[:_MOST_ROWS]]
    more = [f"… and {pluralize(len(found) - _MOST_ROWS, 'more field')}"] if len(found) > _MOST_ROWS else []
    note = ["", TWO_WAY] if is_two_way(change) else []
    return ["| field | applied | live | wanted |", "|---|---|---|---|", *rows, *note, *more]


def three_way_html(change: Change, most: int | None = _MOST_ROWS) -> str:
    """Return a line for each of so many fields that differ, with the value of each side; empty where there is none."""
    found = drift_fields(change)
    lines = [f"<code>{escape_html(item.path)}</code>: {', '.join(_html_sides(item))}" for item in found[:most]]
    lines += [f"… and {pluralize(len(found) - len(lines), 'more field')}"] if len(found) > len(lines) else []
    lines += [TWO_WAY] if found and is_two_way(change) else []
    return "".join(f"<div>{line}</div>" for line in lines)


def _html_sides(item: FieldEdit) -> Iterator[str]:
    for side, tag in _TAGS.items():
        value = _value(item, side)
        if value is not None:
            yield f"{side} <{tag}>{escape_html(value)}</{tag}>"


def _cells(item: FieldEdit) -> list[str]:
    return [item.path or "the record", *(_value(item, side) or _ABSENT for side in _SIDES)]
