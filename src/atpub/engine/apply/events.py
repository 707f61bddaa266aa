"""Between an apply and who has started it: its progress, when it has to stop, and how it ends halfway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from atpub.engine.plan.model import Change, Outcome, Upload
from atpub.errors import AtpubError, Interrupted, PartlyApplied, RateLimited
from atpub.repository.model import Head


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Progress: a blob is in the repository."""

    upload: Upload


@dataclass(frozen=True, slots=True)
class Committed:
    """Progress: a commit was made."""

    head: Head
    changes: tuple[Change, ...]


Event: TypeAlias = Uploaded | Committed
_AGAIN: Final = "run it again: what is done is not done twice"


class PartialApplyError(PartlyApplied):
    """An error after some commits were made, `__cause__`; `outcomes` says what became of each change of a plan."""

    def __init__(self, done: str, cause: AtpubError, outcomes: tuple[Outcome, ...] = ()) -> None:
        super().__init__(f"{done}, then: {cause.message}", hint=cause.hint or _AGAIN)
        self.outcomes = outcomes
        if isinstance(cause, RateLimited | Interrupted):
            self.code, self.exit_code = cause.code, cause.exit_code


@dataclass(frozen=True, slots=True)
class ApplyHooks:
    """How a caller watches an apply, and what it may tell it on the way."""

    on_event: Callable[[Event], None]
    stop: Callable[[], bool]
    wait: Callable[[int], None] | None

    def check(self) -> None:
        """Raise Interrupted where the caller wants no further request."""
        if self.stop():
            raise Interrupted("interrupted", hint="run it again: it goes on where it stopped")
