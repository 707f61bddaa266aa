"""Checks of single keys, texts and integers in a record, whatever its lexicon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from atpub.atproto.data import INTEGER_MAX, INTEGER_MIN, LARGEST_IN_JSON, Json, leaves
from atpub.atproto.lexicon.violation import json_path
from atpub.problems import Problem
from atpub.storage.urls import check_text, is_plain

NUL: Final = "nul-in-text"
LARGE_INTEGER: Final = "large-integer"
_NUL_HINT: Final = "remove it: AppViews reject the record"


def is_clean(value: Json) -> bool:
    """Return whether nothing in a value has a problem, at a fraction of the cost of finding where."""
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            if "\0" in part or ("://" in part and not is_plain(part) and check_text(part)):
                return False
        elif isinstance(part, dict):
            stack += part.keys()
            stack += part.values()
        elif isinstance(part, list):
            stack += part
        elif isinstance(part, int | float) and abs(part) > LARGEST_IN_JSON:
            return False
    return True


def check_key(key: str) -> Iterator[Problem]:
    """Yield the problems of a key."""
    yield from check_text(key)
    if "\0" in key:
        yield Problem(NUL, "the key has a NUL character", hint=_NUL_HINT)


def check_leaf(leaf: str | int, *, is_remote: bool) -> Iterator[Problem]:
    """Yield the problems of a text or an integer; `is_remote` where the record goes to a PDS."""
    if isinstance(leaf, str):
        yield from check_text(leaf)
        if "\0" in leaf:
            yield Problem(NUL, "the text has a NUL character", hint=_NUL_HINT)
    elif is_remote and abs(leaf) > LARGEST_IN_JSON and INTEGER_MIN <= leaf <= INTEGER_MAX:
        yield Problem(LARGE_INTEGER, f"{leaf} is beyond 2^53-1", hint="no PDS takes it: write it as a string")


def large_integers(value: Json) -> Iterator[Problem]:
    """Yield the integers in a record that no PDS takes."""
    for steps, leaf in leaves(value):
        if isinstance(leaf, int):
            for problem in check_leaf(leaf, is_remote=True):
                yield Problem(problem.code, f"{json_path(steps)}: {problem.message}", None, problem.hint)
