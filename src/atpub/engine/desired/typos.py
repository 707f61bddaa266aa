"""Unknown fields of a record whose names resemble a field of its lexicon.

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
    match kind, value:
        case RecordType(), _:
            yield from find_typos(lexicons, kind.record, value)
        case Ref(), _:
            yield from find_typos(lexicons, lexicons.find(kind.target), value)
        case Union(), {"$type": str(name)}:
            member = next((ref for ref in kind.refs if str(ref) == name), None)
            yield from find_typos(lexicons, member and lexicons.find(member), value)
        case Array(), list():
            for index, item in enumerate(value):
                yield from _inside(index, lexicons, kind.items, item)
        case Object(), dict():
            yield from _in_object(lexicons, kind, value)
        case _:
            pass


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
