"""A plan with what applying it needs: shown in a notebook, then applied."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from atpub.atmosphere.accounts import Account, applied_records
from atpub.atproto.data import JsonObject
from atpub.engine.apply import Committed, apply_plan
from atpub.engine.plan.model import Action, Change, Cost, Outcome, Plan, Refusal, Upload
from atpub.engine.plan.publication import EXISTS
from atpub.errors import AtpubWarning, RecordConflict
from atpub.history.record import ApplyRecord
from atpub.problems import Problem
from atpub.progress import Progress
from atpub.report.html import outcomes_html, plan_html
from atpub.report.plan import plan_json, plan_text
from atpub.repository.interface import BlobSource

Event: TypeAlias = Committed | Progress
"""A commit, or the progress of uploads."""
OnEvent: TypeAlias = Callable[[Event], None]
"""A callback for each upload and commit."""
OnProgress: TypeAlias = Callable[[Event | Progress], None]
"""A callback also for bytes that are read to find a checksum; called from any thread."""

Opened: TypeAlias = Callable[[], AbstractContextManager[Account]]
"""Opens the account that a plan was made for; raises Usage where it is no longer available."""


def ignore(_: object) -> None:
    """Take no notice of an event."""


class Outcomes(tuple[Outcome, ...]):
    """The outcome of each change of a plan, as a tuple that notebooks show as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return outcomes_html(self)


@dataclass(frozen=True, slots=True)
class ReadyPlan:
    """The plan of a call or a manifest, shown as text and in Jupyter, applied by `apply`."""

    plan: Plan
    sources: Mapping[str, BlobSource] = field(repr=False)
    opened: Opened = field(repr=False)
    folder: Path | None = field(default=None, repr=False)
    """The folder of the plan's manifest, in which the history is kept; None for the plan of a publish."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """The change of each record."""
        return self.plan.changes

    @property
    def uploads(self) -> tuple[Upload, ...]:
        """The blobs that the repository does not have yet."""
        return self.plan.uploads

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The refusals of safety rules; while there is one, nothing is applied."""
        return self.plan.refusals

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The warnings."""
        return self.plan.warnings

    @property
    def summary(self) -> Mapping[Action, int]:
        """How many records each action concerns."""
        return self.plan.summary

    @property
    def cost(self) -> Cost:
        """The cost of applying it."""
        return self.plan.cost

    @property
    def digest(self) -> str:
        """The plan's digest, 64 hexadecimal digits: the same whenever it is planned."""
        return self.plan.digest

    @property
    def pending(self) -> bool:
        """Whether there is anything to do."""
        return self.plan.pending

    def apply(self, *, on_event: OnEvent = ignore, history: bool = True) -> Outcomes:
        """Apply the plan; raises Refused, RecordConflict, StalePlan, or PartlyApplied where some of it was done.

        What the plan of a manifest replaces is kept in `.atpub/history` beside it, for `atpub undo`, unless `history`
        is False.
        """
        return carry_out(self, on_event, has_history=history)

    def to_json(self) -> JsonObject:
        """Return the plan as `atpub plan --json` prints it."""
        return plan_json(self.plan)

    def __repr__(self) -> str:
        return f"Ready{self.plan!r}"

    def __str__(self) -> str:
        return plan_text(self.plan)

    def _repr_html_(self) -> str:
        return plan_html(self.plan)


def carry_out(ready: ReadyPlan, on_event: OnEvent, *, is_new: bool = False, has_history: bool = False) -> Outcomes:
    """Apply a plan; where it `is_new`, made just now, the repository is not asked for its head again."""
    for refusal in ready.refusals:
        if refusal.code == EXISTS:
            raise RecordConflict(refusal.message, hint=refusal.hint)

    def on_commit(event: Committed) -> None:
        applied_records().add(event.records)
        on_event(event)

    with ready.opened() as account:
        apply = partial(
            apply_plan,
            ready.plan,
            account.repository,
            ready.sources,
            on_commit=on_commit,
            on_progress=on_event,
            journal=account.journal,
            is_new=is_new,
        )
        if not has_history or ready.folder is None:
            return Outcomes(apply())
        return Outcomes(ApplyRecord(ready.plan, ready.sources, ready.folder, warn).keep(apply))


def warn(problems: tuple[Problem, ...]) -> None:
    """Show problems as Python warnings."""
    for problem in problems:
        warnings.warn(str(problem), AtpubWarning, stacklevel=2)
