"""Tables and paragraphs that fit a terminal. rich measures the text: wide characters take two columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Final

from rich.cells import set_cell_size

from atpub.report.escape import escape_terminal
from atpub.report.style import columns

UNLIMITED: Final = 10_000
"""A width that nothing is cut to."""

_UNCUT: Final = 14
"""The width up to which a column is never cut: numbers, sizes, states."""
_GAP: Final = "  "


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    width: int,
    optional: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> list[str]:
    """Return the lines of a table of at most this width, escaped: its head, then a line for each row.

    Columns without a value are left out; where it does not fit, so are the `optional` ones, and wide ones are cut. The
    `whole` ones, which people copy from, are never cut: with these the table may be wider.
    """
    cells = [[escape_terminal(cell) for cell in row] for row in [head, *rows]]
    widths = [max(map(columns, column)) if any(column[1:]) else 0 for column in zip(*cells, strict=True)]
    for name in optional:
        if _total(min(item, _UNCUT) for item in widths) > width:
            widths[head.index(name)] = 0
    may_be_cut = [index for index, name in enumerate(head) if name not in whole]
    while _total(widths) > width and widths[widest := max(may_be_cut, key=widths.__getitem__)] > _UNCUT:
        widths[widest] -= 1
    return [_GAP.join(_cell(*pair) for pair in zip(row, widths, strict=True) if pair[1]).rstrip() for row in cells]


def _total(widths: Iterable[int]) -> int:
    shown = [item for item in widths if item]
    return sum(shown) + len(_GAP) * (len(shown) - 1)


def _cell(text: str, width: int) -> str:
    """Return a text in exactly so many columns, cut if it is longer."""
    return set_cell_size(text, width) if columns(text) <= width else f"{set_cell_size(text, width - 1)}…"


def paragraph(text: str, width: int) -> list[str]:
    """Return the lines of a text of any length; its own line breaks stay, and codes with hyphens are not broken."""
    parts = map(escape_terminal, text.splitlines())
    return [line for part in parts for line in wrap(part, width, break_on_hyphens=False) or [""]]
