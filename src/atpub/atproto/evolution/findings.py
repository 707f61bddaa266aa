"""What differs between two types, before it is known whom it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

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
)
from atpub.atproto.lexicon.violation import Path

BOTH: Final[tuple[Gap, ...]] = ("old", "new")
Case: TypeAlias = Literal["value", "absent", "null"]
"""What the value at the place of a finding is in an example: one of its type, none, or null."""


@dataclass(frozen=True, slots=True)
class Finding:
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


def compare_types(old: Type, new: Type) -> Iterator[Finding]:
    """Yield each difference between two types, with paths from these."""
    if type(old) is not type(new):
        message = f"the type was {kind_name(old)} and is {kind_name(new)}"
        yield Finding("type-changed", message, ("type",), gaps=BOTH, old=old, new=new, certain=True)
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
            yield Finding("ref-changed", message, ("ref",), gaps=BOTH, old=old, new=new)
        case Union(), Union():
            yield from _compare_unions(old, new)
        case _:
            yield from _compare_limits(old, new)
            yield from _compare_choices(old, new)


def compare_descriptions(old: str, new: str) -> Iterator[Finding]:
    """Yield the difference between two descriptions, if there is one."""
    if old != new:
        what = "is new" if not old else "is gone" if not new else "has other words"
        yield Finding("description-changed", f"the description {what}", ("description",), bump="patch")


def below(findings: Iterator[Finding], steps: Path, where: Path) -> Iterator[Finding]:
    """Yield findings with their paths continued from above."""
    for found in findings:
        yield replace(found, steps=(*steps, *found.steps), where=(*where, *found.where))


def kind_name(kind: Type) -> str:
    """Return the language's word for a type."""
    names = {"CidLinkType": "cid-link", "BlobType": "blob"}
    name = type(kind).__name__
    return names.get(name, name.lower()) if name != "Unsupported" else "unknown to atpub"


# Objects


def _compare_objects(old: Object, new: Object) -> Iterator[Finding]:
    for name in dict.fromkeys((*old.properties, *new.properties)):
        steps, where = ("properties", name), (name,)
        before, after = old.properties.get(name), new.properties.get(name)
        if before is None:
            yield _added(name, new, steps)
        elif after is None:
            yield _removed(name, old, steps)
        else:
            yield from _compare_presence(name, old, new, steps)
            yield from below(compare_types(before, after), steps, where)


def _added(name: str, new: Object, steps: Path) -> Finding:
    if name not in new.required:
        return Finding("field-added", f"the optional field {name!r} is new", steps, (name,))
    message = f"the required field {name!r} is new"
    return Finding("required-field-added", message, steps, (name,), ("old",), _REQUIRED, "absent", certain=True)


def _removed(name: str, old: Object, steps: Path) -> Finding:
    if name not in old.required:
        return Finding("field-removed", f"the optional field {name!r} is gone", steps, (name,))
    message = f"the required field {name!r} is gone"
    return Finding("required-field-removed", message, steps, (name,), ("new",), _REQUIRED, "absent", certain=True)


def _compare_presence(name: str, old: Object, new: Object, steps: Path) -> Iterator[Finding]:
    where = (name,)
    if name in new.required - old.required:
        message = f"the field {name!r} was optional and is required"
        yield Finding("field-made-required", message, steps, where, ("old",), _REQUIRED, "absent", certain=True)
    if name in old.required - new.required:
        message = f"the field {name!r} was required and is optional"
        yield Finding("field-made-optional", message, steps, where, ("new",), _REQUIRED, "absent", certain=True)
    if name in new.nullable - old.nullable:
        message = f"the field {name!r} may be null"
        yield Finding("field-made-nullable", message, steps, where, ("new",), case="null", certain=True)
    if name in old.nullable - new.nullable:
        message = f"the field {name!r} may not be null any more"
        yield Finding("field-made-not-nullable", message, steps, where, ("old",), case="null", certain=True)


_REQUIRED: Final = frozenset({"required"})

# Limits: keyword, code, whether it limits from above, the rule that a value breaks


def _limits(kind: Type) -> dict[str, tuple[str, bool, str, int | None]]:
    match kind:
        case Integer():
            return {
                "minimum": ("minimum", False, "range", kind.minimum),
                "maximum": ("maximum", True, "range", kind.maximum),
            }
        case String():
            return {
                **_lengths(kind.min_length, kind.max_length),
                "minGraphemes": ("min-graphemes", False, "minGraphemes", kind.min_graphemes),
                "maxGraphemes": ("max-graphemes", True, "maxGraphemes", kind.max_graphemes),
            }
        case Bytes() | Array():
            return _lengths(kind.min_length, kind.max_length)
        case BlobType():
            return {"maxSize": ("max-size", True, "maxSize", kind.max_size)}
        case _:
            return {}


def _lengths(low: int | None, high: int | None) -> dict[str, tuple[str, bool, str, int | None]]:
    return {
        "minLength": ("min-length", False, "minLength", low),
        "maxLength": ("max-length", True, "maxLength", high),
    }


