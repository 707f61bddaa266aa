"""A plan and a dataset as HTML, for notebooks; everything that comes from a record is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from atpub.engine.plan.model import Action, Change, Plan
from atpub.report.diff import changed_fields
from atpub.report.escape import escape_html
from atpub.suggest import counted, size

_MOST_ROWS: Final = 200
_MOST_FIELDS: Final = 50


def plan_html(plan: Plan) -> str:
    """Return a table of the records that would change, their differing fields, and the totals."""
    shown = [change for change in plan.changes if change.action != "unchanged"]
    rows = [_row(change) for change in shown[:_MOST_ROWS]]
    if len(shown) > _MOST_ROWS:
        rows.append(f"<tr><td colspan='3'>… and {counted(len(shown) - _MOST_ROWS, 'more change')}</td></tr>")
    table = f"<table><tr><th>action</th><th>record</th><th>URI</th></tr>{''.join(rows)}</table>" if rows else ""
    return f"<div><p>{''.join(_head(plan))}</p>{''.join(_refusals(plan))}{table}{_uploads(plan)}</div>"


def facts_html(title: str, facts: Mapping[str, str], shards: Iterable[str]) -> str:
    """Return a table of facts about a dataset, with its shards folded."""
    rows = "".join(f"<tr><th>{escape_html(name)}</th><td>{escape_html(text)}</td></tr>" for name, text in facts.items())
    return f"<div><p><b>{escape_html(title)}</b></p><table>{rows}</table>{_folded([*shards], 'shard')}</div>"


def _uploads(plan: Plan) -> str:
    """Return the files to upload, folded; nothing where there are none."""
    files = [f"{upload.source} ({size(upload.size)})" for upload in plan.uploads]
    return _folded(files, "upload") if files else ""


def _folded(lines: Sequence[str], noun: str) -> str:
    """Return a list of lines under a summary that says how many they are."""
    listed = [escape_html(line) for line in lines[:_MOST_ROWS]]
    more = [f"… and {counted(len(lines) - _MOST_ROWS, f'more {noun}')}"] if len(lines) > _MOST_ROWS else []
    return f"<details><summary>{counted(len(lines), noun)}</summary>{'<br>'.join([*listed, *more])}</details>"


def _head(plan: Plan) -> Iterator[str]:
    owner = f"{escape_html(plan.project)} → " if plan.project else ""
    yield f"<b>{owner}{escape_html(plan.account)}</b> <code>{escape_html(plan.did)}</code>: "
    counts = [f"{count} to {name}" for name, count in plan.summary.items() if count and name not in _STAYS]
    counts += [f"{plan.summary[name]} {word}" for name, word in _STAYS.items() if plan.summary[name]]
    yield ", ".join(counts if plan.pending else ["nothing to do", *counts])
    if plan.uploads:
        yield f"; {counted(len(plan.uploads), 'blob')} to upload, {size(sum(item.size for item in plan.uploads))}"


_STAYS: Final[Mapping[Action, str]] = {"keep": "kept", "unchanged": "unchanged"}


def _refusals(plan: Plan) -> Iterator[str]:
    for refusal in plan.refusals:
        yield f"<p><b>refused</b>: {escape_html(refusal.message)}<br>{escape_html(refusal.hint)}</p>"


def _row(change: Change) -> str:
    fields = "".join(_fields(change))
    details = f"<details><summary>{escape_html(change.address)}</summary>{fields}</details>" if fields else None
    uri = f"<code>{escape_html(change.uri)}</code>"
    return f"<tr><td>{change.action}</td><td>{details or escape_html(change.address)}</td><td>{uri}</td></tr>"


def _fields(change: Change) -> Iterator[str]:
    for item in changed_fields(change)[:_MOST_FIELDS]:
        old = f"<del>{escape_html(item.old)}</del> " if item.old is not None else ""
        new = f"<ins>{escape_html(item.new)}</ins>" if item.new is not None else ""
        yield f"<div><code>{escape_html(item.path)}</code>: {old}{new}</div>"
