"""Lists under titles, as Markdown within a limit: details are left out before names, and the last lists first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from typing import Final

LIMIT: Final = 60_000
"""The maximum number of characters: code forges refuse comments of more than 65,536."""

_FRAME: Final = 200  # the most characters of a list without its items


@dataclass(frozen=True, slots=True)
class FoldItem:
    """An item of a list: its name, and the details that are shown where there is room."""

    name: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """A list under a title; an open one is not folded, and a whole one has all its names."""

    title: str
    items: Sequence[FoldItem]
    is_open: bool = False
    is_whole: bool = False


def fit_folds(folds: Sequence[Fold], room: int, command: str) -> Iterator[str]:
    """Yield each list with as many names as fit, and then with as many details; `command` shows all of them."""
    room -= _FRAME * len(folds)
    for fold in folds:
        names = [f"\n- {item.name}" for item in fold.items]
        if not fold.is_whole:
            names = _leading(names, room)
        room = room - sum(map(len, names)) if len(names) == len(fold.items) else 0
        details = _leading([item.details for item in fold.items[: len(names)]], room)
        room -= sum(map(len, details))
        shown = (name + detail for name, detail in zip_longest(names, details, fillvalue=""))
        yield _fold(fold, "".join(shown), len(fold.items) - len(names), command)


def format_details(lines: Iterable[str], block: Sequence[str] = ()) -> str:
    """Return what follows the name of an item: lines, and a table or code block."""
    text = "".join(f"<br>\n  {line}" for line in lines if line)
    return text + "".join(f"\n  {line}" for line in ("", *block)) if block else text


def _leading(texts: list[str], room: int) -> list[str]:
    """Return the leading texts that fit."""
    lengths = accumulate(map(len, texts))
    return [text for text, length in zip(texts, lengths, strict=True) if length <= room]


def _fold(fold: Fold, shown: str, left: int, command: str) -> str:
    more = f"\n\n_… and {left:,} more that are not listed here; run `{command}` to see all._" if left else ""
    opening = "<details open>" if fold.is_open else "<details>"
    return f"{opening}<summary>{fold.title}</summary>\n{shown}{more}\n\n</details>\n"