def _compare_limits(old: Type, new: Type) -> Iterator[Finding]:
    after = _limits(new)
    for keyword, (code, is_upper, rule, before) in _limits(old).items():
        limit = after[keyword][3]
        if limit == before or not (before or limit or is_upper or code == "minimum"):
            continue  # a least length of 0 is none
        tightened = limit is not None and (before is None or (limit < before) is is_upper)
        said = f"{keyword} was {_shown(before)} and is {_shown(limit)}"
        gap: Gap = "old" if tightened else "new"
        name = f"{code}-{'tightened' if tightened else 'loosened'}"
        yield Finding(name, said, (keyword,), (), (gap,), frozenset({rule}), old=old, new=new, certain=True)


def _shown(value: object) -> str:
    return "not there" if value is None else str(value)


# Choices


def _compare_choices(old: Type, new: Type) -> Iterator[Finding]:
    if isinstance(old, Integer | String) and isinstance(new, Integer | String):
        yield from _compare_enums(old, new)
    if isinstance(old, Boolean | Integer | String) and isinstance(new, Boolean | Integer | String):
        yield from _compare_constants(old, new)
    if isinstance(old, String) and isinstance(new, String):
        yield from _compare_known_values(old, new)
        yield from _compare_sets("format", old.format, new.format, old, new)
    if isinstance(old, BlobType) and isinstance(new, BlobType) and {*old.accept} != {*new.accept}:
        yield from _compare_sets("accept", ", ".join(old.accept), ", ".join(new.accept), old, new)


def _compare_sets(keyword: str, before: str | None, after: str | None, old: Type, new: Type) -> Iterator[Finding]:
    """Yield a change of what only values can tell: whether one set of them holds the other."""
    if before != after:
        said = f"{keyword} was {_shown(before or None)} and is {_shown(after or None)}"
        yield Finding(f"{keyword}-changed", said, (keyword,), (), BOTH, frozenset({keyword}), old=old, new=new)


def _compare_enums(old: Integer | String, new: Integer | String) -> Iterator[Finding]:
    before, after = [*map(str, old.enum)], [*map(str, new.enum)]
    rules = frozenset({"enum"})
    if not before and after:
        said = f"the value is one of {_some(after)}"
        yield Finding("enum-added", said, ("enum",), (), ("old",), rules, old=old, new=new, certain=True)
    elif before and not after:
        yield Finding(
            "enum-removed", "the enum is gone", ("enum",), (), ("new",), rules, old=old, new=new, certain=True
        )
    elif gone := [value for value in before if value not in after]:
        said = f"the enum lost {_some(gone)}"
        yield Finding("enum-value-removed", said, ("enum",), (), ("old",), rules, old=old, new=new)
    if before and (more := [value for value in after if value not in before]):
        said = f"the enum got {_some(more)}"
        yield Finding("enum-value-added", said, ("enum",), (), ("new",), rules, old=old, new=new)


def _compare_constants(old: Boolean | Integer | String, new: Boolean | Integer | String) -> Iterator[Finding]:
    if old.const != new.const:
        gaps: tuple[Gap, ...] = ("old",) if old.const is None else ("new",) if new.const is None else BOTH
        said = f"const was {_shown(old.const)} and is {_shown(new.const)}"
        rules = frozenset({"const"})
        yield Finding("const-changed", said, ("const",), (), gaps, rules, old=old, new=new)
    if old.default != new.default:
        said = f"an absent value meant {_default(old.default)} and means {_default(new.default)}"
        yield Finding("default-changed", said, ("default",))


def _default(value: object) -> str:
    return "nothing" if value is None else repr(value)


def _compare_known_values(old: String, new: String) -> Iterator[Finding]:
    if more := [value for value in new.known_values if value not in old.known_values]:
        yield Finding("known-value-added", f"the known values got {_some(more)}", ("knownValues",))
    if gone := [value for value in old.known_values if value not in new.known_values]:
        yield Finding("known-value-removed", f"the known values lost {_some(gone)}", ("knownValues",))


def _some(values: list[str]) -> str:
    more = f" and {len(values) - 3:,} more" if len(values) > 3 else ""
    return ", ".join(map(repr, values[:3])) + more


# Unions


def _compare_unions(old: Union, new: Union) -> Iterator[Finding]:
    rules = frozenset({"union"})
    if new.closed and not old.closed:
        yield Finding("union-closed", "the union was open and is closed", (), (), ("old",), rules, old=old, new=new)
    if old.closed and not new.closed:
        yield Finding("union-opened", "the union was closed and is open", (), (), ("new",), rules, old=old, new=new)
    gone = [str(ref) for ref in old.refs if ref not in new.refs]
    more = [str(ref) for ref in new.refs if ref not in old.refs]
    if gone and new.closed:
        said = f"the closed union lost {_some(gone)}"
        yield Finding("closed-union-member-removed", said, ("refs",), (), ("old",), rules, old=old, new=new)
    elif gone:
        yield Finding("union-member-removed", f"the union lost {_some(gone)}", ("refs",))
    if more and old.closed:
        said = f"the closed union got {_some(more)}"
        yield Finding("closed-union-member-added", said, ("refs",), (), ("new",), rules, old=old, new=new)
    elif more:
        yield Finding("union-member-added", f"the union got {_some(more)}", ("refs",))
