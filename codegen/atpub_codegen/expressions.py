"""Types as Python: for each, its annotation, the checks that a value must pass, and how it is loaded and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, assert_never

from atpub.lexicon.model import (
    Array,
    BlobType,
    Boolean,
    Bytes,
    CidLink,
    Integer,
    Name,
    Object,
    Ref,
    String,
    Token,
    Type,
    Union,
    Unknown,
)

FORMATS: Final = {
    "at-identifier": ("AtIdentifier", "is_at_identifier"),
    "at-uri": ("AtUri", "is_at_uri"),
    "cid": ("Cid", "is_cid"),
    "datetime": ("Datetime", "is_datetime"),
    "did": ("Did", "is_did"),
    "handle": ("Handle", "is_handle"),
    "language": ("Language", "is_language"),
    "nsid": ("NsidText", "is_nsid"),
    "record-key": ("RecordKey", "is_record_key"),
    "tid": ("TidText", "is_tid"),
    "uri": ("Uri", "is_uri"),
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A type as Python source, each part a function of the variable that holds the value."""

    annotation: str
    conditions: Callable[[str], tuple[str, ...]]  # each, where true, breaks the lexicon; none: loading decides
    load: Callable[[str], str]
    dump: Callable[[str], str]

    @property
    def plain(self) -> bool:
        """Whether the loaded value is the JSON itself."""
        return self.load("x") == "x" == self.dump("x")


class Declarations(Protocol):
    """Where a type's expression finds, or declares, what it needs a name for."""

    def reference(self, name: Name) -> Expression:
        """The expression of a definition by name."""
        ...

    def object(self, kind: Object, hint: str, within: tuple[str, ...]) -> Expression:
        """The expression of an object that stands inside another type."""
        ...

    def union(self, kind: Union, hint: str) -> Expression:
        """The expression of a union."""
        ...

    def alias(self, hint: str, annotation: str, doc: str) -> str:
        """The name of a new type alias."""
        ...


def expression(kind: Type, declare: Declarations, hint: str, within: tuple[str, ...]) -> Expression:
    """The expression of a type; `hint` names what must be declared for it, `within` is its way in its definition."""
    match kind:
        case Boolean():
            return _plain("bool", lambda v: _boolean(kind, v))
        case Integer():
            return _plain(_integer_annotation(kind), lambda v: _integer(kind, v))
        case String():
            return _plain(_string_annotation(kind, declare, hint), lambda v: _string(kind, v))
        case Bytes():
            limits = _arguments(0 if kind.min_length is None else kind.min_length, kind.max_length)
            return _loaded("bytes", lambda v: f"_rt.load_bytes({v}{limits})", lambda v: f"_rt.bytes_json({v})")
        case CidLink():
            return _loaded("_rt.CidLink", lambda v: f"_rt.load_link({v})", lambda v: f"_rt.link_json({v})")
        case BlobType():
            limits = _arguments(kind.accept, kind.max_size)
            return _loaded("_rt.Blob", lambda v: f"_rt.load_blob({v}{limits})", lambda v: f"{v}.to_json()")
        case Array():
            return _array(kind, expression(kind.items, declare, f"{hint}Item", (*within, "items")))
        case Object():
            return declare.object(kind, hint, within)
        case Ref(target=target):
            return declare.reference(target)
        case Union():
            return declare.union(kind, hint)
        case Unknown():
            return _loaded("_rt.JsonObject", lambda v: f"_rt.load_unknown({v})", lambda v: v)
        case Token():
            return _plain("str", lambda _: ("True",))
        case _:
            assert_never(kind)


def of_class(name: str) -> Expression:
    """The expression of a generated class."""
    return _loaded(name, lambda v: f"{name}.load({v})", lambda v: f"{v}.to_json()")


def of_union(annotation: str, loader: str) -> Expression:
    """The expression of a union, which a function loads."""
    return _loaded(annotation, lambda v: f"{loader}({v})", lambda v: f"_rt.member_json({v})")


def renamed(found: Expression, annotation: str) -> Expression:
    """The same expression under the name of an alias."""
    return Expression(annotation, found.conditions, found.load, found.dump)


