"""Fields of a record beside those of its lexicon: which are defined there, and which resemble one that is.

The AT Protocol allows fields that the lexicon does not define: a misspelt optional one would be published unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.lexicon.model import Array, Definition, Lexicons, Object, RecordType, Ref, Type, Union
from atpub.engine.desired.model import Steps
from atpub.suggest import suggest


def find_typos(lexicons: Lexicons, kind: Type | Definition | None, value: Json) -> Iterator[tuple[Steps, str]]:
    """Return the path of each unknown field with a suggestion."""
    match _resolve(lexicons, kind, value), value:
        case Array() as found, list():
            for index, item in enumerate(value):
                yield from _inside(index, lexicons, found.items, item)
        case Object() as found, dict():
            yield from _in_object(lexicons, found, value)
        case _:
            pass


def defines(lexicons: Lexicons, kind: Type | Definition | None, value: Json, steps: Steps) -> bool:
    """Return whether a lexicon defines the field at this path of a value."""
    if not steps:
        return kind is not None
    first, rest = steps[0], steps[1:]
    match _resolve(lexicons, kind, value), value, first:
        case Array() as found, list(), int():
            return defines(lexicons, found.items, value[first], rest)
        case Object() as found, dict(), str():
            return defines(lexicons, found.properties.get(first), value.get(first), rest)
        case _:
            return False


def _resolve(lexicons: Lexicons, kind: Type | Definition | None, value: Json) -> Type | Definition | None:
    """Return what a record, a reference or a union requires of the value; None where that is not known."""
    match kind, value:
        case RecordType(), _:
            return kind.record
        case Ref(), _:
            return _resolve(lexicons, lexicons.find(kind.target), value)
        case Union(), {"$type": str(name)}:
            member = next((ref for ref in kind.refs if str(ref) == name), None)
            return _resolve(lexicons, member and lexicons.find(member), value)
        case _:
            return kind


def _in_object(lexicons: Lexicons, kind: Object, value: JsonObject) -> Iterator[tuple[Steps, str]]:
    free = [name for name in kind.properties if name not in value]
    for key, item in value.items():
        if key in kind.properties:
            yield from _inside(key, lexicons, kind.properties[key], item)
        elif not key.startswith("$") and (hint := suggest(key, free)):
            yield (key,), hint


def _inside(step: str | int, lexicons: Lexicons, kind: Type, value: Json) -> Iterator[tuple[Steps, str]]:
    for steps, hint in find_typos(lexicons, kind, value):
        yield (step, *steps), hint
