"""Parts of messages: suggestions for misspelt words, short lists of names, numbers with their nouns, values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def suggest(word: str, candidates: Iterable[str]) -> str:
    """Return `did you mean 'datasets'?`, or an empty string if no candidate is close."""
    meant = nearest(word, candidates)
    return "" if meant is None else f"did you mean {meant!r}?"


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate closest to a word, ignoring case; None if no candidate is close."""
    from difflib import get_close_matches  # only a mistake needs it

    by_folded = {candidate.lower(): candidate for candidate in candidates}
    close = get_close_matches(word.lower(), by_folded, n=1)
    return by_folded[close[0]] if close else None


def pluralize(count: int, noun: str) -> str:
    """Return a number with its noun: 1 commit, 2 commits."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def short_list(names: Sequence[str], most: int = 5) -> str:
    """Return the first names, and the number of the others."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def show_value(value: object) -> str:
    """Return a value as Python writes it, in at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def size(count: int) -> str:
    """Format a number of bytes: 1.9 MB."""
    if count < 1000:
        return f"{count} B"
    number = count / 1000
    for unit in ("kB", "MB", "GB"):
        if round(number, 1) < 1000:
            return f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


def duration(seconds: float) -> str:
    """Format a time: 9 s, 2 min 5 s, 3 h 20 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, of_hour = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {of_hour} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
