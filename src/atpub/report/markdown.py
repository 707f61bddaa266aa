"""A plan as Markdown, for a comment on a pull request.

What a reviewer must see comes first: refusals, deletes, drift. Where the text is too long, the details and then the
names of the last sections are left out, with their number; a delete is never left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from typing import Final
from urllib.parse import quote

from atpub.engine.plan.model import Change, Plan
from atpub.report.diff import changed_fields
from atpub.report.escape import escape_markdown, escape_terminal, markdown_fence
from atpub.report.plan import notes, protection, upload_size
from atpub.report.problems import placed_message
from atpub.report.review import rate_limit_note, sections, totals
from atpub.report.three_way import action_word, drift_text, three_way_table
from atpub.suggest import counted, size

LIMIT: Final = 60_000
"""The maximum number of characters: code forges refuse comments of more than 65,536."""

SUMMARY_LIMIT: Final = 500_000
"""The maximum of a job summary, of which GitHub takes 1 MiB."""

_MOST_FIELDS: Final = 50
_FRAME: Final = 200  # the most characters of a section without its items


@dataclass(frozen=True, slots=True)
class _Item:
    """An item of a list: its name, and the details that are shown where there is room."""

    name: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class _Fold:
    """A list under a title; an open one is not folded, and a whole one has all its names."""

    title: str
    items: Sequence[_Item]
    is_open: bool = False
    is_whole: bool = False


def plan_markdown(plan: Plan, environment: str | None = None, limit: int = LIMIT) -> str:
    """Return the plan as Markdown of at most `limit` characters, unless the names of deleted records take more."""
    head = "\n".join([marker(plan, environment), *_head(plan)])
    end = "\n".join(_end(plan))
    folds = [*_folds(plan)]
    fitted = _fit(folds, limit - len(head) - len(end) - _FRAME * len(folds))
    return "\n".join([head, *fitted, end])


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
        yield f"Left out as requested: {counted(len(plan.left_out), 'change')}."
    if plan.unmanaged:
        yield f"Unmanaged: {counted(len(plan.unmanaged), 'record')} that no project owns."
    if note := rate_limit_note(plan.cost):
        yield note
    yield ""


def _folds(plan: Plan) -> Iterator[_Fold]:
    if plan.refusals:
        items = [_message(item.code, item.message, item.hint) for item in plan.refusals]
        yield _Fold(f"{len(items):,} refused: this plan cannot be applied", items, is_open=True)
    parts = [*sections(plan)]
    urgent, others = [part for part in parts if part.is_urgent], [part for part in parts if not part.is_urgent]
    refused = {refusal.uri for refusal in plan.refusals}
    for part in urgent:
        items = [_change(change, is_refused=change.uri in refused) for change in part.changes]
        yield _Fold(part.title, items, is_open=True, is_whole=part.changes[0].action == "delete")
    if plan.warnings:
        items = [_message(item.code, placed_message(item), item.hint) for item in plan.warnings]
        yield _Fold(counted(len(plan.warnings), "warning"), items)
    for part in others:
        yield _Fold(part.title, [_change(change, is_refused=change.uri in refused) for change in part.changes])
    if lines := [*protection(plan)]:
        yield _Fold(f"{counted(len(lines), 'change')} of protection", [_Item(escape_markdown(line)) for line in lines])
    if plan.uploads:
        total = size(sum(upload.size for upload in plan.uploads))
        files = [_Item(f"{escape_markdown(item.source)} ({upload_size(item)})") for item in plan.uploads]
        yield _Fold(f"{counted(len(files), 'blob')} to upload, {total}", files)


def _end(plan: Plan) -> Iterator[str]:
    """Yield the digest, which only a plan that can be applied needs."""
    if plan.pending and not plan.refusals:
        yield f"Digest `{plan.digest}`"


def _message(code: str, message: str, hint: str) -> _Item:
    return _Item(f"{escape_markdown(code)}: {escape_markdown(message)}", _details([escape_markdown(hint)]))


def _change(change: Change, *, is_refused: bool) -> _Item:
    name = " ".join(filter(None, (escape_markdown(change.address), escape_markdown(notes(change)))))
    if change.drift:
        drift = f"{action_word(change)}: {escape_markdown(drift_text(change.drift))}"
        details = _details([escape_markdown(change.uri), drift], three_way_table(change))
    else:
        details = _details([escape_markdown(change.uri)], [*_fields(change)])
    return _Item(f"{name} (refused)" if is_refused else name, details)


def _fields(change: Change) -> Iterator[str]:
    """Yield the fields that change as the lines of a code block; nothing where there are none."""
    found = changed_fields(change)
    lines: list[str] = []
    for item in found[:_MOST_FIELDS]:
        lines += [escape_terminal(f"- {item.path}: {item.old}")] if item.old is not None else []
        lines += [escape_terminal(f"+ {item.path}: {item.new}")] if item.new is not None else []
    if len(found) > _MOST_FIELDS:
        lines.append(f"  … and {counted(len(found) - _MOST_FIELDS, 'more field')}")
    if lines:
        fence = markdown_fence("\n".join(lines))
        yield from (f"{fence}diff", *lines, fence)


def _details(lines: Iterable[str], block: Sequence[str] = ()) -> str:
    """Return what follows the name of an item: lines, and a code block."""
    text = "".join(f"<br>\n  {line}" for line in lines if line)
    return text + "".join(f"\n  {line}" for line in ("", *block)) if block else text


def _fit(folds: Iterable[_Fold], room: int) -> Iterator[str]:
    """Yield each list with as many names as fit, and then with as many details."""
    for fold in folds:
        names = [f"\n- {item.name}" for item in fold.items]
        if not fold.is_whole:
            names = _leading(names, room)
        room = room - sum(map(len, names)) if len(names) == len(fold.items) else 0
        details = _leading([item.details for item in fold.items[: len(names)]], room)
        room -= sum(map(len, details))
        yield _folded(fold, [name + detail for name, detail in zip_longest(names, details, fillvalue="")])


def _leading(texts: list[str], room: int) -> list[str]:
    """Return the leading texts that fit."""
    lengths = accumulate(map(len, texts))
    return [text for text, length in zip(texts, lengths, strict=True) if length <= room]


def _folded(fold: _Fold, shown: Sequence[str]) -> str:
    left = len(fold.items) - len(shown)
    more = f"\n\n_… and {left:,} more that are not listed here; run `atpub plan` to see all._" if left else ""
    opening = "<details open>" if fold.is_open else "<details>"
    return f"{opening}<summary>{fold.title}</summary>\n{''.join(shown)}{more}\n\n</details>\n"
