"""What was changed outside the project, and nothing else: as text, JSON and Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri
from atpub.engine.plan.model import Change, Plan
from atpub.engine.plan.serialize import drift_json
from atpub.report.escape import escape_markdown
from atpub.report.folds import LIMIT, Fold, FoldItem, fit_folds, format_details
from atpub.report.plan import target_text
from atpub.report.problems import FORMAT_VERSION
from atpub.report.style import BOLD, FAINT, GREEN, PLAIN, RED, YELLOW, Style
from atpub.report.three_way import describe_drift, drift_counts, three_way_lines, three_way_table
from atpub.suggest import pluralize
from atpub.watching import DriftNews


def drift_text(plan: Plan, style: Style = PLAIN, options: Sequence[str] = ()) -> str:
    """Return the drifted records with the fields that differ, and what can be done about them.

    `options` are those that name the manifest and the account again.
    """
    return "\n".join(_lines(plan, style, options))


def _lines(plan: Plan, style: Style, options: Sequence[str]) -> Iterator[str]:
    yield target_text(plan, style)
    yield ""
    if not plan.drifted:
        yield style(f"No drift: {pluralize(len(plan.inventory.owned), 'owned record')} compared.", GREEN)
        return
    for change in plan.drifted:
        yield from _change_lines(change, style)
    yield ""
    yield style(f"{drift_counts(plan.drifted)}.", BOLD)
    yield from (style(f"{what}: {command}") for what, command in _remedies(plan, options))


def _change_lines(change: Change, style: Style) -> Iterator[str]:
    mark, colour = ("-", RED) if kind_of(change) == "deleted" else ("~", YELLOW)
    yield f"{style(f'  {mark} {change.address}  {kind_of(change)}', colour)}  {style(str(change.uri), FAINT)}"
    yield from three_way_lines(change, style)


def news_text(news: DriftNews, style: Style = PLAIN) -> str:
    """Return what other clients have changed, and what is as it was applied again."""
    lines = [line for change in news.drifted for line in _change_lines(change, style)]
    settled = (f"  = {AtUri.of(news.plan.did, path)}  no drift any more" for path in news.settled)
    return "\n".join([*lines, *(style(line, GREEN) for line in settled)])


def news_json(news: DriftNews) -> Iterator[JsonObject]:
    """Yield an object for each record, as a line of its own."""
    head = news.plan.head.rev if news.plan.head else None
    for change in news.drifted:
        yield {"event": "drift", "rev": head, **_change_json(change)}
    for path in news.settled:
        yield {"event": "settled", "rev": head, "uri": str(AtUri.of(news.plan.did, path))}


def _remedies(plan: Plan, options: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield what can be done, and the command that does it."""
    theirs = next((item.address for item in plan.drifted if item.before and item.after is not None), None)
    if theirs:
        yield "To keep theirs", shlex.join(["atpub", "import", "--take", theirs, *options])
    yield "To keep yours", shlex.join(["atpub", "apply", *options])


def kind_of(change: Change) -> str:
    """Return what another client did to the record: `modified` or `deleted`."""
    return "modified" if change.drift and change.drift.live else "deleted"


def drift_document(plan: Plan) -> JsonObject:
    """Return the drifted records as JSON, with their fields on each side."""
    kinds = [kind_of(change) for change in plan.drifted]
    return {
        "format_version": FORMAT_VERSION,
        "project": plan.project,
        "account": plan.account,
        "did": plan.did,
        "head": plan.head.cid if plan.head else None,
        "summary": {"modified": kinds.count("modified"), "deleted": kinds.count("deleted")},
        "changes": drift_changes(plan),
    }


def drift_changes(plan: Plan) -> list[Json]:
    """Return the drifted records as JSON; `action` is what applying the manifest would do."""
    return [_change_json(change) for change in plan.drifted]


def _change_json(change: Change) -> JsonObject:
    drift = drift_json(change)
    assert isinstance(drift, dict)
    return {"address": change.address, "id": change.id, "uri": str(change.uri), "action": change.action, **drift}


def drift_markdown(plan: Plan, limit: int = LIMIT) -> str:
    """Return the drifted records as Markdown of at most `limit` characters, for the summary of a job."""
    owner = f"{escape_markdown(plan.project)} → " if plan.project else ""
    head = f"### atpub drift: {owner}{escape_markdown(plan.account)}\n\n"
    if not plan.drifted:
        return f"{head}No drift.\n"
    items = [_markdown_item(change) for change in plan.drifted]
    folds = [Fold(drift_counts(plan.drifted), items, is_open=True)]
    end = "<br>\n".join(f"{what}: {escape_markdown(command)}" for what, command in _remedies(plan))
    return "".join([head, *fit_folds(folds, limit - len(head) - len(end), "atpub drift"), end])


def _markdown_item(change: Change) -> FoldItem:
    assert change.drift is not None
    lines = (escape_markdown(change.uri), escape_markdown(describe_drift(change.drift)))
    return FoldItem(escape_markdown(change.address), format_details(lines, three_way_table(change)))
