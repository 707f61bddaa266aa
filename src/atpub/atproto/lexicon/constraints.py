"""Values that a lexicon itself names, held against its own constraints: enums, constants, defaults, MIME types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from atpub.atproto.data import INTEGER_MAX, INTEGER_MIN
from atpub.atproto.lexicon.formats import is_unicode
from atpub.atproto.lexicon.json_node import JsonNode
from atpub.atproto.lexicon.model import Boolean, Integer, Lexicons, String
from atpub.atproto.lexicon.validate import judge

Scalar = TypeVar("Scalar", Boolean, Integer, String)

_NONE: Final = Lexicons({})
_PART: Final = r"[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}"
MIME_TYPE: Final = re.compile(rf"\*/\*|{_PART}/(?:\*|{_PART})")


def check_mime_types(node: JsonNode, patterns: Iterable[str]) -> None:
    """Report each text that is no MIME type, nor the pattern of some (RFC 6838)."""
    for pattern in patterns:
        if not MIME_TYPE.fullmatch(pattern):
            node.problem(f"{pattern[:80]!r} is not a MIME type", hint="type/subtype, type/* or */*, without parameters")


def check_choices(node: JsonNode, kind: Scalar) -> Scalar:
    """Return the type; report its constant, default and enum where they exclude each other, or no value is valid."""
    if kind.const is not None and kind.default is not None:
        node.problem("const and default exclude each other")
    free = replace(kind, const=None)
    for key, value in (("const", kind.const), ("default", kind.default)):
        if value is not None:
            for message in _wrong(free, value):
                node[key].problem(message, hint="no value would do" if key == "const" else "no record could say it")
    if isinstance(kind, Integer | String) and kind.enum:
        _check_enum(node, kind)
    return kind


def _check_enum(node: JsonNode, kind: Integer | String) -> None:
    """Report an enum of which no value is valid; warn of each single one that is not."""
    free: Integer | String
    match kind:
        case Integer():
            free = replace(kind, const=None, enum=())
        case String():
            free = replace(kind, const=None, enum=())
    wrong = [message for value in kind.enum for message in list(_wrong(free, value))[:1]]
    for message in wrong:
        if len(wrong) == len(kind.enum):
            node["enum"].problem(message, hint="no value would do")
        else:
            node["enum"].warn(message, "lexicon", "take it out of the enum")


def _wrong(kind: Boolean | Integer | String, value: bool | int | str) -> Iterator[str]:
    storable = is_unicode(value) if isinstance(value, str) else INTEGER_MIN <= value <= INTEGER_MAX
    return (violation.message for violation in (judge(_NONE, "", kind, value) if storable else ()))
