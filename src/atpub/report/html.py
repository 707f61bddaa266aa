"""Plans, outcomes, datasets, clients and progress as HTML, for notebooks.

Everything that comes from a record is escaped. Colours are styles of elements, and in the middle between black and
white: a notebook may be light or dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from atpub.engine.plan.model import Action, Change, Outcome, Plan, Status
from atpub.problems import Problem
from atpub.published.model import FieldView
from atpub.report.diff import Difference, changed_fields
from atpub.report.escape import escape_html
from atpub.report.plan import cost_text, notes, upload_size
from atpub.report.three_way import describe_drift, drift_total, three_way_html
from atpub.suggest import pluralize, size

_MOST_ROWS: Final = 50
_MOST_LINES: Final = 200
_MOST_FIELDS: Final = 50

_GREEN, _YELLOW, _RED, _BLUE, _GREY = "#1f883d", "#b08800", "#d1434b", "#0e7fa8", "#808080"
_COLOURS: Final[Mapping[Action | Status, str]] = {
    "create": _GREEN,
    "update": _YELLOW,
    "adopt": _YELLOW,
    "delete": _RED,
    "forget": _BLUE,
    "keep": _GREY,
    "applied": _GREEN,
    "failed": _RED,
    "pending": _YELLOW,
}
_STAYS: Final[Mapping[Action, str]] = {"keep": "kept", "unchanged": "unchanged"}


def plan_html(plan: Plan) -> str:
    """Return refusals and warnings, a table of the changes with drift first, the totals and the cost."""
    refused = {refusal.uri for refusal in plan.refusals}
    shown = [change for change in plan.changes if change.action != "unchanged"]
    shown.sort(key=lambda change: (change.uri not in refused, change.drift is None))
    rows = [_change_row(change, is_refused=change.uri in refused) for change in shown[:_MOST_ROWS]]
    table = _table(("action", "record", "URI"), rows, len(shown), "change")
    parts = (*_refusals(plan), *map(_warning, plan.warnings), table, _uploads(plan), _end(plan))
    return f"<div><p>{''.join(_head(plan))}</p>{''.join(parts)}</div>"


def outcomes_html(outcomes: Sequence[Outcome]) -> str:
    """Return a table of the outcomes, those that are not done first, and their totals."""
    shown = [item for item in outcomes if item.status != "unchanged"]
    shown.sort(key=lambda item: item.status == "applied")
    statuses = [item.status for item in outcomes]
    totals = [f"{statuses.count(status):,} {status}" for status in dict.fromkeys(statuses)]
    rows = [_outcome_row(item) for item in shown[:_MOST_ROWS]]
    table = _table(("status", "action", "record", "URI"), rows, len(shown), "outcome")
    return f"<div><p>{', '.join(totals) or 'nothing to do'}</p>{table}</div>"


def dataset_html(
    title: str, facts: Mapping[str, str], fields: Sequence[FieldView] = (), shards: Sequence[str] = ()
) -> str:
    """Return facts about a dataset, the fields of its samples as a table, and its shards folded."""
    rows = [
        f"<tr><td><code>{escape_html(field.name)}</code></td>"
        f"<td>{escape_html(field.type)}{' (optional)' if field.is_optional else ''}</td>"
        f"<td>{escape_html(field.description)}</td></tr>"
        for field in fields[:_MOST_ROWS]
    ]
    table = _table(("field", "type", "description"), rows, len(fields), "field")
    return f"<div>{_facts(title, facts)}{table}{_fold(shards, 'shard')}</div>"


def client_html(title: str, facts: Mapping[str, str]) -> str:
    """Return facts about a client."""
    return f"<div>{_facts(title, facts)}</div>"


def _facts(title: str, facts: Mapping[str, str]) -> str:
    rows = "".join(f"<tr><th>{escape_html(name)}</th><td>{escape_html(text)}</td></tr>" for name, text in facts.items())
    return f"<p><b>{escape_html(title)}</b></p><table>{rows}</table>"


def _table(head: Sequence[str], rows: Sequence[str], count: int, noun: str) -> str:
    """Return a table of some rows, and how many there are besides; nothing where there are none."""
    if not rows:
        return ""
    more = f"… and {pluralize(count - len(rows), f'more {noun}')}" if count > len(rows) else ""
    last = f"<tr><td colspan='{len(head)}'>{more}</td></tr>" if more else ""
    cells = "".join(f"<th>{name}</th>" for name in head)
    return f"<table><tr>{cells}</tr>{''.join(rows)}{last}</table>"


def _fold(lines: Sequence[str], noun: str) -> str:
    """Return a list of lines under a summary that says how many they are."""
    listed = [escape_html(line) for line in lines[:_MOST_LINES]]
    more = [f"… and {pluralize(len(lines) - _MOST_LINES, f'more {noun}')}"] if len(lines) > _MOST_LINES else []
    return f"<details><summary>{pluralize(len(lines), noun)}</summary>{'<br>'.join([*listed, *more])}</details>"


def _uploads(plan: Plan) -> str:
    """Return the files to upload, folded; nothing where there are none."""
    files = [f"{upload.source} ({upload_size(upload)})" for upload in plan.uploads]
    return _fold(files, "upload") if files else ""


def _head(plan: Plan) -> Iterator[str]:
    owner = f"{escape_html(plan.project)} → " if plan.project else ""
    yield f"<b>{owner}{escape_html(plan.account)}</b> <code>{escape_html(plan.did)}</code>: "
    counts = [f"{count:,} to {name}" for name, count in plan.pending_words.items()]
    counts += [f"{plan.summary[name]:,} {word}" for name, word in _STAYS.items() if plan.summary[name]]
    nothing = "nothing can be done" if plan.refusals else "nothing to do"
    yield ", ".join(counts if plan.pending else [nothing, *counts])
    if drift := drift_total(plan):
        yield f". {_colour('drift', _YELLOW)}{drift.removeprefix('Drift').removesuffix('.')}"
    if plan.uploads:
        yield f"; {pluralize(len(plan.uploads), 'blob')} to upload, {size(sum(item.size for item in plan.uploads))}"


def _end(plan: Plan) -> str:
    """Return the cost of a plan that is pending, and its digest."""
    return f"<p>{cost_text(plan.cost)}<br>Digest: <code>{escape_html(plan.digest)}</code></p>" if plan.pending else ""


def _refusals(plan: Plan) -> Iterator[str]:
    for refusal in plan.refusals:
        yield f"<p>{_colour('refused', _RED)}: {escape_html(refusal.message)}<br>{escape_html(refusal.hint)}</p>"


def _warning(problem: Problem) -> str:
    place = f"{escape_html(problem.place)}: " if problem.place else ""
    hint = f"<br>{escape_html(problem.hint)}" if problem.hint else ""
    return f"<p>{_colour('warning', _YELLOW)}: {place}{escape_html(problem.message)}{hint}</p>"


def _change_row(change: Change, *, is_refused: bool) -> str:
    name = escape_html(f"{change.address}{notes(change)}")
    fields = fields_html(change)
    record = f"<details><summary>{name}</summary>{fields}</details>" if fields else name
    drift = (
        f"<div>{_colour('drift', _YELLOW)}: {escape_html(describe_drift(change.drift))}</div>" if change.drift else ""
    )
    word, colour = ("refused", _RED) if is_refused else (change.word, _COLOURS.get(change.action, _GREY))
    action = _colour(word, colour)
    return f"<tr><td>{action}</td><td>{record}{drift}</td><td><code>{escape_html(change.uri)}</code></td></tr>"


def _outcome_row(item: Outcome) -> str:
    change, error = item.change, f"<div>{escape_html(item.error)}</div>" if item.error else ""
    status = _colour(item.status, _COLOURS.get(item.status, _GREY))
    record = f"<td>{escape_html(f'{change.address}{notes(change)}')}{error}</td>"
    uri = f"<td><code>{escape_html(change.uri)}</code></td>"
    return f"<tr><td>{status}</td><td>{change.word}</td>{record}{uri}</tr>"


def _colour(word: str, colour: str) -> str:
    return f"<b style='color:{colour}'>{word}</b>"


def fields_html(change: Change, most: int | None = _MOST_FIELDS) -> str:
    """Return a line for each of so many fields that differ; those of a drifted record have the value of each side."""
    if change.drift:
        return three_way_html(change, most)
    found = changed_fields(change)
    lines = [f"<code>{escape_html(item.path)}</code>: {' '.join(_sides(item))}" for item in found[:most]]
    lines += [f"… and {pluralize(len(found) - len(lines), 'more field')}"] if len(found) > len(lines) else []
    return "".join(f"<div>{line}</div>" for line in lines)


def _sides(item: Difference) -> Iterator[str]:
    for tag, value in (("del", item.old), ("ins", item.new)):
        if value is not None:
            yield f"<{tag}>{escape_html(value)}</{tag}>"
