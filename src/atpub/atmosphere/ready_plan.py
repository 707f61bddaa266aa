"""A plan with all that it takes to carry it out: what a notebook looks at, and then applies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeAlias

from atpub.atmosphere.accounts import Account
from atpub.atmosphere.remote_checksums import Fetched
from atpub.atproto.data import JsonObject
from atpub.engine.apply import Event
from atpub.engine.plan.model import Action, Change, Cost, Outcome, Plan, Refusal, Upload
from atpub.engine.plan.publication import EXISTS
from atpub.errors import Problem, RecordConflict
from atpub.pipeline import apply_plan
from atpub.report.html import plan_html
from atpub.report.plan import plan_json, plan_text
from atpub.repository.interface import BlobSource

OnEvent: TypeAlias = Callable[[Event], None]
"""Is told of each upload and commit."""
OnProgress: TypeAlias = Callable[[Event | Fetched], None]
"""Is told, besides, of the bytes that are read to find a checksum; from any thread."""

Opened: TypeAlias = Callable[[], AbstractContextManager[Account]]
"""Opens the account that a plan was made for; raises Usage where that is no longer to be had."""


def ignore(_: object) -> None:
    """Take no notice of an event."""


@dataclass(frozen=True, slots=True)
class ReadyPlan:
    """What a call or a manifest would do: shown as text and in Jupyter, carried out by `apply`."""

    plan: Plan
    sources: Mapping[str, BlobSource] = field(repr=False)
    opened: Opened = field(repr=False)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What happens to each record."""
        return self.plan.changes

    @property
    def uploads(self) -> tuple[Upload, ...]:
        """The blobs that the repository does not have yet."""
        return self.plan.uploads

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What a safety rule forbids; while there is one, nothing is applied."""
        return self.plan.refusals

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is doubtful, though not wrong."""
        return self.plan.warnings

    @property
    def summary(self) -> Mapping[Action, int]:
        """How many records each action concerns."""
        return self.plan.summary

    @property
    def cost(self) -> Cost:
        """What carrying it out takes."""
        return self.plan.cost

    @property
    def digest(self) -> str:
        """What it does, as 64 hexadecimal digits: the same whenever it is planned."""
        return self.plan.digest

    @property
    def pending(self) -> bool:
        """Whether there is anything to do."""
        return self.plan.pending

    def apply(self, *, on_event: OnEvent = ignore) -> tuple[Outcome, ...]:
        """Carry it out; raises Refused, RecordConflict, StalePlan, or PartlyApplied where some of it was done."""
        for refusal in self.refusals:
            if refusal.code == EXISTS:
                raise RecordConflict(refusal.message, hint=refusal.hint)
        with self.opened() as account:
            return apply_plan(self.plan, account.repository, self.sources, on_event=on_event)

    def to_json(self) -> JsonObject:
        """The plan as `atpub plan --json` prints it."""
        return plan_json(self.plan)

    def __str__(self) -> str:
        return plan_text(self.plan)

    def _repr_html_(self) -> str:
        return plan_html(self.plan)
