"""The one layout of lexicon files: key order, indentation and line breaks; the JSON stays equal.

Keys of the language stand in the order that the official files prefer, and words that it does not know after them. The
main definition comes first. Other names (definitions, fields, errors) stay in the order that the author gave them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from atpub.atproto.lexicon.model import MAIN
from atpub.lexicon_tools.parts import CHILDREN, MAPS

WIDTH: Final = 80
_INDENT: Final = "  "
_ORDER: Final = (
    *("$type", "lexicon", "id", "revision", "type", "title", "title:lang", "detail", "detail:lang", "description"),
    *("key", "record", "parameters", "message", "input", "output", "errors", "encoding", "schema", "permissions"),
    *("format", "accept", "maxSize", "ref", "refs", "closed", "required", "nullable", "properties"),
    *("minLength", "maxLength", "minGraphemes", "maxGraphemes", "minimum", "maximum"),
    *("default", "const", "enum", "knownValues", "items", "defs"),
)
_RANK: Final = {word: rank for rank, word in enumerate(_ORDER)}
_LAST: Final = len(_ORDER)
_DESCRIBED_LAST: Final = frozenset(("array", "boolean", "integer", "string"))  # the others begin with a description
_NOT_ASCII: Final = re.compile(r"[^ -~]")


class Number(str):
    """A number as the file has it: `1e2` and `100` are equal, and only one is what the author wrote."""

    __slots__ = ()


Node: TypeAlias = "bool | str | Number | list[Node] | dict[str, Node] | None"


def format_json(text: str) -> str:
    """Return the text of a lexicon in the one layout; raises ValueError if it is no JSON."""
    value: Node = json.loads(text, parse_int=Number, parse_float=Number)
    return f"{_write(_sort(value, 'lexicon'), '', 0)}\n"


def _sort(value: Node, kind: str) -> Node:
    """Return a part of a lexicon with its keys in order, and so the parts in it."""
    if not isinstance(value, dict):
        return value
    kind = kind or str(value.get("type"))
    inside = CHILDREN.get(kind, {})
    found = {word: _sort(value[word], inside[word]) if word in inside else value[word] for word in value}
    holder = MAPS.get(kind, "")
    names = found.get(holder)
    if isinstance(names, dict):
        first = {MAIN: names[MAIN]} if holder == "defs" and MAIN in names else {}
        found[holder] = {name: _sort(item, "") for name, item in {**first, **names}.items()}
    return {word: found[word] for word in sorted(found, key=lambda word: _rank(word, kind))}


def _rank(word: str, kind: str) -> int:
    if word == "description" and kind in _DESCRIBED_LAST:
        return _LAST
    return _RANK.get(word, _LAST + 1)


def _write(value: Node, indent: str, before: int) -> str:
    """Return a value as JSON; `before` characters stand on its line before it."""
    short = _short(value)
    if short is not None and len(indent) + before + len(short) < WIDTH:
        return short
    inner = indent + _INDENT
    match value:
        case list():
            items = [_write(item, inner, 0) for item in value]
            return _break_lines("[", items, "]", indent)
        case dict():
            fields = [f"{_string(key)}: {_write(item, inner, len(_string(key)) + 2)}" for key, item in value.items()]
            return _break_lines("{", fields, "}", indent)
        case _:
            return short or ""


def _break_lines(opening: str, items: list[str], closing: str, indent: str) -> str:
    lines = ",\n".join(f"{indent}{_INDENT}{item}" for item in items)
    return f"{opening}\n{lines}\n{indent}{closing}"


def _short(value: Node) -> str | None:
    """Return a value on one line; None for what always takes several: an object that is no small type."""
    match value:
        case Number():
            return str(value)
        case str():
            return _string(value)
        case list():
            items = [_short(item) for item in value]
            return None if None in items else f"[{', '.join(filter(None, items))}]"
        case dict():
            return _short_object(value)
        case _:
            return json.dumps(value)


def _short_object(value: Mapping[str, Node]) -> str | None:
    if not value:
        return "{}"
    if any(isinstance(item, dict) for item in value.values()):
        return None
    fields = [(key, _short(item)) for key, item in value.items()]
    if any(item is None for _, item in fields):
        return None
    return f"{{ {', '.join(f'{_string(key)}: {item}' for key, item in fields)} }}"


def _string(text: str) -> str:
    """Return a string as JSON; characters that cannot be seen are escaped."""
    return _NOT_ASCII.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]
