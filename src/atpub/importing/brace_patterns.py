"""URLs → the shortest brace notation that expands to exactly these, in this order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from atpub.shards.braces import expand_braces

_NUMBER: Final = re.compile(r"(\d{1,15})", re.ASCII)
_SPECIAL: Final = re.compile(r"[\\{}]")


def patterns_of(urls: Sequence[str]) -> list[str]:
    """Return patterns that expand to these URLs in order; a run of numbers becomes one pattern."""
    return list(_patterns(urls))


def _patterns(urls: Sequence[str]) -> Iterator[str]:
    start = 0
    while start < len(urls):
        count, pattern = _longest_run(urls, start)
        yield pattern
        start += count


def _longest_run(urls: Sequence[str], start: int) -> tuple[int, str]:
    """Return the pattern of the URLs from an index on, and the number of URLs that it covers."""
    single = (1, _escape(urls[start]))
    if start + 1 >= len(urls):
        return single
    first, second = _NUMBER.split(urls[start]), _NUMBER.split(urls[start + 1])
    differing = [index for index, (one, other) in enumerate(zip(first, second, strict=False)) if one != other]
    if len(first) != len(second) or len(differing) != 1 or not differing[0] % 2:
        return single
    at = differing[0]
    step = int(second[at]) - int(first[at])
    count = 2
    while start + count < len(urls) and _follows(urls[start + count], first, at, int(first[at]) + step * count):
        count += 1
    if count == 2 and abs(step) != 1:
        return single  # two numbers are too few for a series
    last = _NUMBER.split(urls[start + count - 1])[at]
    pattern = _pattern(first, at, last, step)
    return (count, pattern) if expand_braces(pattern) == tuple(urls[start : start + count]) else single


def _follows(url: str, first: Sequence[str], at: int, number: int) -> bool:
    parts = _NUMBER.split(url)
    return len(parts) == len(first) and [*parts[:at], *parts[at + 1 :]] == [*first[:at], *first[at + 1 :]] and (
        int(parts[at]) == number
    )  # fmt: skip


def _pattern(first: Sequence[str], at: int, last: str, step: int) -> str:
    by = f"..{abs(step)}" if abs(step) != 1 else ""
    before, after = _escape("".join(first[:at])), _escape("".join(first[at + 1 :]))
    return f"{before}{{{first[at]}..{last}{by}}}{after}"


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)
