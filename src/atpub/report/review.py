"""A plan in the order of a review: deletes first, then drift, and what is new last. For Markdown and HTML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from atpub.engine.plan.model import Action, Change, Cost, Plan
from atpub.report.plan import no_changes
from atpub.report.three_way import drift_counts

HOURLY_POINTS: Final = 5_000
"""The points that a PDS lets an account spend in an hour."""

_TITLES: Final[dict[Action, str]] = {
    "update": "to update",
    "adopt": "to adopt",
    "forget": "to forget",
    "create": "to create",
    "keep": "kept",
}


@dataclass(frozen=True, slots=True)
class Section:
    """Changes of one kind under a title, such as `12 to update`; an urgent one is shown open."""

    title: str
    changes: tuple[Change, ...]
    is_urgent: bool = False


def sections(plan: Plan) -> Iterator[Section]:
    """Yield the changes of a plan, each in one section; unchanged records are left out."""
    if deletes := _of(plan, "delete"):
        yield Section(f"{len(deletes):,} to delete", deletes, is_urgent=True)
    if drifted := tuple(change for change in plan.changes if _is_drift(change)):
        yield Section(f"Drift: {drift_counts(drifted)}", drifted, is_urgent=True)
    for action, title in _TITLES.items():
        if found := tuple(change for change in _of(plan, action) if not _is_drift(change)):
            yield Section(f"{len(found):,} {title}", found)


def _of(plan: Plan, action: Action) -> tuple[Change, ...]:
    return tuple(change for change in plan.changes if change.action == action)


def _is_drift(change: Change) -> bool:
    return change.drift is not None and change.action in _TITLES


def totals(plan: Plan) -> Iterator[str]:
    """Yield the number of records of each action, the pending ones first, or that there is nothing to do."""
    yield from [f"{count:,} to {name}" for name, count in plan.pending_words.items()] or [_nothing(plan)]
    if plan.refusals:
        yield f"{len(plan.refusals):,} refused"
    for count, word in ((plan.summary["keep"], "kept"), (plan.summary["unchanged"], "unchanged")):
        if count:
            yield f"{count:,} {word}"


def _nothing(plan: Plan) -> str:
    """Return the summary of a plan that changes no record."""
    if plan.pending:
        return no_changes(plan)
    return "Nothing can be done" if plan.refusals else "Nothing to do"


def rate_limit_note(cost: Cost) -> str:
    """Return that a plan costs more than an hour's points; empty where it does not."""
    if cost.points <= HOURLY_POINTS:
        return ""
    hours = -(-cost.points // HOURLY_POINTS)
    return f"Applying takes about {hours} hours: {cost.points:,} points, and a PDS allows {HOURLY_POINTS:,} an hour."
