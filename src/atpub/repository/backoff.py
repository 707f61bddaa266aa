"""Where several write to one repository at once: who comes too late tries again, and not together with the others."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

TRIES: Final = 10
"""How often something is tried on a head that keeps moving; each time that it has moved, somebody else has got on."""

_FIRST: Final = 0.05  # seconds
_LONGEST: Final = 1.0


def back_off(failures: int, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait for a while that chance decides: on the average twice as long after each failure, a second at most."""
    longest = min(_LONGEST, _FIRST * 2 ** (failures - 1))
    sleep(random.uniform(0, longest))  # noqa: S311 - nobody gains by guessing it
