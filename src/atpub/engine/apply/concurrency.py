"""How many uploads run at once: more while that brings more bytes a second, fewer after a failure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

START: Final = 4
MOST: Final = 16
LOSS: Final = 0.15
"""The part of all bytes that more than `START` uploads may have under way: what a crash loses."""
SMALL_LOSS: Final = 1_000_000
"""The bytes that may be under way in any case."""

_ROUND_TRIP: Final = 250_000  # bytes that take as long as the way there and back: small blobs count by their number
_GAIN: Final = 1.1
_DECLINE: Final = 0.8


class Concurrency:
    """The number of uploads at once, from the throughput of the last ones; times are in seconds on any clock.

    Throughput is measured over windows of as many uploads as run at once. While each window is faster than the best
    before it, the number grows by half, after a first failure by one. A failure halves it.
    """

    def __init__(self) -> None:
        self.width = START
        self.rate: float | None = None
        """Bytes a second in the last window; None before its end."""
        self._total = 0
        self._best = 0.0
        self._has_failed = False  # ever
        self._is_shrunk = False  # since the last upload that succeeded
        self._begin: float | None = None
        self._sizes: list[int] = []

    def add(self, size: int) -> None:
        """Count bytes that are to be uploaded."""
        self._total += size

    def allows(self, running: Collection[int], size: int) -> bool:
        """Return whether another upload, of so many bytes, may begin beside those with these sizes."""
        if len(running) >= self.width:
            return False
        return len(running) < START or sum(running) + size <= max(SMALL_LOSS, self._total * LOSS)

    def resume(self, now: float) -> None:
        """Begin a window: nothing was under way until now."""
        self._begin, self._sizes = now, []

    def complete(self, size: int, now: float) -> None:
        """Count an upload that has succeeded, and set the number at the end of a window."""
        self._is_shrunk = False
        self._sizes.append(size)
        if self._begin is None or len(self._sizes) < self.width or now <= self._begin:
            return
        seconds, total = now - self._begin, sum(self._sizes)
        self.rate = total / seconds
        self._adapt((total + len(self._sizes) * _ROUND_TRIP) / seconds)
        self.resume(now)

    def fail(self) -> None:
        """Count a failure; several at once are one, such as those of all the connections of a line."""
        if not self._is_shrunk:
            self.width = max(1, self.width // 2)
        self._has_failed = self._is_shrunk = True
        self._best = 0.0

    def _adapt(self, throughput: float) -> None:
        if throughput >= self._best * _GAIN:
            self._best = throughput
            self.width = min(MOST, self.width + (1 if self._has_failed else self.width // 2))
        elif throughput < self._best * _DECLINE:
            self._best = throughput
            self.width = max(min(START, self.width), self.width * 2 // 3)
