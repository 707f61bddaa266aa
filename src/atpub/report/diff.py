"""The difference between two records, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from atpub.atproto.data import Json
from atpub.atproto.lexicon.json_node import step
from atpub.engine.plan.model import Change
from atpub.report.escape import escape_terminal

_SCHEMA = "science.alt.dataset.schema"
_COPY = "schema.content."
_BEFORE = 24

LONGEST: Final = 72
"""The most characters of a value, unless more are asked for."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs, each value on one line; `old` or `new` is None if that side lacks the field."""

    path: str
    old: str | None
    new: str | None


def changed_fields(change: Change, longest: int = LONGEST) -> list[Difference]:
    """Return the fields of a record that change, their values cut to a length.

    A sample's schema, which its record holds twice, is compared once.
    """
    if change.before is None or change.after is None:
        return []
    found = list(differences(change.before.value, change.after, longest=longest))
    if change.path.collection != _SCHEMA:
        return found
    shown = set(found)
    return [item for item in found if _first_copy(item) not in shown]


def _first_copy(item: Difference) -> Difference | None:
    """Return the difference that repeats this one of the copy, if it is of the copy."""
    rest = item.path.removeprefix(_COPY)
    return None if rest == item.path else replace(item, path=f"schema.{rest}")


def differences(old: Json, new: Json, path: str = "", *, longest: int = LONGEST) -> Iterator[Difference]:
    """Yield the fields that differ between two values, in the order of the new value's fields."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            inner = f"{path}{step(key)}" if path else step(key).removeprefix(".")
            if key not in old:
                yield Difference(inner, None, format_value(new[key], longest))
            elif key not in new:
                yield Difference(inner, format_value(old[key], longest), None)
            else:
                yield from differences(old[key], new[key], inner, longest=longest)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_differences(old, new, path, longest)
    elif not _same(old, new):
        yield Difference(path, *_show_both(old, new, longest))


def _list_differences(old: list[Json], new: list[Json], path: str, longest: int) -> Iterator[Difference]:
    """Yield the differences between two lists, without the items that both begin or end with."""
    start, end = _common_prefix(old, new), 0
    if len(old) != len(new):
        end = _common_prefix(old[start:][::-1], new[start:][::-1])
    for index in range(start, max(len(old), len(new)) - end):
        inner = f"{path}[{index}]"
        if index >= len(old) - end:
            yield Difference(inner, None, format_value(new[index], longest))
        elif index >= len(new) - end:
            yield Difference(inner, format_value(old[index], longest), None)
        else:
            yield from differences(old[index], new[index], inner, longest=longest)


def _common_prefix(old: Sequence[Json], new: Sequence[Json]) -> int:
    """Return the length of the common prefix of two sequences."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((index for index, pair in pairs if not _same(*pair)), min(len(old), len(new)))


def _same(old: Json, new: Json) -> bool:
    """Tell whether two values are equal; unlike in Python, true does not equal 1."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_same(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same, old, new))
    return old == new and isinstance(old, bool) is isinstance(new, bool)


def format_value(value: Json, longest: int = LONGEST) -> str:
    """Return a value on one line, shortened if it is long."""
    return _cut(_text(value), 0, longest)


def _show_both(old: Json, new: Json, longest: int) -> tuple[str, str]:
    """Return two values on one line each; of long values, the part that differs."""
    texts = _text(old), _text(new)
    if max(map(len, texts)) <= longest:
        return texts
    start = max(0, _common_prefix(*texts) - _BEFORE)
    return _cut(texts[0], start, longest), _cut(texts[1], start, longest)


def _text(value: Json) -> str:
    return escape_terminal(json.dumps(value, ensure_ascii=False))


def _cut(text: str, start: int, longest: int) -> str:
    rest = f"…{text[start + 1 :]}" if start else text
    return rest if len(rest) <= longest else f"{rest[: longest - 1]}…"
