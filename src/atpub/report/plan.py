"""A plan, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.engine.plan.model import Action, Change, Cost, Drift, Plan, Upload
from atpub.engine.plan.serialize import plan_document
from atpub.report.diff import Difference, changed_fields
from atpub.report.problems import problem_json
from atpub.report.style import BOLD, CYAN, FAINT, GREEN, PLAIN, RED, YELLOW, Style
from atpub.suggest import counted, size

_MARKS: Final[dict[Action, tuple[str, int]]] = {
    "create": ("+", GREEN),
    "update": ("~", YELLOW),
    "adopt": ("»", YELLOW),
    "delete": ("-", RED),
    "forget": ("×", CYAN),
    "keep": ("=", FAINT),
    "unchanged": (" ", FAINT),
}
_MOST_FIELDS = 12
_NAMED_BY_KEY: Final = ("datasets", "lenses", "records")


def plan_text(plan: Plan, style: Style = PLAIN) -> str:
    """Return the changes of a plan, one per line with the fields that differ, then the totals."""
    return "\n".join(_lines(plan, style))


def plan_json(plan: Plan) -> JsonObject:
    """Return the plan as its saved document, with the warnings."""
    return {**plan_document(plan), "warnings": [problem_json(item) for item in plan.warnings]}


def target_text(plan: Plan, style: Style = PLAIN) -> str:
    """Return the plan's project, account and DID."""
    owner = f"{style(plan.project, BOLD)} → " if plan.project else ""  # single records may have no project
    return f"{owner}{style(plan.account, BOLD)} ({style(plan.did)})"


def _lines(plan: Plan, style: Style) -> Iterator[str]:
    yield target_text(plan, style)
    yield ""
    shown = [change for change in plan.changes if change.action != "unchanged"]
    width = max((len(change.address) for change in shown), default=0)
    actions = max((len(change.action) for change in shown), default=0)
    refused = {refusal.uri for refusal in plan.refusals}
    for change in shown:
        mark, colour = ("!", RED) if change.uri in refused else _MARKS[change.action]
        line = f"  {mark} {change.address:<{width}}  {change.action:<{actions}}"
        yield f"{style(line, colour)}  {style(f'{change.uri}{notes(change)}', FAINT)}"
        yield from _details(change, style)
    if shown:
        yield ""
    yield from _totals(plan, style)
    if plan.refusals:
        yield ""
    for refusal in plan.refusals:
        yield f"{style('refused', BOLD, RED)}: {style(f'{refusal.message} [{refusal.code}]')}"
        yield f"  {style('hint', CYAN)}: {style(refusal.hint)}"


def notes(change: Change) -> str:
    """Return what the address does not show: the part, a separate id, which outlives the name, and protection."""
    section, _, key = change.address.partition("/")
    parts = [] if change.part.is_whole else [str(change.part)]
    parts += [f"id {change.id}"] if section in _NAMED_BY_KEY and key != change.id else []
    parts += ["protected"] if change.protect else []
    return f" ({', '.join(parts)})" if parts else ""


def drift_text(drift: Drift) -> str:
    """Return what was applied, and what is live now."""
    return f"applied as {drift.applied}, {f'is now {drift.live}' if drift.live else 'was deleted'}"


def cost_text(cost: Cost) -> str:
    """Return the cost of applying a plan."""
    return f"Cost: {counted(cost.commits, 'commit')}, {counted(cost.writes, 'write')}, {counted(cost.points, 'point')}."


def _details(change: Change, style: Style) -> Iterator[str]:
    if change.drift:
        yield style(f"      drift: {drift_text(change.drift)}", YELLOW)
    if change.unknown and change.after is not None:
        yield style(f"      its CID is not known yet: {change.unknown}", FAINT)
    found = changed_fields(change)
    yield from (_field(item, style) for item in found[:_MOST_FIELDS])
    if len(found) > _MOST_FIELDS:
        yield f"      … and {counted(len(found) - _MOST_FIELDS, 'more field')}"


def _field(item: Difference, style: Style) -> str:
    if item.old is None:
        return f"      {style('+', GREEN)} {style(item.path)}: {style(item.new or '', GREEN)}"
    if item.new is None:
        return f"      {style('-', RED)} {style(item.path)}: {style(item.old, RED)}"
    return f"      {style('~', YELLOW)} {style(item.path)}: {style(item.old, RED)} → {style(item.new, GREEN)}"


def protection(plan: Plan) -> Iterator[str]:
    """Yield a line for each record whose protection changes."""
    owned = plan.inventory.owned
    for change in plan.changes:
        was, now = owned.get(change.path), plan.inventory_changes.get(change.path)
        if was and now and was.protect != now.protect:
            yield f"{change.address} is {'protected from now on' if now.protect else 'no longer protected'}."


def unmanaged_text(plan: Plan) -> str:
    """Return a line about the unmanaged records."""
    count = len(plan.unmanaged)
    link = ":" if count == 1 else ", such as"
    return f"Unmanaged: {counted(count, 'record')} that no project owns{link} {plan.unmanaged[0]}"


def no_changes(plan: Plan) -> str:
    """Return the summary of a pending plan that changes no record."""
    if plan.repairs:
        return f"No record changes; {counted(len(plan.repairs), 'lost blob')} to upload again"
    return "No record changes, only the inventory"


def upload_size(upload: Upload) -> str:
    """Return the size of an upload, and that it is a repair."""
    return f"{size(upload.size)}, again: the blob is lost" if upload.repair else size(upload.size)


def _totals(plan: Plan, style: Style) -> Iterator[str]:
    summary = plan.summary
    if plan.unmanaged:
        yield style(unmanaged_text(plan), FAINT)
    if plan.left_out:
        yield f"Left out as requested: {counted(len(plan.left_out), 'change')}."
    if not plan.pending and plan.refusals:
        yield style(f"Nothing can be done: {counted(summary['unchanged'], 'record')} up to date.", BOLD)
        return
    if not plan.pending:
        kept = f", {summary['keep']:,} kept" if summary["keep"] else ""
        yield style(f"Nothing to do: {counted(summary['unchanged'], 'record')} up to date{kept}.", GREEN)
        return
    done = [(action, count) for action, count in summary.items() if action not in ("keep", "unchanged")]
    parts = [f"{count:,} to {action}" for action, count in done if count] or [no_changes(plan)]
    parts += [f"{summary['keep']:,} kept"] if summary["keep"] else []
    parts += [f"{summary['unchanged']:,} unchanged"] if summary["unchanged"] else []
    yield style(", ".join(parts), BOLD) + "."
    yield from map(style, protection(plan))
    if plan.uploads:
        total = sum(upload.size for upload in plan.uploads)
        yield f"Uploads: {counted(len(plan.uploads), 'blob')}, {size(total)}."
        yield from (style(f"  {upload.source} ({upload_size(upload)})", FAINT) for upload in plan.uploads)
    yield cost_text(plan.cost)
    yield style(f"Digest: {plan.digest}", FAINT)
