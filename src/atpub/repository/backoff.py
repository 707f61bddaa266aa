"""Time: random pauses between tries, for several clients that write to one repository at once; and a stopwatch."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

TRIES: Final = 10
"""The number of tries on a head that keeps moving; each move is the progress of another client."""

_FIRST: Final = 0.05  # seconds
_LONGEST: Final = 1.0


def back_off(failures: int, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait for a random time: on the average twice as long after each failure, a second at most."""
    longest = min(_LONGEST, _FIRST * 2 ** (failures - 1))
    sleep(random.uniform(0, longest))  # noqa: S311 - guessing it gains nothing


def stopwatch() -> float:
    """Return seconds on a clock that never goes back."""
    return time.monotonic()
