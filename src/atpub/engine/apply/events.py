"""What an apply reports to its caller, and what the caller may ask of it: progress, stopping, waiting, errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import Cid
from atpub.engine.plan.model import Change, Outcome
from atpub.errors import AtpubError, Interrupted, PartlyApplied, RateLimited
from atpub.progress import OnProgress
from atpub.repository.model import Head


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit was made."""

    head: Head
    changes: tuple[Change, ...]
    records: tuple[tuple[Cid, JsonObject], ...] = ()
    """The records that it wrote, with their CIDs."""


_AGAIN: Final = "run it again: completed changes are not repeated"


class PartialApplyError(PartlyApplied):
    """An error (`__cause__`) after some commits were made; `outcomes` has the result of each change of a plan."""

    def __init__(self, done: str, cause: AtpubError, outcomes: tuple[Outcome, ...] = ()) -> None:
        super().__init__(f"{done}, then: {cause.message}", hint=cause.hint or _AGAIN)
        self.outcomes = outcomes
        if isinstance(cause, RateLimited | Interrupted):
            self.code, self.exit_code = cause.code, cause.exit_code


@dataclass(frozen=True, slots=True)
class ApplyHooks:
    """Callbacks of an apply: two report what is done, `stop` ends it, `wait` waits for a rate limit's reset.

    `before_write` is called once, before the first commit.
    """

    on_commit: Callable[[Committed], object]
    on_progress: OnProgress
    stop: Callable[[], bool]
    wait: Callable[[int], None] | None
    before_write: Callable[[], object]

    def check(self) -> None:
        """Raise Interrupted where the caller has asked to stop."""
        if self.stop():
            raise Interrupted("interrupted", hint="run it again: it continues where it stopped")
