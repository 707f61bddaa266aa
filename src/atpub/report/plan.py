"""A plan, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.engine.plan.model import Action, Change, Cost, Plan, Upload
from atpub.engine.plan.renames import Rename, find_renames
from atpub.engine.plan.serialize import plan_document
from atpub.manifest.kinds import NAMED_BY_KEY
from atpub.report.diff import LONGEST, Difference, changed_fields
from atpub.report.problems import hint_text, labelled_text, problem_json
from atpub.report.style import BOLD, CYAN, FAINT, GREEN, PLAIN, RED, YELLOW, Style
from atpub.report.three_way import drift_total, three_way_lines
from atpub.suggest import pluralize, size

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
_MOST_UPLOADS = 20
_ANY_LENGTH = 1 << 30
_SHORTEST_ADDRESS: Final = 20
_SHORTEST_VALUE: Final = 30
_DETAIL: Final = "      "


def plan_text(plan: Plan, style: Style = PLAIN) -> str:
    """Return the changes of a plan, one per line with the fields that differ, then the totals."""
    return "\n".join(_lines(plan, style))


def plan_json(plan: Plan) -> JsonObject:
    """Return the plan as its saved document, with entries that seem to be renamed, and the warnings."""
    warnings: list[Json] = [problem_json(item) for item in plan.warnings]
    return {**plan_document(plan), "renames": [*map(_rename_json, find_renames(plan.changes))], "warnings": warnings}


def _rename_json(item: Rename) -> JsonObject:
    found: JsonObject = {"from": item.old, "to": item.new, "id": item.id, "rkey": item.rkey, "uri": str(item.uri)}
    return {**found, "fields": {**item.fields}}


def target_text(plan: Plan, style: Style = PLAIN) -> str:
    """Return the plan's project, account and DID."""
    owner = f"{style(plan.project, BOLD)} → " if plan.project else ""  # single records may have no project
    return f"{owner}{style(plan.account, BOLD)} ({style(plan.did)})"


def _lines(plan: Plan, style: Style) -> Iterator[str]:
    yield target_text(plan, style)
    yield ""
    shown = [change for change in plan.changes if change.action != "unchanged"]
    refused = {refusal.uri for refusal in plan.refusals}
    marks = [("!", RED) if change.uri in refused else _MARKS[change.action] for change in shown]
    for change, line in zip(shown, _change_lines(shown, marks, style), strict=True):
        yield line
        yield from _details(change, style)
    if shown:
        yield ""
    yield from _totals(plan, style)
    if plan.refusals:
        yield ""
    for refusal in plan.refusals:
        yield labelled_text("refused", RED, f"{refusal.message} [{refusal.code}]", style)
        yield hint_text(refusal.hint, style)


def _change_lines(changes: Sequence[Change], marks: Sequence[tuple[str, int]], style: Style) -> list[str]:
    """Return a line for each change: with its URI if all lines fit, else with its record key, else without both."""
    width = max((len(change.address) for change in changes), default=0)
    firsts = _first_columns(changes, marks, width)
    rests = [f"{change.uri}{notes(change)}" for change in changes]
    if _excess(firsts, rests, style) > 0:
        rests = [f"{change.path.rkey}{notes(change)}" for change in changes]
    if _excess(firsts, rests, style) > 0:
        rests = [notes(change).lstrip() for change in changes]
        room = min(width, width - _excess(firsts, rests, style))
        firsts = _first_columns(changes, marks, max(_SHORTEST_ADDRESS, room))
    lines = zip(firsts, rests, marks, strict=True)
    return [style(first, colour) + (f"  {style(rest, FAINT)}" if rest else "") for first, rest, (_, colour) in lines]


def _first_columns(changes: Sequence[Change], marks: Sequence[tuple[str, int]], width: int) -> list[str]:
    """Return the mark, the address in so many columns, and the action."""
    actions = max((len(change.word) for change in changes), default=0)
    return [
        f"  {mark} {_cut_address(change.address, width):<{width}}  {change.word:<{actions}}"
        for change, (mark, _) in zip(changes, marks, strict=True)
    ]


def _cut_address(address: str, width: int) -> str:
    """Return an address without the beginning of its key if it is too long: keys often differ at the end."""
    section, slash, key = address.partition("/")
    room = width - len(section) - 2
    return address if len(address) <= width or room < 1 else f"{section}{slash}…{key[-room:]}"


def _excess(firsts: Sequence[str], rests: Sequence[str], style: Style) -> int:
    """Return by how many characters the longest line is too long for the terminal; 0 or less if all fit."""
    if style.width is None or style.is_long:
        return 0
    return max((len(first) + 2 + len(rest) for first, rest in zip(firsts, rests, strict=True)), default=0) - style.width


