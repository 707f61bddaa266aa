"""Recursive definitions: their values may be nested to any depth, so the depth of each value has to be checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from atpub.atproto.lexicon.model import (
    Array,
    BodyType,
    Lexicons,
    Name,
    Object,
    ProcedureType,
    QueryType,
    RecordType,
    Ref,
    SubscriptionType,
    Union,
)

SHALLOW: Final = 64
"""The levels that a definition may describe; what it leaves unknown has as many again, and a record has 128."""

Found: TypeAlias = "tuple[Name | None, int]"


def recursive_definitions(lexicons: Lexicons) -> frozenset[Name]:
    """Return the definitions that refer back to themselves, refer to one that does, or describe too many levels."""
    found = {
        Name(nsid, name): tuple(_parts(definition, 0))
        for nsid, lexicon in lexicons.by_nsid.items()
        for name, definition in lexicon.definitions.items()
    }
    levels: dict[Name, int] = {}
    for name in _leaves_first({name: {target for target, _ in parts if target} for name, parts in found.items()}):
        levels[name] = max(level + (levels.get(target, 0) if target else 0) for target, level in found[name])
    return frozenset(name for name in found if levels.get(name, SHALLOW + 1) > SHALLOW)


def is_shallow(part: object) -> bool:
    """Return whether a part of a definition refers to nothing and describes few enough levels."""
    return all(target is None and level <= SHALLOW for target, level in _parts(part, 0))


def _leaves_first(targets: Mapping[Name, Iterable[Name]]) -> Iterator[Name]:
    """Yield names after all that they refer to; names on a circle, or leading to one, never come."""
    waiting = {name: {target for target in found if target in targets} for name, found in targets.items()}
    users: defaultdict[Name, list[Name]] = defaultdict(list)
    for name, found in waiting.items():
        for target in found:
            users[target].append(name)
    ready = [name for name, found in waiting.items() if not found]
    while ready:
        name = ready.pop()
        yield name
        for user in users[name]:
            waiting[user].discard(name)
            if not waiting[user]:
                ready.append(user)


def _parts(part: object, level: int) -> Iterator[Found]:
    """Yield the level of each part of a definition, and the name that it refers to, if it is a reference."""
    yield None, level
    match part:
        case Ref(target=target):
            yield target, level
        case Union(refs=refs):
            yield from ((ref, level) for ref in refs)
        case Array(items=items):
            yield from _parts(items, level + 1)
        case Object(properties=properties):
            for kind in properties.values():
                yield from _parts(kind, level + 1)
        case RecordType(record=inner) | BodyType(schema=inner) | SubscriptionType(message=inner):
            yield from _parts(inner, level)
        case QueryType(output=output):
            yield from _parts(output, level)
        case ProcedureType(input=taken, output=output):
            yield from _parts(taken, level)
            yield from _parts(output, level)
        case _:
            pass
