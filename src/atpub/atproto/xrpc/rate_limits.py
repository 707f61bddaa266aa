"""The remainder of a server's rate limits, taken from the headers of its replies.

A server has several limits for one method and shows the tightest: each of them allows at least what that one does. A
refused request uses up what was left, so one that is known not to fit is better not sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

_NUMBER: Final = re.compile(r"[0-9]{1,12}")
_HEADERS: Final = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy", "retry-after")
_FIRST_MOMENT: Final = 10**9
"""Numbers from here on are seconds since 1970, those below seconds to wait."""
_LONGEST: Final = 7 * 24 * 3600
"""No rate limit lasts longer: a larger number counts in other units, or is wrong."""


class ReplyHead(Protocol):
    """The status and headers of a reply, whether its body was read or not."""

    @property
    def status(self) -> int:
        """The status code."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """The points that are left until `reset`, in seconds since 1970; both are None where the server names no limit."""

    points: int | None
    reset: int | None = None


class RateLimits:
    """The budget of each method of one server, for one account; several threads may use it."""

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}
        self._default: Budget | None = None  # of a method that was not called yet
        self._has_limits = False

    def note(self, nsid: str, reply: ReplyHead, now: float) -> None:
        """Record what a reply of a method tells about its limit, and about the limits of the server.

        A server with limits shows one in each reply, since the limit of all requests holds for each. Where none was
        shown so far, there is none for other methods either.
        """
        self._has_limits |= reply.status == 429 or any(name in reply.headers for name in _HEADERS)
        if self._has_limits:
            self._default = None
        elif reply.status == 200:
            self._default = Budget(None)
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
        found = self._budgets.get(nsid, self._default)
        return None if found is None or (found.reset is not None and found.reset <= now) else found


def reset_of(reply: ReplyHead, now: float) -> int | None:
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


def _number(reply: ReplyHead, header: str) -> int | None:
    """Return the number in a header; None where there is none that can be meant."""
    text = reply.headers.get(header, "")
    return int(text) if _NUMBER.fullmatch(text) else None
