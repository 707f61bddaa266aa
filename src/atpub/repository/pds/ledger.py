"""What a server's rate limits still allow, kept from the headers of its replies.

A server has several limits for one method and shows the tightest: each of them allows at least what that one does. A
refused request uses up what was left, so one that is known not to fit is better not sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from atpub.repository.interface import UNLIMITED
from atpub.repository.pds.http import Reply


@dataclass(frozen=True, slots=True)
class Budget:
    """The points that are left until `reset` (seconds since 1970; None where the server names no limit)."""

    points: int
    reset: int | None = None


class Ledger:
    """The budget of each method of one server, for one account; several threads may use it."""

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}

    def note(self, nsid: str, reply: Reply, now: float) -> None:
        """Take down what a reply of a method says."""
        left, reset = reply.headers.get("ratelimit-remaining", ""), reset_of(reply, now)
        if reply.status == 429:
            if reset is not None:
                self._budgets[nsid] = Budget(0, reset)
        elif left.isdecimal() and reset is not None:
            self._budgets[nsid] = Budget(int(left), reset)
        elif reply.status == 200:
            self._budgets[nsid] = Budget(UNLIMITED)

    def budget(self, nsid: str, now: float) -> Budget | None:
        """What is left for a method; None where nothing is known, or not any more."""
        found = self._budgets.get(nsid)
        return None if found is None or (found.reset is not None and found.reset <= now) else found


def reset_of(reply: Reply, now: float) -> int | None:
    """When the limit that a reply shows starts anew, in seconds since 1970."""
    reset, wait = (reply.headers.get(name, "") for name in ("ratelimit-reset", "retry-after"))
    return int(reset) if reset.isdecimal() else int(now) + int(wait) if wait.isdecimal() else None
