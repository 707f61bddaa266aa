"""The remainder of a server's rate limits, taken from the headers of its replies.

A server has several limits for one method and shows the tightest: each of them allows at least what that one does. A
refused request uses up what was left, so one that is known not to fit is better not sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from atpub.atproto.xrpc.http import Reply

_NUMBER: Final = re.compile(r"[0-9]{1,12}")
_FIRST_MOMENT: Final = 10**9
"""Numbers from here on are seconds since 1970, those below seconds to wait."""
_LONGEST: Final = 7 * 24 * 3600
"""No rate limit lasts longer: a larger number counts in other units, or is wrong."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The points that are left until `reset`, in seconds since 1970; both are None where the server names no limit."""

    points: int | None
    reset: int | None = None


class RateLimits:
    """The budget of each method of one server, for one account; several threads may use it."""

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}

    def note(self, nsid: str, reply: Reply, now: float) -> None:
        """Record what a reply of a method tells about its limit."""
        left, reset = _number(reply, "ratelimit-remaining"), reset_of(reply, now)
        if reply.status == 429:
            if reset is not None:
                self._budgets[nsid] = Budget(0, reset)
        elif left is not None and reset is not None:
            self._budgets[nsid] = Budget(left, reset)
        elif reply.status == 200:
            self._budgets[nsid] = Budget(None)

    def budget(self, nsid: str, now: float) -> Budget | None:
        """Return the budget of a method; None where it is unknown, or no longer valid."""
        found = self._budgets.get(nsid)
        return None if found is None or (found.reset is not None and found.reset <= now) else found


def reset_of(reply: Reply, now: float) -> int | None:
    """When the limit that a reply shows starts anew, in seconds since 1970; None where that is not known.

    PDSes give the time itself (ratelimit-reset); others the seconds until then, in that header or in retry-after.
    """
    for header in ("ratelimit-reset", "retry-after"):
        value = _number(reply, header)
        if value is not None:
            moment = value if value >= _FIRST_MOMENT else int(now) + value
            if moment <= now + _LONGEST:
                return moment
    return None


def _number(reply: Reply, header: str) -> int | None:
    """Return the number in a header; None where there is none that can be meant."""
    text = reply.headers.get(header, "")
    return int(text) if _NUMBER.fullmatch(text) else None
