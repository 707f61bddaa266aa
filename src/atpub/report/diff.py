"""The difference between two records, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from atpub.lexicon.data import Json

_LONGEST = 72


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs; None for `old` or `new` where it is not there."""

    path: str
    old: str | None
    new: str | None


def differences(old: Json, new: Json, path: str = "") -> Iterator[Difference]:
    """What differs between two values, in the order of the new one's fields."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            inner = f"{path}.{key}" if path else key
            if key not in old:
                yield Difference(inner, None, shown(new[key]))
            elif key not in new:
                yield Difference(inner, shown(old[key]), None)
            else:
                yield from differences(old[key], new[key], inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from differences(before, after, f"{path}[{index}]")
    elif isinstance(old, list) and isinstance(new, list):
        yield Difference(path, f"{len(old)} items", f"{len(new)} items: {shown(new)}")
    else:
        yield Difference(path, shown(old), shown(new))


def shown(value: Json) -> str:
    """A value on one line, folded where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
