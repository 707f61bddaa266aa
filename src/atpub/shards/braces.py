"""Brace notation, the way WebDataset writes a list of shards: `cats-{000000..000009}.tar`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import Final

import bracex

from atpub.problems import Problem

LIMIT = 100_000
"""How many shards one pattern may stand for."""

MOST: Final = 300_000
"""How many shards the patterns of one manifest may stand for."""

_DEPTH = 50
_MOST_TEXT = 30_000_000
"""How many characters the strings of one pattern may have together."""
_MOST_TEXT_IN_ALL = 60_000_000
"""How many characters the strings of all patterns of one manifest may have together."""
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_DOLLAR = re.compile(r"(\\.)|\$(?=\{)", re.DOTALL)
_MIXED_CASE = re.compile(r"\{(?:[a-z]\.\.[A-Z]|[A-Z]\.\.[a-z])(?:\.\.-?\d+)?\}")
_SPECIAL = re.compile(r"[\\{}]")
_ONE_RANGE = re.compile(r"([^\\{}]*)\{([0-9]{1,15})\.\.([0-9]{1,15})\}([^\\{}]*)")
_NOTATION = r"a range is written {000..009}, a list {a,b}, a literal brace \{ or \}"


def expand_braces(pattern: str, limit: int = LIMIT) -> tuple[str, ...] | Problem:
    r"""Expand a pattern to its strings, in order, or return its problem; never expands more than `limit` strings.

    Whatever is accepted means what it means to the `braceexpand` package, which WebDataset and atdata use: ranges of
    numbers (zero-padded) and letters with an optional step, lists, nesting, products, and `\` before a literal
    `{`, `}` or `,`. Braces that are neither a range nor a list, which `braceexpand` leaves in the text, are a Problem.
    """
    expanded = expand_keeping_escapes(pattern, limit)
    return expanded if isinstance(expanded, Problem) else tuple(map(unescape, expanded))


def expand_keeping_escapes(pattern: str, limit: int = LIMIT) -> tuple[str, ...] | Problem:
    """Expand a pattern but keep backslash escapes, which globs interpret themselves."""
    if not _SPECIAL.search(pattern):
        return (pattern,) if pattern else ()
    if len(pattern) > _MOST_TEXT // limit:
        limit = max(1, _MOST_TEXT // len(pattern))  # none of the strings is longer than the pattern
    if one_range := _ONE_RANGE.fullmatch(pattern):
        return _expand_range(one_range, limit) or _too_many(pattern, limit)
    problem = _misplaced_brace(pattern) or _mixed_case_range(pattern)
    if problem:
        return problem
    try:
        # bracex takes `${` for a shell variable; WebDataset does not.
        shielded = _DOLLAR.sub(lambda found: found[1] or r"\$", pattern)
        expanded = tuple(bracex.iexpand(shielded, keep_escapes=True, limit=limit))
    except bracex.ExpansionLimitException:
        return _too_many(pattern, limit)
    return _literal_group(pattern, expanded) or expanded


def _expand_range(one_range: re.Match[str], limit: int) -> tuple[str, ...]:
    """Return the texts of one range of numbers, as most patterns are; none where they are more than the limit."""
    before, low, high, after = one_range.groups()
    numbers = _numbers(one_range)
    is_padded = any(len(end) > 1 and end.startswith("0") for end in (low, high))
    width = max(len(low), len(high)) if is_padded else 0
    return tuple(f"{before}{number:0{width}}{after}" for number in numbers) if len(numbers) <= limit else ()


def _numbers(one_range: re.Match[str]) -> range:
    low, high = int(one_range[2]), int(one_range[3])
    step = 1 if low <= high else -1
    return range(low, high + step, step)


@dataclass(slots=True)
class PatternTotal:
    """What the patterns of one manifest stand for, added up: each has a limit, and there can be many of them."""

    shards: int = 0
    characters: int = 0

    def exceed(self, patterns: Iterable[str]) -> Problem | None:
        """Add patterns, and return the problem if all are too many now."""
        for pattern in filter(_SPECIAL.search, patterns):
            count = _count(pattern)
            self.shards += count
            self.characters += count * len(pattern)
            if self.shards > MOST or self.characters > _MOST_TEXT_IN_ALL:
                total = f"{self.shards:,} shards, with {self.characters:,} characters"
                bound = f"at most {MOST:,}, with {_MOST_TEXT_IN_ALL:,}"
                message = f"up to {shortened(pattern)}, the manifest's patterns stand for {total}: {bound}"
                return Problem("brace-too-many", message, hint="use fewer, larger shards, or split the manifest")
        return None


def _count(pattern: str) -> int:
    """Return how many strings a pattern stands for; 0 where it has a problem."""
    if one_range := _ONE_RANGE.fullmatch(pattern):
        count = len(_numbers(one_range))
        return count if count <= LIMIT else 0
    expanded = expand_keeping_escapes(pattern)
    return 0 if isinstance(expanded, Problem) else len(expanded)


def unescape(text: str) -> str:
    """Remove the backslashes that escape a character."""
    return _ESCAPED.sub(r"\1", text)


def escape(text: str) -> str:
    """Write a backslash before each character that a pattern gives a meaning."""
    return re.sub(r"[\\*?\[{}]", r"\\\g<0>", text)


def _misplaced_brace(pattern: str) -> Problem | None:
    opened: list[int] = []
    for found in _BRACE.finditer(pattern):
        if found[0] == "{":
            opened.append(found.start())
        elif found[0] == "}" and not opened:
            return _unbalanced(pattern, f"the `}}` at character {found.start() + 1} was never opened")
        elif found[0] == "}":
            opened.pop()
        if len(opened) > _DEPTH:
            return Problem(
                "brace-depth", f"{shortened(pattern)}: braces are nested deeper than {_DEPTH}", hint=_NOTATION
            )
    if opened:
        return _unbalanced(pattern, f"the `{{` at character {opened[-1] + 1} is never closed")
    return None


def _unbalanced(pattern: str, what: str) -> Problem:
    return Problem("brace-unbalanced", f"{shortened(pattern)}: {what}", hint=_NOTATION)


def _mixed_case_range(pattern: str) -> Problem | None:
    """Reject a range from upper to lower case: in shells, but not in WebDataset, it includes punctuation."""
    found = _MIXED_CASE.search(pattern)
    if not found:
        return None
    message = f"{shortened(pattern)}: `{found[0]}` mixes upper and lower case, which programs read differently"
    return Problem("brace-range", message, hint="write two ranges, as in {{A..Z},{a..z}}")


def _too_many(pattern: str, limit: int) -> Problem:
    message = f"{shortened(pattern)} stands for more than {limit:,} shards"
    return Problem("brace-too-many", message, hint="use fewer, larger shards, or list several patterns")


def _literal_group(pattern: str, expanded: Sequence[str]) -> Problem | None:
    for text in expanded:
        start = next((found.start() for found in _BRACE.finditer(text) if found[0] in "{}"), None)
        if start is not None:
            group = text[start : text.find("}", start) + 1]
            message = f"{shortened(pattern)}: `{shortened(group)}` is neither a range nor a list"
            return Problem("brace-literal", message, hint=_NOTATION)
    return None


def shortened(pattern: str) -> str:
    """Return the start of a pattern, for messages."""
    return pattern if len(pattern) <= 120 else f"{pattern[:117]}…"


def readable_pattern(urls: Sequence[str]) -> str | None:
    """Why atdata cannot find these shards again, or None where it can.

    atdata 0.7 (`_shards_to_wds_url`) joins an entry's URLs as `prefix{middle,middle}suffix`, or with spaces where it
    finds no such form, and expands that: only what comes out as it went in is readable.
    """
    if len(set(urls)) < len(urls):
        return f"{Counter(urls).most_common(1)[0][0]} is listed more than once"
    special = next((url for url in urls if _SPECIAL.search(url)), None)
    if special is not None:
        return f"{special} has a brace or backslash in its name, which atdata takes for brace notation"
    return _unreadable_middle(urls) if len(urls) > 1 else None


def _unreadable_middle(urls: Sequence[str]) -> str | None:
    if len({len(url) for url in urls}) == len({url[:1] for url in urls}) == 1 and not any("," in url for url in urls):
        return None  # of one length, and different: there is something where they differ
    # Character by character is right here: these are URLs, and atdata does the same.
    prefix = commonprefix(urls)  # noqa: RUF071 - by characters, as readers do it, not by folders
    suffix = commonprefix([url[::-1] for url in urls])[::-1]  # noqa: RUF071 - the same
    # Where the two overlap in the shortest name, atdata lets the prefix have it.
    suffix = suffix[max(0, len(prefix) + len(suffix) - min(map(len, urls))) :]
    if not prefix and not suffix:
        return "the shards' names have neither a common start nor a common end"
    for url in urls:
        middle = url[len(prefix) : len(url) - len(suffix)]
        if not middle:
            return f"{url} has nothing where the others differ, after {prefix!r}: number all shards at the same width"
        if "," in middle:
            return f"{url} has a comma where the shards' names differ, which atdata takes for brace notation"
    return None
