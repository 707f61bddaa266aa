"""Watching a repository: drift as it comes about, told by the server's events and found by a new plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from atpub.atproto.repo.events import Connected, Lost, RepoEvent, Tick
from atpub.atproto.syntax import Cid, RecordPath
from atpub.engine.inventory import COLLECTION
from atpub.engine.plan.model import Change, Plan
from atpub.errors import RateLimited, Unavailable

_MOST_TICKS: Final = 120
"""The longest pause between two tries to read the server, in ticks."""


@dataclass(frozen=True, slots=True)
class DriftNews:
    """What other clients have changed since the last news, and the records that are as they were applied again."""

    plan: Plan
    drifted: tuple[Change, ...]
    settled: tuple[RecordPath, ...]


def watch_drift(
    events: Iterable[RepoEvent | Connected | Tick | Lost], replan: Callable[[], Plan]
) -> Iterator[DriftNews | Connected | Lost]:
    """Yield what is new whenever an event is about owned records or their inventory, and how the stream fares.

    A commit of the project's own changes its inventory, too: the plan on it shows no drift. Where the server cannot be
    read, it is tried again at the next event, or after a pause.
    """
    known: dict[RecordPath, Cid | None] = {}
    owned: set[str] | None = None
    is_due, failures, waits = False, 0, 0
    for event in events:
        waits = waits - 1 if isinstance(event, Tick) else 0
        if isinstance(event, Connected | Lost):
            yield event
        is_due = is_due or isinstance(event, Connected) or (isinstance(event, RepoEvent) and _concerns(event, owned))
        if not is_due or waits > 0:
            continue
        try:
            plan = replan()
        except (Unavailable, RateLimited) as error:
            if owned is None:
                raise
            failures += 1
            waits = min(_MOST_TICKS, 4 << failures)
            yield Lost(error.message, waits / 4)
            continue
        is_due, failures = False, 0
        owned = {str(path) for path in plan.inventory.owned}
        now = {change.path: change.drift.live for change in plan.drifted if change.drift}
        new = tuple(item for item in plan.drifted if item.path not in known or known[item.path] != now[item.path])
        settled = tuple(path for path in known if path not in now)
        known = now
        if new or settled:
            yield DriftNews(plan, new, settled)


def _concerns(event: RepoEvent, owned: set[str] | None) -> bool:
    """Return whether an event may be about owned records."""
    if event.paths is None or owned is None:
        return True
    return any(path in owned or path.startswith(f"{COLLECTION}/") for path in event.paths)