def _plain(annotation: str, conditions: Callable[[str], tuple[str, ...]]) -> Expression:
    return Expression(annotation, conditions, lambda v: v, lambda v: v)


def _loaded(annotation: str, load: Callable[[str], str], dump: Callable[[str], str]) -> Expression:
    return Expression(annotation, lambda _: (), load, dump)


def _arguments(*values: object) -> str:
    given = list(values)
    while given and given[-1] is None:
        given.pop()
    return "".join(f", {value!r}" for value in given) if any(given) else ""


def _boolean(kind: Boolean, v: str) -> tuple[str, ...]:
    return (f"{v}.__class__ is not bool",) if kind.const is None else (f"{v} is not {kind.const}",)


def _integer_annotation(kind: Integer) -> str:
    choices = (kind.const,) if kind.const is not None else kind.enum
    return f"Literal[{', '.join(map(repr, choices))}]" if choices else "int"


def _integer(kind: Integer, v: str) -> tuple[str, ...]:
    conditions = [f"not _rt.is_integer({v})"]
    if kind.minimum is not None and kind.maximum is not None:
        conditions.append(f"not {kind.minimum} <= {v} <= {kind.maximum}")
    elif kind.minimum is not None:
        conditions.append(f"{v} < {kind.minimum}")
    elif kind.maximum is not None:
        conditions.append(f"{v} > {kind.maximum}")
    return (*conditions, *_choices(kind.enum, kind.const, v))


def _choices(enum: tuple[int, ...] | tuple[str, ...], const: int | str | None, v: str) -> list[str]:
    conditions = [f"{v} not in {enum!r}"] if enum else []
    return conditions if const is None else [*conditions, f"{v} != {const!r}"]


def _string_annotation(kind: String, declare: Declarations, hint: str) -> str:
    if kind.const is not None:
        return f"Literal[{kind.const!r}]"
    if kind.enum:
        return declare.alias(hint, f"Literal[{', '.join(map(repr, kind.enum))}]", kind.description)
    if kind.known_values:
        known = f"Literal[{', '.join(map(repr, kind.known_values))}] | str"
        return declare.alias(hint, known, kind.description)
    return f"_rt.{FORMATS[kind.format][0]}" if kind.format else "str"


def _string(kind: String, v: str) -> tuple[str, ...]:
    conditions = [f"not _rt.is_text({v})", *_choices(kind.enum, kind.const, v)]
    if kind.format:
        conditions.append(f"not _rt.{FORMATS[kind.format][1]}({v})")
    if kind.max_length is not None:  # no character takes more than four bytes: most texts need no counting
        conditions.append(f"(len({v}) > {kind.max_length // 4} and _rt.utf8_length({v}) > {kind.max_length})")
    if kind.min_length:
        conditions.append(f"_rt.utf8_length({v}) < {kind.min_length}")
    if kind.max_graphemes is not None:  # nor has a text more graphemes than characters
        conditions.append(f"(len({v}) > {kind.max_graphemes} and _rt.graphemes({v}) > {kind.max_graphemes})")
    if kind.min_graphemes:
        conditions.append(f"_rt.graphemes({v}) < {kind.min_graphemes}")
    return tuple(conditions)


def _array(kind: Array, item: Expression) -> Expression:
    annotation = f"list[{item.annotation}]"

    def conditions(v: str) -> tuple[str, ...]:
        found = [f"{v}.__class__ is not list"]
        if kind.min_length:
            found.append(f"len({v}) < {kind.min_length}")
        if kind.max_length is not None:
            found.append(f"len({v}) > {kind.max_length}")
        x = _deeper(v)
        broken = item.conditions(x)
        if broken:
            test = " or ".join(broken)
            found.append(f"any({test} for {x} in {v})")
        return tuple(found)

    if item.plain:
        return _plain(annotation, conditions)
    return Expression(
        annotation,
        conditions,
        lambda v: f"[{item.load(_deeper(v))} for {_deeper(v)} in {v}]",
        lambda v: f"[{item.dump(_deeper(v))} for {_deeper(v)} in {v}]",
    )


def _deeper(v: str) -> str:
    return "y" if v == "x" else "x" if not v.startswith(("x", "y")) or "." in v else f"{v}x"
