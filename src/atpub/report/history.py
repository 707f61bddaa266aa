"""Past applies and their undoing, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from atpub.atproto.data import JsonObject
from atpub.engine.plan.model import Outcome, Plan
from atpub.history.model import Heading
from atpub.report.outcomes import outcomes_json
from atpub.report.problems import FORMAT_VERSION
from atpub.report.style import BOLD, GREEN, PLAIN, Style
from atpub.report.table import UNLIMITED, table
from atpub.suggest import pluralize

_HEAD = ("APPLY", "TIME (UTC)", "ACCOUNT", "CHANGES")


def headings_text(headings: Sequence[Heading], style: Style = PLAIN) -> str:
    """Return a table of past applies, the newest first."""
    if not headings:
        return "No apply is kept."
    rows = [(item.name, f"{item.time:%Y-%m-%d %H:%M:%S}", item.account, _changes_text(item)) for item in headings]
    return "\n".join(table(_HEAD, rows, style.width or UNLIMITED, optional=("TIME (UTC)",)))


def headings_json(headings: Sequence[Heading]) -> JsonObject:
    """Return past applies as JSON, the newest first."""
    return {
        "format_version": FORMAT_VERSION,
        "applies": [
            {
                "name": item.name,
                "time": item.time.isoformat(),
                "project": item.project,
                "account": item.account,
                "did": item.did,
                "summary": {**item.summary},
                "undoes": item.undoes,
            }
            for item in headings
        ],
    }


def undone_text(past: Heading, outcomes: Sequence[Outcome], style: Style = PLAIN) -> str:
    """Return a line about an undo."""
    applied = [item.change for item in outcomes if item.status == "applied"]
    deletes = [change.action == "delete" for change in applied if change.pending]
    deleted, restored = deletes.count(True), deletes.count(False)
    done = [f"{pluralize(restored, 'record')} restored"] if restored else []
    done += [f"{deleted:,} deleted" if restored else f"{pluralize(deleted, 'record')} deleted"] if deleted else []
    nothing = "only the inventory changed" if applied else "nothing to do"
    return style(f"Undid the apply {past.name}: {', '.join(done) or nothing}.", BOLD, GREEN)


def undone_json(past: Heading, plan: Plan, outcomes: Sequence[Outcome]) -> JsonObject:
    """Return the outcomes of an undo as JSON, with the name of the apply that it has undone."""
    return {**outcomes_json(plan, outcomes), "undoes": past.name}


def _changes_text(heading: Heading) -> str:
    changes = ", ".join(f"{count:,} {action}" for action, count in heading.summary.items()) or "inventory"
    return f"{changes} (undo of {heading.undoes})" if heading.undoes else changes
