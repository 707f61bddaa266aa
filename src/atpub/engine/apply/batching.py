"""Batch sizes: how many writes fit in one request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from atpub.atproto import data
from atpub.engine.plan.build import points_of
from atpub.repository.interface import UNLIMITED, Limits
from atpub.repository.model import Delete, Write

T = TypeVar("T")


def batch_size(
    items: Sequence[T],
    writes_of: Callable[[Sequence[T]], Sequence[Write]],
    bytes_of: Callable[[Write], int],
    limits: Limits,
) -> int:
    """Return how many items fit in one request: the first ones, at least one.

    `writes_of` gives the writes of several, which may be fewer than those of each: they share inventory records. So the
    number is tried, and lowered until it fits. `bytes_of` gives the bytes of a write in a request.
    """
    points = UNLIMITED if limits.points is None else max(1, limits.points)
    count = min(len(items), limits.writes)
    while count > 1:
        writes = writes_of(items[:count])
        use = max(sum(map(bytes_of, writes)) / limits.body, points_of(map(type, writes)) / points)
        excess = len(writes) - limits.writes
        if use <= 1 and excess <= 0:
            break
        count = max(1, min(count - max(1, excess), int(count / max(use, 1))))
    return count


def size_of(write: Write) -> int:
    """Return an upper bound of the bytes that a write takes in a request."""
    return request_bytes(0 if isinstance(write, Delete) else len(data.encode(write.value)))


def request_bytes(record: int) -> int:
    """Return an upper bound of the bytes of a write whose record has `record` bytes in DAG-CBOR (0: a delete).

    JSON is longer by its quotes and by the base32 of links: a quarter covers both, and 400 bytes all that is around it.
    """
    return record * 5 // 4 + 400
