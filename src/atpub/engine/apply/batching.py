"""Batch sizes: how many writes fit in one request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from atpub.atproto.data import Encoded
from atpub.engine.plan.build import points_of
from atpub.repository.interface import UNLIMITED, Limits
from atpub.repository.model import Delete, Write

T = TypeVar("T")
B = TypeVar("B", bound="HasWrites")


class HasWrites(Protocol):
    """Something that is written in one commit."""

    @property
    def writes(self) -> Sequence[Write]:
        """The writes of the commit."""
        ...


def largest_batch(items: Sequence[T], batch_of: Callable[[Sequence[T]], B], limits: Limits) -> tuple[int, B]:
    """Return how many items fit in one request, the first ones, at least one; and the batch that they make.

    The writes of several may be fewer than those of each: they share inventory records. So the number is tried, and
    lowered until it fits.
    """
    points = UNLIMITED if limits.points is None else max(1, limits.points)
    count = min(len(items), limits.writes)
    while True:
        batch = batch_of(items[:count])
        writes = batch.writes
        use = max(sum(map(size_of, writes)) / limits.body, points_of(map(type, writes)) / points)
        excess = len(writes) - limits.writes
        if count == 1 or (use <= 1 and excess <= 0):
            return count, batch
        count = max(1, min(count - max(1, excess), int(count / max(use, 1))))


def size_of(write: Write) -> int:
    """Return an upper bound of the bytes that a write takes in a request."""
    if isinstance(write, Delete):
        return request_bytes(0)
    return request_bytes(Encoded.of(write.value, write.encoded).size)


def request_bytes(record: int) -> int:
    """Return an upper bound of the bytes of a write whose record has `record` bytes in DAG-CBOR (0: a delete).

    JSON is longer by its quotes and by the base32 of links: a quarter covers both, and 400 bytes all that is around it.
    """
    return record * 5 // 4 + 400
