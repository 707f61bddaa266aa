"""The proof of a verdict: a value that one version accepts and the other refuses, at the place of the change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from atpub.atproto.data import Json
from atpub.atproto.evolution.differences import Divergence
from atpub.atproto.evolution.model import Example, Gap
from atpub.atproto.evolution.samples import Sampler
from atpub.atproto.lexicon.model import Array, Definition, Lexicons, Name, Object, RecordType, Type
from atpub.atproto.lexicon.validate import judge, validate
from atpub.atproto.lexicon.violation import Path, Violation

MOST_TRIES: Final = 400
"""How many values are tried for one example."""


@dataclass(frozen=True, slots=True)
class Root:
    """What values are judged by: a definition, or the part of a method, in both versions.

    `steps` is its path in the lexicon; `is_named`: whether it is a definition of its own.
    """

    name: Name
    steps: Path
    types: Mapping[Gap, Type]
    lexicons: Mapping[Gap, Lexicons]
    of: str
    is_record: bool = False
    is_named: bool = True

    def violations(self, version: Gap, value: Json) -> tuple[Violation, ...]:
        """Return what is wrong with a value by one version."""
        if self.is_named:
            return validate(self.lexicons[version], self.name, value)
        return judge(self.lexicons[version], self.of, self.types[version], value)


def find_example(root: Root, finding: Divergence, gap: Gap) -> Example | None:
    """Return a value that one version accepts and the other refuses for this finding; None where none is found."""
    other: Gap = "new" if gap == "old" else "old"
    for value in islice(_candidates(root, finding, gap, other), MOST_TRIES):
        refusals = [found for found in root.violations(other, value) if _is_about(found, finding)]
        if refusals and not root.violations(gap, value):
            return Example(gap, root.of, value, str(refusals[0]))
    return None


def _is_about(violation: Violation, finding: Divergence) -> bool:
    is_rule = not finding.rules or violation.rule in finding.rules
    return is_rule and violation.path[: len(finding.where)] == finding.where


def _candidates(root: Root, finding: Divergence, gap: Gap, other: Gap) -> Iterator[Json]:
    sampler = Sampler(root.lexicons[gap], root.lexicons[other])
    base = sampler.smallest(root.types[gap])
    if root.is_record and isinstance(base, dict):
        base = {"$type": str(root.name), **base}
    for leaf in _leaves(sampler, finding, gap):
        yield _put(sampler, root.types[gap], base, finding.where, leaf)


_ABSENT: Final = object()


def _leaves(sampler: Sampler, finding: Divergence, gap: Gap) -> Iterator[Json | object]:
    if finding.case != "value":
        yield _ABSENT if finding.case == "absent" else None
        return
    if finding.old is not None and finding.new is not None:
        mine, theirs = (finding.old, finding.new) if gap == "old" else (finding.new, finding.old)
        yield from sampler.values(mine, theirs)


def _put(sampler: Sampler, kind: Type, base: Json, where: Path, leaf: Json | object) -> Json:
    """Return a value with another one at a path; what the path lacks is filled with the smallest values."""
    if not where:
        return leaf  # type: ignore[return-value]  # absent only below an object
    step, rest = where[0], where[1:]
    match kind, base:
        case Object(properties=properties), dict() if isinstance(step, str):
            if not rest and leaf is _ABSENT:
                return {name: value for name, value in base.items() if name != step}
            inner = properties.get(step)
            if inner is None:
                return base
            held = base.get(step, sampler.smallest(inner))
            return {**base, step: _put(sampler, inner, held, rest, leaf)}
        case Array(items=items), list():
            first = base[0] if base else sampler.smallest(items)
            return [_put(sampler, items, first, rest, leaf), *base[1:]]
        case _:
            return base


def type_of(definition: Definition | None) -> Type | None:
    """Return the type of a definition's values; None for a method."""
    if isinstance(definition, RecordType):
        return definition.record
    return definition if isinstance(definition, Type) else None
