"""The types of plain data, and of the places of its parts in the text."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from atpub.text.scalars import Scalar

Value: TypeAlias = "Scalar | list[Value] | dict[str, Value]"
Steps: TypeAlias = tuple[str | int, ...]
Part: TypeAlias = Literal["key", "value"]

MAX_DEPTH = 100
"""The maximum depth of nested lists and maps, with aliases followed."""


class Span(NamedTuple):
    """The offsets of a value's key (of an item: the value's own) and of the value, and the spans inside it."""

    key: int
    at: int
    inside: Inside = None


Inside: TypeAlias = "dict[str, Span] | list[Span] | None"


def child(inside: Inside, step: str | int) -> Span | None:
    """Return the span one step further in, or None."""
    if isinstance(inside, dict):
        return inside.get(step) if isinstance(step, str) else None
    if isinstance(inside, list):
        return inside[step] if isinstance(step, int) and 0 <= step < len(inside) else None
    return None
