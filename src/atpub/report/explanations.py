"""Explanations of codes, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from operator import attrgetter
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.explanations.table import Explanation
from atpub.report.problems import FORMAT_VERSION
from atpub.report.style import BOLD, CYAN, FAINT, PLAIN, Style
from atpub.report.table import paragraph

_WIDTH: Final = 100
"""The width of paragraphs where there is no terminal, and the largest on one."""


def explanation_text(item: Explanation, style: Style = PLAIN) -> str:
    """Return an explanation for a terminal."""
    parts = [[style(item.code, BOLD)], _wrap(item.summary, style), _wrap(item.cause, style)]
    parts += [[f"{style('What to do', CYAN)}:", *_wrap(item.remedy, style)]]
    parts += [[f"{style('Example', CYAN)}:", *_wrap(item.example, style, FAINT)]] if item.example else []
    return "\n\n".join("\n".join(lines) for lines in parts)


def codes_text(items: Iterable[Explanation], style: Style = PLAIN) -> str:
    """Return all codes with their summaries, by theme."""
    return "\n\n".join(
        "\n".join([style(theme, BOLD), *(line for item in group for line in _list(item, style))])
        for theme, group in groupby(items, attrgetter("theme"))
    )


def codes_json(items: Iterable[Explanation]) -> JsonObject:
    """Return explanations as JSON."""
    return {"format_version": FORMAT_VERSION, "codes": [asdict(item) for item in items]}


def _list(item: Explanation, style: Style) -> Iterator[str]:
    """Yield the code and its summary: on one line each where they fit, else the summary below the code."""
    column = 26
    width = min(style.width or _WIDTH, _WIDTH)
    if width < 2 * column:
        yield f"  {style(item.code, CYAN)}"
        yield from (f"    {style(line)}" for line in paragraph(item.summary, width - 4))
        return
    first, *rest = paragraph(item.summary, width - max(column, len(item.code) + 3))
    yield f"  {style(f'{item.code:<{column - 3}}', CYAN)} {style(first)}"
    yield from (f"{'':<{column}}{style(line)}" for line in rest)


def _wrap(text: str, style: Style, *codes: int) -> list[str]:
    width = min(style.width or _WIDTH, _WIDTH)
    return [f"  {style(line, *codes)}" for line in paragraph(text, width - 2)]
