"""Plain scalars by YAML 1.2's core schema (section 10.3.2), so that `no`, `on`, dates and `1:30` stay strings."""

from __future__ import annotations

import json
import re
from typing import Final, TypeAlias

Scalar: TypeAlias = "bool | int | float | str | None"

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FIRST_OF_NUMBER = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~+@/:-]{0,300}(?<!:)")

# Beyond this Python refuses to print a number, and any message about it would fail in turn.
_MOST_DIGITS = 1000


class NumberTooLong(ValueError):
    """A number of more than 1,000 digits."""


def resolve(text: str) -> Scalar:
    """Return the value of a plain scalar; raises NumberTooLong."""
    if text[:1] in _FIRST_OF_NUMBER:
        return _number(text)
    return _WORDS.get(text, text)


def plain_scalar(text: str) -> str:
    """Return text on one line as YAML reads it back: plain where it may be, else in double quotes."""
    is_plain = _PLAIN.fullmatch(text) is not None and resolve(text) == text
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _number(text: str) -> int | float | str:
    if _INTEGER.fullmatch(text):
        return _integer(text, 10)
    if _OCTAL.fullmatch(text):
        return _integer(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return _integer(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _integer(digits: str, base: int) -> int:
    if len(digits) > _MOST_DIGITS:
        raise NumberTooLong
    return int(digits, base)
