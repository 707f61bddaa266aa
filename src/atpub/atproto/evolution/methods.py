"""Queries, procedures, subscriptions and permission sets in two versions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from atpub.atproto.data import Json
from atpub.atproto.evolution.differences import BOTH, Divergence, compare_descriptions, compare_types
from atpub.atproto.evolution.model import Gap, Use
from atpub.atproto.evolution.witness import Root
from atpub.atproto.lexicon.model import (
    BodyType,
    Definition,
    Lexicons,
    Name,
    ProcedureType,
    QueryType,
    SubscriptionType,
    Type,
    Union,
    Unsupported,
)
from atpub.atproto.mime_types import accepts

Method: TypeAlias = QueryType | ProcedureType | SubscriptionType


@dataclass(frozen=True, slots=True)
class MethodPart:
    """Findings about a part of a method; without a root, no value can show them: they are about requests."""

    findings: tuple[Divergence, ...]
    use: Use
    root: Root | None = None


def compare_methods(
    name: Name, old: Definition | None, new: Definition | None, lexicons: Mapping[Gap, Lexicons]
) -> Iterator[MethodPart]:
    """Yield what differs between two versions of a method, part by part."""
    methods = (QueryType, ProcedureType, SubscriptionType)
    if not isinstance(old, methods) or not isinstance(new, methods):
        return
    yield MethodPart(tuple(compare_descriptions(old.description, new.description)), "output")
    yield _compare_values(name, "parameters", ("parameters",), old.parameters, new.parameters, lexicons, "input")
    if isinstance(old, ProcedureType) and isinstance(new, ProcedureType):
        yield from _compare_bodies(name, "input", old.input, new.input, lexicons)
    if not isinstance(old, SubscriptionType) and not isinstance(new, SubscriptionType):
        yield from _compare_bodies(name, "output", old.output, new.output, lexicons)
    if isinstance(old, SubscriptionType) and isinstance(new, SubscriptionType):
        messages = old.message or Union(()), new.message or Union(())
        yield _compare_values(name, "message", ("message", "schema"), *messages, lexicons, "output")
    yield MethodPart(tuple(_compare_errors(old.errors, new.errors)), "output")


def _compare_values(
    name: Name,
    part: str,
    steps: tuple[str, ...],
    old: Type,
    new: Type,
    lexicons: Mapping[Gap, Lexicons],
    use: Use,
) -> MethodPart:
    types: dict[Gap, Type] = {"old": old, "new": new}
    root = Root(name, ("defs", name.fragment, *steps), types, lexicons, f"{part} of {name}", is_named=False)
    return MethodPart(tuple(compare_types(old, new)), use, root)


def _compare_bodies(
    name: Name, part: Use, old: BodyType | None, new: BodyType | None, lexicons: Mapping[Gap, Lexicons]
) -> Iterator[MethodPart]:
    is_input = part == "input"
    if old is None and new is not None:
        code = "input-added" if is_input else "output-added"
        gaps: tuple[Gap, ...] = ("old",) if is_input else ()
        yield MethodPart((Divergence(code, f"the {part} is new", (part,), gaps=gaps),), part)
    elif old is not None and new is None:
        code = "input-removed" if is_input else "output-removed"
        gap: Gap = "old" if is_input else "new"
        yield MethodPart((Divergence(code, f"the {part} is gone", (part,), gaps=(gap,)),), part)
    elif old is not None and new is not None:
        described = compare_descriptions(old.description, new.description)
        about = [Divergence(found.code, found.message, (part, *found.steps), bump="patch") for found in described]
        yield MethodPart((*about, *_compare_encodings(part, old.encoding, new.encoding)), part)
        schemas = old.schema or Unsupported(), new.schema or Unsupported()
        yield _compare_values(name, part, (part, "schema"), *schemas, lexicons, part)


def _compare_encodings(part: Use, old: str, new: str) -> Iterator[Divergence]:
    if old == new:
        return
    pairs: dict[Gap, tuple[str, str]] = {"old": (old, new), "new": (new, old)}
    gaps: tuple[Gap, ...] = tuple(gap for gap in BOTH if not accepts((pairs[gap][1],), pairs[gap][0]))
    message = f"the encoding of the {part} was {old} and is {new}"
    yield Divergence("encoding-changed", message, (part, "encoding"), gaps=gaps)


def _compare_errors(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Divergence]:
    for name in sorted(new.keys() - old.keys()):
        yield Divergence("error-added", f"the error {name!r} is new", ("errors",))
    for name in sorted(old.keys() - new.keys()):
        yield Divergence("error-removed", f"the error {name!r} is gone", ("errors",))
    for name in sorted(old.keys() & new.keys()):
        for found in compare_descriptions(old[name], new[name]):
            yield Divergence(found.code, f"{found.message}, of the error {name!r}", ("errors",), bump="patch")


# Permission sets


def compare_permissions(old: Json, new: Json) -> Iterator[Divergence]:
    """Yield what differs between two versions of a permission set, as JSON."""
    before, after = _permissions(old), _permissions(new)
    if more := sorted(after - before):
        yield Divergence("permission-added", f"it grants more: {_list(more)}", ("permissions",))
    if gone := sorted(before - after):
        yield Divergence("permission-removed", f"it grants less: {_list(gone)}", ("permissions",), gaps=("old",))
    texts = [{key: _at(item, key) for key in ("title", "title:lang", "detail", "detail:lang")} for item in (old, new)]
    for key in texts[0]:
        if texts[0][key] != texts[1][key]:
            yield Divergence("title-changed", f"{key} has other words", (key,), bump="patch")


def _permissions(document: Json) -> set[str]:
    """Return each single permission as text: `repo create org.lab.note`."""
    listed = _at(document, "permissions")
    return {text for item in (listed if isinstance(listed, list) else []) for text in _grants(item)}


def _grants(item: Json) -> Iterator[str]:
    match item:
        case {"resource": "repo", "collection": list(collections), **rest}:
            actions = rest.get("action")
            for action in actions if isinstance(actions, list) and actions else ["create", "update", "delete"]:
                yield from (f"repo {action} {collection}" for collection in collections)
        case {"resource": "rpc", "lxm": list(methods), **rest}:
            audience = "the caller's audience" if rest.get("inheritAud") is True else rest.get("aud")
            yield from (f"rpc {method} at {audience}" for method in methods)
        case _:
            yield json.dumps(item, sort_keys=True)


def _list(grants: Iterable[str]) -> str:
    found = [*grants]
    return ", ".join(found[:3]) + (f" and {len(found) - 3:,} more" if len(found) > 3 else "")


def _at(value: Json, key: str) -> Json:
    return value.get(key) if isinstance(value, dict) else None
