"""The proof of a verdict: a value that one version accepts and the other refuses, at the place of the change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from atpub.atproto.data import Json
from atpub.atproto.evolution.differences import Divergence
from atpub.atproto.evolution.model import Example, Gap
from atpub.atproto.evolution.samples import MOST_WORK, Sampler, weight
from atpub.atproto.lexicon.model import Array, Definition, Lexicons, Name, Object, RecordType, Ref, Token, Type, Union
from atpub.atproto.lexicon.validate import judge, validate
from atpub.atproto.lexicon.violation import Path, Violation

MOST_TRIES: Final = 400
"""How many values are tried for one example."""
_FREE_LOOKUPS: Final = 100
"""To look for so many fields or members takes as long as to judge one value."""


@dataclass(slots=True)
class Work:
    """The values that may still be tried: lexicons of others must not keep a comparison busy."""

    left: int = MOST_WORK
    _samplers: dict[Gap, Sampler] = field(default_factory=dict)

    def take(self, value: Json) -> bool:
        """Tell whether a value may be tried, and count it."""
        return self.spend(weight(value))

    def spend(self, count: int) -> bool:
        """Count values; tell whether any may still be tried."""
        self.left -= count
        return self.left >= 0

    def sampler(self, lexicons: Mapping[Gap, Lexicons], gap: Gap) -> Sampler:
        """Return the sampler of a version, one for the whole comparison: it knows the values that it has made."""
        if gap not in self._samplers:
            self._samplers[gap] = Sampler(lexicons[gap], lexicons["new" if gap == "old" else "old"])
        return self._samplers[gap]


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
    bases: dict[Gap, Json] = field(init=False, default_factory=dict, compare=False)

    def base(self, gap: Gap, sampler: Sampler) -> Json:
        """Return the smallest value of one version, which is made once."""
        if gap not in self.bases:
            made = sampler.smallest(self.types[gap])
            self.bases[gap] = {"$type": str(self.name), **made} if self.is_record and isinstance(made, dict) else made
        return self.bases[gap]

    def count_lookups(self, value: Json) -> int:
        """Return how many fields and members are looked for to judge a value by both versions."""
        return sum(_count_lookups(self.lexicons[gap], kind, value) for gap, kind in self.types.items())

    def violations(self, version: Gap, value: Json) -> tuple[Violation, ...]:
        """Return what is wrong with a value by one version."""
        if self.is_named:
            return validate(self.lexicons[version], self.name, value)
        return judge(self.lexicons[version], self.of, self.types[version], value)


def _count_lookups(lexicons: Lexicons, kind: Type, value: Json) -> int:
    match kind, value:
        case Ref(target=target), _:
            found = type_of(lexicons.find(target))
            return 0 if found is None or isinstance(found, Ref) else _count_lookups(lexicons, found, value)
        case Object(properties=properties), dict():
            known = ((properties[name], item) for name, item in value.items() if name in properties)
            return len(properties) + sum(_count_lookups(lexicons, inner, item) for inner, item in known)
        case Union(refs=refs), {"$type": named}:
            member = next((ref for ref in refs if str(ref) == named), None)
            return len(refs) + (_count_lookups(lexicons, Ref(member), value) if member else 0)
        case Array(items=items), list():
            return sum(_count_lookups(lexicons, items, item) for item in value)
        case _:
            return 0


class Search(NamedTuple):
    """The outcome of a search for an example; it `is_conclusive` if values could be made at all."""

    example: Example | None
    is_conclusive: bool


def find_example(root: Root, finding: Divergence, gap: Gap, work: Work) -> Search:
    """Search a value that one version accepts, and that the other refuses for this finding."""
    if work.left <= 0:
        return Search(None, False)
    other: Gap = "new" if gap == "old" else "old"
    is_conclusive = False
    for value in islice(_candidates(root, finding, gap, work.sampler(root.lexicons, gap)), MOST_TRIES):
        if not (work.take(value) and work.spend(root.count_lookups(value) // _FREE_LOOKUPS)):
            return Search(None, False)
        violations = root.violations(other, value)
        work.spend(len(violations))
        refusals = [found for found in violations if _is_about(found, finding)]
        if not refusals and is_conclusive:
            continue
        if root.violations(gap, value):
            continue
        if refusals:
            return Search(Example(gap, root.of, value, str(refusals[0])), True)
        is_conclusive = True
    return Search(None, is_conclusive)


def _is_about(violation: Violation, finding: Divergence) -> bool:
    is_rule = not finding.rules or violation.rule in finding.rules
    return is_rule and violation.path[: len(finding.where)] == finding.where


def _candidates(root: Root, finding: Divergence, gap: Gap, sampler: Sampler) -> Iterator[Json]:
    base = root.base(gap, sampler)
    if finding.case != "value":
        value = _put(sampler, root.types[gap], base, finding.where, None)
        yield value if finding.case == "null" else _drop(value, finding.where)
    elif finding.old is not None and finding.new is not None:
        mine, theirs = (finding.old, finding.new) if gap == "old" else (finding.new, finding.old)
        leaves = [str(root.name)] if isinstance(mine, Token) else sampler.values(mine, theirs)
        yield from (_put(sampler, root.types[gap], base, finding.where, leaf) for leaf in leaves)


def _put(sampler: Sampler, kind: Type, base: Json, where: Path, leaf: Json) -> Json:
    """Return a value with another one at a path; what the path lacks is filled with the smallest values."""
    if not where:
        return leaf
    step, rest = where[0], where[1:]
    match kind, base:
        case Object(properties=properties), dict() if step in properties:
            inner = properties[str(step)]
            held = base.get(str(step)) if step in base else sampler.smallest(inner)
            return {**base, str(step): _put(sampler, inner, held, rest, leaf)}
        case Array(items=items), list():
            first = base[0] if base else sampler.smallest(items)
            return [_put(sampler, items, first, rest, leaf), *base[1:]]
        case _:
            return base


def _drop(value: Json, where: Path) -> Json:
    """Return a value without the field at a path."""
    step, rest = where[0], where[1:]
    match value:
        case dict() if not rest:
            return {name: item for name, item in value.items() if name != step}
        case dict() if step in value:
            return {**value, str(step): _drop(value[str(step)], rest)}
        case [first, *others]:
            return [_drop(first, rest), *others]
        case _:
            return value


def type_of(definition: Definition | None) -> Type | None:
    """Return the type of a definition's values; None for a method."""
    if isinstance(definition, RecordType):
        return definition.record
    return definition if isinstance(definition, Type) else None
