"""Plain data, and beside it where each part of it stands in the text."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from atpub.text.scalars import Scalar

Value: TypeAlias = "Scalar | list[Value] | dict[str, Value]"
Steps: TypeAlias = tuple[str | int, ...]
Part: TypeAlias = Literal["key", "value"]

MAX_DEPTH = 100
"""How many lists and maps may stand inside one another, aliases followed."""


class Span(NamedTuple):
    """Where a value stands: the offset of its key (an item's: its own), its own, and what is inside."""

    key: int
    at: int
    inside: Inside = None


Inside: TypeAlias = "dict[str, Span] | list[Span] | None"


def child(inside: Inside, step: str | int) -> Span | None:
    """The spot one step further in, where there is one."""
    if isinstance(inside, dict):
        return inside.get(step) if isinstance(step, str) else None
    if isinstance(inside, list):
        return inside[step] if isinstance(step, int) and 0 <= step < len(inside) else None
    return None
