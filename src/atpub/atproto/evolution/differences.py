"""What differs between two types, before it is known whom it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, TypeAlias

from atpub.atproto.evolution.model import Bump, Gap
from atpub.atproto.lexicon.model import (
    Array,
    BlobType,
    Boolean,
    Bytes,
    Integer,
    Object,
    Ref,
    String,
    Type,
    Union,
    Unsupported,
)
from atpub.atproto.lexicon.violation import Path

BOTH: Final[tuple[Gap, ...]] = ("old", "new")
Case: TypeAlias = Literal["value", "absent", "null"]
"""What the value at the place of a finding is in an example: one of its type, none, or null."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """One difference: its path in the lexicon (from the root's), that in a value, and the gaps it may open.

    A gap is the version that accepts what the other one refuses, by one of `rules` (none: any). A `certain` gap exists
    though no example is found; another one is then none. `bump` is that of a finding without gaps.
    """

    code: str
    message: str
    steps: Path = ()
    where: Path = ()
    gaps: tuple[Gap, ...] = ()
    rules: frozenset[str] = frozenset()
    case: Case = "value"
    old: Type | None = None
    new: Type | None = None
    certain: bool = False
    bump: Bump = "minor"


def compare_types(old: Type, new: Type) -> Iterator[Divergence]:
    """Yield each difference between two types, with paths from these."""
    if type(old) is not type(new):
        message = f"the type was {kind_name(old)} and is {kind_name(new)}"
        yield Divergence("type-changed", message, ("type",), gaps=BOTH, old=old, new=new)
        return
    yield from compare_descriptions(old.description, new.description)
    match old, new:
        case Object(), Object():
            yield from _compare_objects(old, new)
        case Array(), Array():
            yield from _compare_limits(old, new)
            yield from below(compare_types(old.items, new.items), ("items",), (0,))
        case Ref(), Ref() if old.target != new.target:
            message = f"the target was {old.target} and is {new.target}"
            yield Divergence("ref-changed", message, ("ref",), gaps=BOTH, old=old, new=new)
        case Union(), Union():
            yield from _compare_unions(old, new)
        case Unsupported(), Unsupported() if old.kind != new.kind:
            message = f"the type was {old.kind[:80]!r} and is {new.kind[:80]!r}, which atpub does not know"
            yield Divergence("type-changed", message, ("type",), gaps=BOTH, old=old, new=new, certain=True)
        case _:
            yield from _compare_limits(old, new)
            yield from _compare_choices(old, new)


def compare_descriptions(old: str, new: str) -> Iterator[Divergence]:
    """Yield the difference between two descriptions, if there is one."""
    if old != new:
        what = "is new" if not old else "is gone" if not new else "has other words"
        yield Divergence("description-changed", f"the description {what}", ("description",), bump="patch")


def below(findings: Iterator[Divergence], steps: Path, where: Path) -> Iterator[Divergence]:
    """Yield findings with their paths continued from above."""
    for found in findings:
        yield replace(found, steps=(*steps, *found.steps), where=(*where, *found.where))


def kind_name(kind: Type) -> str:
    """Return the language's word for a type."""
    names = {"CidLinkType": "cid-link", "BlobType": "blob"}
    name = type(kind).__name__
    return names.get(name, name.lower()) if name != "Unsupported" else "unknown to atpub"


# Objects


def _compare_objects(old: Object, new: Object) -> Iterator[Divergence]:
    for name in dict.fromkeys((*old.properties, *new.properties)):
        steps, where = ("properties", name), (name,)
        before, after = old.properties.get(name), new.properties.get(name)
        if before is None:
            yield _report_added(name, new, steps)
        elif after is None:
            yield _report_removed(name, old, steps)
        else:
            yield from _compare_presence(name, old, new, steps)
            yield from below(compare_types(before, after), steps, where)


def _report_added(name: str, new: Object, steps: Path) -> Divergence:
    if name not in new.required:
        return Divergence("field-added", f"the optional field {name!r} is new", steps, (name,))
    message = f"the required field {name!r} is new"
    return Divergence("required-field-added", message, steps, (name,), ("old",), _REQUIRED, "absent", certain=True)


def _report_removed(name: str, old: Object, steps: Path) -> Divergence:
    if name not in old.required:
        return Divergence("field-removed", f"the optional field {name!r} is gone", steps, (name,))
    message = f"the required field {name!r} is gone"
    return Divergence("required-field-removed", message, steps, (name,), ("new",), _REQUIRED, "absent", certain=True)


def _compare_presence(name: str, old: Object, new: Object, steps: Path) -> Iterator[Divergence]:
    where = (name,)
    if name in new.required and name not in old.required:
        message = f"the field {name!r} was optional and is required"
        yield Divergence("field-made-required", message, steps, where, ("old",), _REQUIRED, "absent", certain=True)
    if name in old.required and name not in new.required:
        message = f"the field {name!r} was required and is optional"
        yield Divergence("field-made-optional", message, steps, where, ("new",), _REQUIRED, "absent", certain=True)
    if name in new.nullable and name not in old.nullable:
        message = f"the field {name!r} may be null"
        yield Divergence("field-made-nullable", message, steps, where, ("new",), case="null", certain=True)
    if name in old.nullable and name not in new.nullable:
        message = f"the field {name!r} may not be null any more"
        yield Divergence("field-made-not-nullable", message, steps, where, ("old",), case="null", certain=True)


_REQUIRED: Final = frozenset({"required"})

# Limits


class _Limit(NamedTuple):
    """A keyword that limits a value: its codes, its value, the rule that breaks it, and whether it is from above."""

    keyword: str
    tightened: str
    loosened: str
    value: int | None
    rule: str
    is_upper: bool


def _limits(kind: Type) -> tuple[_Limit, ...]:
    match kind:
        case Integer(minimum=low, maximum=high):
            return (
                _Limit("minimum", "minimum-tightened", "minimum-loosened", low, "range", False),
                _Limit("maximum", "maximum-tightened", "maximum-loosened", high, "range", True),
            )
        case String(min_graphemes=low, max_graphemes=high):
            return (
                *_lengths(kind.min_length, kind.max_length),
                _Limit("minGraphemes", "min-graphemes-tightened", "min-graphemes-loosened", low, "minGraphemes", False),
                _Limit("maxGraphemes", "max-graphemes-tightened", "max-graphemes-loosened", high, "maxGraphemes", True),
            )
        case Bytes() | Array():
            return _lengths(kind.min_length, kind.max_length)
        case BlobType(max_size=high):
            return (_Limit("maxSize", "max-size-tightened", "max-size-loosened", high, "maxSize", True),)
        case _:
            return ()


def _lengths(low: int | None, high: int | None) -> tuple[_Limit, ...]:
    low = low or None  # a least length of 0 is none
    return (
        _Limit("minLength", "min-length-tightened", "min-length-loosened", low, "minLength", False),
        _Limit("maxLength", "max-length-tightened", "max-length-loosened", high, "maxLength", True),
    )


def _compare_limits(old: Type, new: Type) -> Iterator[Divergence]:
    for before, after in zip(_limits(old), _limits(new), strict=True):
        if before.value == after.value:
            continue
        said = f"{before.keyword} was {_show(before.value)} and is {_show(after.value)}"
        steps, rules = (before.keyword,), frozenset({before.rule})
        if _is_tightened(before, after):
            yield Divergence(after.tightened, said, steps, (), ("old",), rules, old=old, new=new, certain=True)
        else:
            yield Divergence(after.loosened, said, steps, (), ("new",), rules, old=old, new=new, certain=True)


def _is_tightened(before: _Limit, after: _Limit) -> bool:
    if before.value is None or after.value is None:
        return before.value is None
    return (after.value < before.value) is before.is_upper


def _show(value: object) -> str:
    return "not there" if value is None else str(value)


# Choices


def _compare_choices(old: Type, new: Type) -> Iterator[Divergence]:
    if isinstance(old, Integer | String) and isinstance(new, Integer | String):
        yield from _compare_enums(old, new)
    if isinstance(old, Boolean | Integer | String) and isinstance(new, Boolean | Integer | String):
        yield from _compare_constants(old, new)
    if isinstance(old, String) and isinstance(new, String):
        yield from _compare_known_values(old, new)
        if old.format != new.format:
            said = f"format was {_show(old.format)} and is {_show(new.format)}"
            rules = frozenset({"format"})
            yield Divergence("format-changed", said, ("format",), (), BOTH, rules, old=old, new=new)
    if isinstance(old, BlobType) and isinstance(new, BlobType) and {*old.accept} != {*new.accept}:
        said = f"accept was {_show(', '.join(old.accept) or None)} and is {_show(', '.join(new.accept) or None)}"
        yield Divergence("accept-changed", said, ("accept",), (), BOTH, frozenset({"accept"}), old=old, new=new)


def _compare_enums(old: Integer | String, new: Integer | String) -> Iterator[Divergence]:
    before, after = [*map(str, old.enum)], [*map(str, new.enum)]
    rules = frozenset({"enum"})
    if not before and after:
        said = f"the value is one of {_some(after)}"
        yield Divergence("enum-added", said, ("enum",), (), ("old",), rules, old=old, new=new, certain=True)
    elif before and not after:
        yield Divergence(
            "enum-removed", "the enum is gone", ("enum",), (), ("new",), rules, old=old, new=new, certain=True
        )
    elif gone := [value for value in before if value not in after]:
        said = f"the enum lost {_some(gone)}"
        yield Divergence("enum-value-removed", said, ("enum",), (), ("old",), rules, old=old, new=new)
    if before and (more := [value for value in after if value not in before]):
        said = f"the enum got {_some(more)}"
        yield Divergence("enum-value-added", said, ("enum",), (), ("new",), rules, old=old, new=new)


def _compare_constants(old: Boolean | Integer | String, new: Boolean | Integer | String) -> Iterator[Divergence]:
    if old.const != new.const:
        gaps: tuple[Gap, ...] = ("old",) if old.const is None else ("new",) if new.const is None else BOTH
        said = f"const was {_show(old.const)} and is {_show(new.const)}"
        rules = frozenset({"const"})
        yield Divergence("const-changed", said, ("const",), (), gaps, rules, old=old, new=new)
    if old.default != new.default:
        said = f"an absent value meant {_default(old.default)} and means {_default(new.default)}"
        yield Divergence("default-changed", said, ("default",))


def _default(value: object) -> str:
    return "nothing" if value is None else repr(value)


def _compare_known_values(old: String, new: String) -> Iterator[Divergence]:
    if more := [value for value in new.known_values if value not in old.known_values]:
        yield Divergence("known-value-added", f"the known values got {_some(more)}", ("knownValues",))
    if gone := [value for value in old.known_values if value not in new.known_values]:
        yield Divergence("known-value-removed", f"the known values lost {_some(gone)}", ("knownValues",))


def _some(values: list[str]) -> str:
    more = f" and {len(values) - 3:,} more" if len(values) > 3 else ""
    return ", ".join(map(repr, values[:3])) + more


# Unions


def _compare_unions(old: Union, new: Union) -> Iterator[Divergence]:
    rules = frozenset({"union"})
    if new.closed and not old.closed:
        yield Divergence("union-closed", "the union was open and is closed", (), (), ("old",), rules, old=old, new=new)
    if old.closed and not new.closed:
        yield Divergence("union-opened", "the union was closed and is open", (), (), ("new",), rules, old=old, new=new)
    gone = [str(ref) for ref in old.refs if ref not in new.refs]
    more = [str(ref) for ref in new.refs if ref not in old.refs]
    if gone and old.closed and new.closed:
        said = f"the closed union lost {_some(gone)}"
        yield Divergence("closed-union-member-removed", said, ("refs",), (), ("old",), rules, old=old, new=new)
    elif gone:
        yield Divergence("union-member-removed", f"the union lost {_some(gone)}", ("refs",))
    if more and old.closed and new.closed:
        said = f"the closed union got {_some(more)}"
        yield Divergence("closed-union-member-added", said, ("refs",), (), ("new",), rules, old=old, new=new)
    elif more:
        yield Divergence("union-member-added", f"the union got {_some(more)}", ("refs",))
