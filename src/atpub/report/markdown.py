"""A plan as Markdown, for a comment on a pull request.

What a reviewer must see comes first: refusals, deletes, drift. Where the text is too long, the details and then the
names of the last sections are left out, with their number; a delete is never left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from atpub.engine.plan.model import Change, Plan
from atpub.report.diff import changed_fields
from atpub.report.escape import escape_markdown, escape_terminal, markdown_fence
from atpub.report.folds import LIMIT, Fold, FoldItem, fit_folds, format_details
from atpub.report.plan import notes, protection, upload_size
from atpub.report.problems import placed_message
from atpub.report.review import rate_limit_note, sections, totals
from atpub.report.three_way import describe_drift, three_way_table
from atpub.suggest import pluralize, size

SUMMARY_LIMIT: Final = 500_000
"""The maximum of a job summary, of which GitHub takes 1 MiB."""

_MOST_FIELDS: Final = 50


def plan_markdown(plan: Plan, environment: str | None = None, limit: int = LIMIT) -> str:
    """Return the plan as Markdown of at most `limit` characters, unless the names of deleted records take more."""
    head = "\n".join([marker(plan, environment), *_head(plan)])
    end = "\n".join(_end(plan))
    folds = [*_folds(plan)]
    fitted = fit_folds(folds, limit - len(head) - len(end), "atpub plan")
    return "\n".join([head, *fitted, end]).rstrip("\n")


def marker(plan: Plan, environment: str | None = None) -> str:
    """Return the first line, hidden, by which a bot finds the comment to replace."""
    names = (plan.project, *([environment] if environment else []))
    return f"<!-- atpub-plan: {'/'.join(quote(name, safe='') for name in names)} -->"


def _head(plan: Plan) -> Iterator[str]:
    owner = f"{escape_markdown(plan.project)} → " if plan.project else ""
    yield f"### atpub plan: {owner}{escape_markdown(plan.account)}"
    yield ""
    yield f"**{', '.join(totals(plan))}.**"
    if plan.left_out:
        yield f"Left out as requested: {pluralize(len(plan.left_out), 'change')}."
    if plan.unmanaged:
        yield f"Unmanaged: {pluralize(len(plan.unmanaged), 'record')} that no project owns."
    if note := rate_limit_note(plan.cost):
        yield note
    yield ""


def _folds(plan: Plan) -> Iterator[Fold]:
    if plan.refusals:
        items = [_message(item.code, item.message, item.hint) for item in plan.refusals]
        yield Fold(f"{len(items):,} refused: this plan cannot be applied", items, is_open=True)
    parts = [*sections(plan)]
    urgent, others = [part for part in parts if part.is_urgent], [part for part in parts if not part.is_urgent]
    refused = {refusal.uri for refusal in plan.refusals}
    for part in urgent:
        items = [_change(change, is_refused=change.uri in refused) for change in part.changes]
        yield Fold(part.title, items, is_open=True, is_whole=part.changes[0].action == "delete")
    if plan.warnings:
        items = [_message(item.code, placed_message(item), item.hint) for item in plan.warnings]
        yield Fold(pluralize(len(plan.warnings), "warning"), items)
    for part in others:
        yield Fold(part.title, [_change(change, is_refused=change.uri in refused) for change in part.changes])
    if lines := [*protection(plan)]:
        yield Fold(
            f"{pluralize(len(lines), 'change')} of protection", [FoldItem(escape_markdown(line)) for line in lines]
        )
    if plan.uploads:
        total = size(sum(upload.size for upload in plan.uploads))
        files = [FoldItem(f"{escape_markdown(item.source)} ({upload_size(item)})") for item in plan.uploads]
        yield Fold(f"{pluralize(len(files), 'blob')} to upload, {total}", files)


def _end(plan: Plan) -> Iterator[str]:
    """Yield the digest, which only a plan that can be applied needs."""
    if plan.pending and not plan.refusals:
        yield f"Digest `{plan.digest}`"


def _message(code: str, message: str, hint: str) -> FoldItem:
    return FoldItem(f"{escape_markdown(code)}: {escape_markdown(message)}", format_details([escape_markdown(hint)]))


def _change(change: Change, *, is_refused: bool) -> FoldItem:
    name = " ".join(filter(None, (escape_markdown(change.address), escape_markdown(notes(change)))))
    if change.drift:
        drift = f"{change.word}: {escape_markdown(describe_drift(change.drift))}"
        details = format_details([escape_markdown(change.uri), drift], three_way_table(change))
    else:
        details = format_details([escape_markdown(change.uri)], [*_fields(change)])
    return FoldItem(f"{name} (refused)" if is_refused else name, details)


def _fields(change: Change) -> Iterator[str]:
    """Yield the fields that change as the lines of a code block; nothing where there are none."""
    found = changed_fields(change)
    lines: list[str] = []
    for item in found[:_MOST_FIELDS]:
        lines += [escape_terminal(f"- {item.path}: {item.old}")] if item.old is not None else []
        lines += [escape_terminal(f"+ {item.path}: {item.new}")] if item.new is not None else []
    if len(found) > _MOST_FIELDS:
        lines.append(f"  … and {pluralize(len(found) - _MOST_FIELDS, 'more field')}")
    if lines:
        fence = markdown_fence("\n".join(lines))
        yield from (f"{fence}diff", *lines, fence)
