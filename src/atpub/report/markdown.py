"""A plan as Markdown, for a comment on a pull request: the summary first, details folded, never over the limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from atpub.engine.plan.model import Change, Plan
from atpub.report.diff import changed_fields
from atpub.report.escape import escape_html, escape_markdown, escape_terminal, markdown_fence
from atpub.report.plan import no_changes, notes, pending_counts, protection, upload_size
from atpub.report.three_way import action_word, drift_text, drift_total, three_way_markdown
from atpub.suggest import counted, size

LIMIT: Final = 60_000
"""The maximum number of characters: code forges refuse comments of more than 65,536."""

_MOST_FIELDS = 50
_MOST_FILES = 50
_WORDS: Final = {
    "create": "➕ create",
    "restore": "♻️ restore",
    "update": "✏️ update",
    "adopt": "🤝 adopt",
    "delete": "❌ delete",
    "forget": "👋 forget",
    "keep": "📌 keep",
}


def plan_markdown(plan: Plan, limit: int = LIMIT) -> str:
    """Return the plan as Markdown of at most `limit` characters, with a note on anything left out."""
    shown = [change for change in plan.changes if change.action != "unchanged"]
    head = "\n".join(_head(plan))
    parts = [_row(change) for change in shown]
    details = [text for change in shown if (text := _details(change))]
    tail = f"\nDigest `{plan.digest}`\n"
    room = limit - len(head) - len(tail) - 200  # for the lines that say what is left out
    rows, left_rows = _fit(parts, room)
    folded, left_details = _fit(details, room - sum(map(len, rows)))
    table = ["", "| | record |", "|---|---|", *rows] if rows else []
    cut: list[str] = []
    if left_rows:
        cut += ["", f"_Cut here: {counted(left_rows, 'more change')} of {len(parts)}; run `atpub plan` to see all._"]
    elif left_details:
        cut += ["", f"_The details of {counted(left_details, 'change')} are left out; run `atpub plan` to see all._"]
    return "\n".join([head, *table, "", *folded, *cut, tail])


def _fit(texts: list[str], room: int) -> tuple[list[str], int]:
    """Return the leading texts that fit, and the number of the others."""
    for count, text in enumerate(texts):
        room -= len(text) + 1
        if room < 0:
            return texts[:count], len(texts) - count
    return texts, 0


def _head(plan: Plan) -> Iterator[str]:
    owner = f"{escape_markdown(plan.project)} → " if plan.project else ""
    yield f"### atpub: {owner}{escape_markdown(plan.account)}"
    yield ""
    yield escape_markdown(plan.did)
    yield ""
    summary = plan.summary
    parts = [f"**{count:,} to {name}**" for name, count in pending_counts(plan).items()] or [_nothing(plan)]
    parts += [f"{summary['keep']:,} kept"] if summary["keep"] else []
    parts += [f"{summary['unchanged']:,} unchanged"] if summary["unchanged"] else []
    yield ", ".join(parts) + "."
    if drift := drift_total(plan):
        yield drift
    yield from map(escape_markdown, protection(plan))
    if plan.unmanaged:
        yield f"Unmanaged: {counted(len(plan.unmanaged), 'record')} that no project owns."
    if plan.left_out:
        yield f"Left out: {counted(len(plan.left_out), 'change')}."
    if plan.uploads:
        total = sum(upload.size for upload in plan.uploads)
        yield f"Uploads: {counted(len(plan.uploads), 'blob')}, {size(total)}."
        yield ""
        yield from (
            f"- {escape_markdown(upload.source)} ({upload_size(upload)})" for upload in plan.uploads[:_MOST_FILES]
        )
        if len(plan.uploads) > _MOST_FILES:
            yield f"- … and {counted(len(plan.uploads) - _MOST_FILES, 'more file')}"
        yield ""
    if plan.pending:
        cost = plan.cost
        spent = (counted(cost.commits, "commit"), counted(cost.writes, "write"), counted(cost.points, "point"))
        yield f"Cost: {', '.join(spent)}."
    for refusal in plan.refusals:
        yield ""
        yield f"> **Refused** ({refusal.code}): {escape_markdown(refusal.message)}. {escape_markdown(refusal.hint)}"
    for warning in plan.warnings[:20]:
        yield ""
        yield f"> Warning ({warning.code}): {escape_markdown(warning.message)}"


def _nothing(plan: Plan) -> str:
    """Return the summary of a plan that changes no record."""
    if plan.pending:
        return no_changes(plan)
    return "Nothing can be done" if plan.refusals else "Nothing to do"


def _row(change: Change) -> str:
    drift = f" ({drift_text(change.drift).partition(';')[0]})" if change.drift else ""
    what = f"{escape_markdown(change.address)}{drift} {escape_markdown(notes(change))}".rstrip()
    return f"| {_WORDS[action_word(change)]} | {what}<br>{escape_markdown(change.uri)} |"


def _details(change: Change) -> str:
    if change.drift:
        return three_way_markdown(change)
    if change.before is None or change.after is None:
        return ""
    found = changed_fields(change)
    lines: list[str] = []
    for item in found[:_MOST_FIELDS]:
        lines += [escape_terminal(f"- {item.path}: {item.old}")] if item.old is not None else []
        lines += [escape_terminal(f"+ {item.path}: {item.new}")] if item.new is not None else []
    if len(found) > _MOST_FIELDS:
        lines.append(f"  … and {counted(len(found) - _MOST_FIELDS, 'more field')}")
    fence = markdown_fence("\n".join(lines))
    title = f"{change.action} <code>{escape_html(change.address)}</code>: {counted(len(found), 'field')}"
    return "\n".join([f"<details><summary>{title}</summary>", "", f"{fence}diff", *lines, fence, "", "</details>"])
