"""TOML text → plain data, or a problem at the place of the syntax error."""

from __future__ import annotations

import re
import tomllib

from atpub.atproto.data import JsonObject
from atpub.errors import InvalidInput
from atpub.problems import Problem
from atpub.text.source import Source

_HINT = "check the quotes, commas and brackets here and just before"


def parse_toml(source: Source) -> JsonObject:
    """Parse a text as TOML; raises InvalidInput."""
    try:
        value: JsonObject = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput((_syntax_problem(source, error),)) from None
    return value


def _syntax_problem(source: Source, error: tomllib.TOMLDecodeError) -> Problem:
    # tomllib's own message ends with the place, in parentheses; the problem has that already.
    message = getattr(error, "msg", None) or re.sub(r" \([^()]*\)\Z", "", str(error))
    return source.problem("toml-syntax", message[:1].lower() + message[1:], _offset(source.text, error), _HINT)


def _offset(text: str, error: tomllib.TOMLDecodeError) -> int:
    """Return where an error is: as it says from Python 3.14 on, else by reading beginnings of the text.

    tomllib counts a line's end as one character.
    """
    lines = text.replace("\r\n", "\n")
    line, column = getattr(error, "lineno", None), getattr(error, "colno", None)
    if not isinstance(line, int) or not isinstance(column, int):
        before = lines[: _fault(lines)]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    starts = [0, *(end.end() for end in re.finditer("\n", text))]
    return starts[line - 1] + column - 1


def _fault(text: str) -> int:
    """Return the last character of the shortest beginning that fails as the whole text does.

    A text that fails otherwise when something follows it is faulty at its end.
    """
    failure = _failure(text)
    if any(_failure(text + more) != failure for more in ("\0", "'''")):
        return len(text)
    low, high = 0, len(text)
    while low < high:
        middle = (low + high) // 2
        if _failure(text[:middle]) == failure:
            high = middle
        else:
            low = middle + 1
    return max(low - 1, 0)


def _failure(text: str) -> str:
    """Return what distinguishes the error of a text from others; nothing where the text is TOML."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return str(error)
    return ""