def notes(change: Change) -> str:
    """Return what the address does not show: the part, a separate id, which outlives the name, and protection."""
    section, _, key = change.address.partition("/")
    parts = [] if change.part.is_whole else [str(change.part)]
    parts += [f"id {change.id}"] if section in NAMED_BY_KEY and key != change.id else []
    parts += ["protected"] if change.protect else []
    return f" ({', '.join(parts)})" if parts else ""


def cost_text(cost: Cost) -> str:
    """Return the cost of applying a plan."""
    parts = ((cost.commits, "commit"), (cost.writes, "write"), (cost.points, "point"))
    return f"Cost: {', '.join(pluralize(count, noun) for count, noun in parts)}."


def _details(change: Change, style: Style) -> Iterator[str]:
    yield from three_way_lines(change, style)
    if change.unknown and change.after is not None:
        yield style.hang(change.unknown, (f"{_DETAIL}its CID is not known yet: ", (FAINT,)), indent=f"{_DETAIL}  ")
    found = [] if change.drift else changed_fields(change, _longest_value(style))
    most = len(found) if style.is_long else _MOST_FIELDS
    for item in found[:most]:
        yield from _field(item, style)
    if len(found) > most:
        yield f"{_DETAIL}… and {pluralize(len(found) - most, 'more field')}"


def _longest_value(style: Style) -> int:
    if style.is_long:
        return _ANY_LENGTH
    return LONGEST if style.width is None else max(_SHORTEST_VALUE, min(LONGEST, style.width - len(_DETAIL) - 4))


def _field(item: Difference, style: Style) -> Iterator[str]:
    mark, colour = ("+", GREEN) if item.old is None else ("-", RED) if item.new is None else ("~", YELLOW)
    sides = [(text, code) for text, code in ((item.old, RED), (item.new, GREEN)) if text is not None]
    head = f"{_DETAIL}{style(mark, colour)} {style(item.path)}:"
    if style.fits(f"{_DETAIL}{mark} {item.path}: {' → '.join(text for text, _ in sides)}"):
        yield f"{head} {' → '.join(style(text, code) for text, code in sides)}"
        return
    yield head
    for arrow, (text, code) in zip(("  ", "→ "), sides, strict=False):
        yield f"{_DETAIL}  {arrow if len(sides) > 1 else ''}{style(text, code)}"


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
    return f"Unmanaged: {pluralize(count, 'record')} that no project owns{link} {plan.unmanaged[0]}"


def no_changes(plan: Plan) -> str:
    """Return the summary of a pending plan that changes no record."""
    if plan.repairs:
        return f"No record changes; {pluralize(len(plan.repairs), 'lost blob')} to upload again"
    return "No record changes, only the inventory"


def upload_size(upload: Upload) -> str:
    """Return the size of an upload, and that it is a repair."""
    return f"{size(upload.size)}, again: the blob is lost" if upload.repair else size(upload.size)


def _totals(plan: Plan, style: Style) -> Iterator[str]:
    summary = plan.summary
    if drift := drift_total(plan):
        yield style(drift, YELLOW)
    if plan.unmanaged:
        yield style(unmanaged_text(plan), FAINT)
    if plan.left_out:
        yield f"Left out as requested: {pluralize(len(plan.left_out), 'change')}."
    if not plan.pending and plan.refusals:
        yield style(f"Nothing can be done: {pluralize(summary['unchanged'], 'record')} up to date.", BOLD)
        return
    if not plan.pending:
        kept = f", {summary['keep']:,} kept" if summary["keep"] else ""
        yield style(f"Nothing to do: {pluralize(summary['unchanged'], 'record')} up to date{kept}.", GREEN)
        return
    parts = [f"{count:,} to {action}" for action, count in plan.pending_words.items()] or [no_changes(plan)]
    parts += [f"{summary['keep']:,} kept"] if summary["keep"] else []
    parts += [f"{summary['unchanged']:,} unchanged"] if summary["unchanged"] else []
    yield style(", ".join(parts), BOLD) + "."
    yield from map(style, protection(plan))
    if plan.uploads:
        total = sum(upload.size for upload in plan.uploads)
        yield f"Uploads: {pluralize(len(plan.uploads), 'blob')}, {size(total)}."
        most = len(plan.uploads) if style.is_long else _MOST_UPLOADS
        yield from (style(f"  {upload.source} ({upload_size(upload)})", FAINT) for upload in plan.uploads[:most])
        if len(plan.uploads) > most:
            yield style(f"  … and {len(plan.uploads) - most:,} more; --long shows all", FAINT)
    yield cost_text(plan.cost)
    yield style(f"Digest: {plan.digest}", FAINT)
