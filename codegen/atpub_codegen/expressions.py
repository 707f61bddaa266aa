"""Types as Python: each type's annotation, checks, loading and writing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias, assert_never

from atpub.atproto.lexicon.model import (
    Array,
    BlobType,
    Boolean,
    Bytes,
    CidLinkType,
    Integer,
    Name,
    Null,
    Object,
    Ref,
    String,
    Token,
    Type,
    Union,
    Unknown,
    Unsupported,
)
from atpub_codegen.source import literals

Scalar: TypeAlias = Boolean | Integer | String | Bytes | CidLinkType | BlobType

_LEVELS: Final = 8  # of lists in lists that one function loads; Python has no more than 20 loops in each other
FORMATS: Final = {
    "at-identifier": ("AtIdentifier", "is_at_identifier", "load_at_identifier"),
    "at-uri": ("AtUri", "is_at_uri", "load_at_uri"),
    "cid": ("Cid", "is_cid", "load_cid"),
    "datetime": ("Datetime", "is_datetime", "load_datetime"),
    "did": ("Did", "is_did", "load_did"),
    "handle": ("Handle", "is_handle", "load_handle"),
    "language": ("Language", "is_language", "load_language"),
    "nsid": ("NsidText", "is_nsid", "load_nsid"),
    "record-key": ("RecordKey", "is_record_key", "load_record_key"),
    "tid": ("TidText", "is_tid", "load_tid"),
    "uri": ("Uri", "is_uri", "load_uri"),
}


@dataclass(frozen=True, slots=True)
class Each:
    """A condition that breaks the lexicon where one of these is true of any item of a list."""

    item: str
    of: str
    conditions: Conditions


Conditions: TypeAlias = "tuple[str | Each, ...]"


@dataclass(frozen=True, slots=True)
class Expression:
    """A type as Python source, each part a function of the variable that holds the value."""

    annotation: str
    conditions: Callable[[str], Conditions]  # each, where true, breaks the lexicon; none: loading decides
    load: Callable[[str], str]
    dump: Callable[[str], str]
    loader: str = ""  # the function that loads a value, where that is all there is to loading one
    load_text: Callable[[str], str] | None = None  # loads a text in a call, in place of the conditions

    @property
    def plain(self) -> bool:
        """Whether the loaded value is the JSON itself."""
        return self.load("x") == "x" == self.dump("x")


class Declarations(Protocol):
    """The place where a type's expression finds or declares names."""

    def reference(self, name: Name) -> Expression:
        """Return the expression of a definition by name."""
        ...

    def object(self, kind: Object, hint: str, within: tuple[str, ...]) -> Expression:
        """Return the expression of an object inside another type."""
        ...

    def union(self, kind: Union, hint: str, within: tuple[str, ...]) -> Expression:
        """Return the expression of a union."""
        ...

    def deep_list(self, whole: Expression, hint: str) -> Expression:
        """Return the expression of a list, loaded and written by functions of its own."""
        ...

    def choices(self, hint: str, kind: String, within: tuple[str, ...]) -> str:
        """Return the name of a new alias for a string's enum or known values."""
        ...


def expression(kind: Type, declare: Declarations, hint: str, within: tuple[str, ...]) -> Expression:
    """Return the expression of a type; `hint` names its declarations, `within` is its path in the definition."""
    match kind:
        case Boolean() | Integer() | String() | Bytes() | CidLinkType() | BlobType():
            return of_scalar(kind, _annotation(kind, declare, hint, within))
        case Array():
            item = expression(kind.items, declare, f"{hint}Item", (*within, "items"))
            levels = _levels(kind)
            found = _array(kind, item)
            return found if levels % _LEVELS else declare.deep_list(found, f"{hint}{levels}")
        case Object():
            return declare.object(kind, hint, within)
        case Ref(target=target):
            return declare.reference(target)
        case Union():
            return declare.union(kind, hint, within)
        case Unknown():
            return _load("runtime.JsonObject", lambda v: f"runtime.load_unknown({v})", lambda v: v)
        case Null():
            return _plain("None", lambda v: (f"{v} is not None",))
        case Unsupported():
            return _load("runtime.Json", lambda v: f"runtime.load_any({v})", lambda v: v)
        case Token():
            raise ValueError(f"{hint}: a token has a name of its own")
        case _:
            assert_never(kind)


def _levels(kind: Type) -> int:
    """Return the number of lists nested in a type."""
    levels = 0
    while isinstance(kind, Array):
        kind, levels = kind.items, levels + 1
    return levels


def of_token(name: Name) -> Expression:
    """Return the expression of a reference to a token: a text that is its name."""
    text = literals([str(name)])[0]
    return _plain(f"Literal[{text}]", lambda v: (f"{v} != {text}",))


def of_class(name: str) -> Expression:
    """Return the expression of a generated class."""
    return _loaded_by(f"{name}.load", name, lambda v: f"{v}.to_json()")


def of_union(name: str, loader: str) -> Expression:
    """Return the expression of a union, by its alias and the function that loads it."""
    return _loaded_by(loader, name, lambda v: f"runtime.member_json({v})")


def of_list(name: str, loader: str, dumper: str) -> Expression:
    """Return the expression of a named list, by its alias and the functions that load it and, if need be, write it."""
    return _loaded_by(loader, name, lambda v: f"{dumper}({v})" if dumper else v)


def of_scalar(kind: Scalar, name: str) -> Expression:
    """Return the expression of a named string, number, boolean, byte string, link or blob, by its alias."""
    match kind:
        case Boolean():
            return _plain(name, lambda v: _boolean(kind, v))
        case Integer():
            return _plain(name, lambda v: _integer(kind, v))
        case String():
            return replace(_plain(name, lambda v: _string(kind, v)), load_text=_text_loader(kind))
        case Bytes():
            limits = _arguments(low=kind.min_length or None, high=kind.max_length)
            return _load(name, lambda v: f"runtime.load_bytes({v}{limits})", lambda v: f"runtime.bytes_json({v})")
        case CidLinkType():
            return _load(name, lambda v: f"runtime.load_link({v})", lambda v: f"runtime.link_json({v})")
        case BlobType():
            accept = _tuple(kind.accept) if kind.accept else None
            limits = _arguments(accept=accept, max_size=kind.max_size)
            return _load(name, lambda v: f"runtime.load_blob({v}{limits})", lambda v: f"{v}.to_json()")
        case _:
            assert_never(kind)


def _plain(annotation: str, conditions: Callable[[str], Conditions]) -> Expression:
    return Expression(annotation, conditions, lambda v: v, lambda v: v)


def _load(annotation: str, load: Callable[[str], str], dump: Callable[[str], str]) -> Expression:
    return Expression(annotation, lambda _: (), load, dump)


def _loaded_by(loader: str, annotation: str, dump: Callable[[str], str]) -> Expression:
    return Expression(annotation, lambda _: (), lambda v: f"{loader}({v})", dump, loader)


def _arguments(**given: object) -> str:
    return "".join(f", {name}={value}" for name, value in given.items() if value is not None)


def _tuple(values: tuple[int, ...] | tuple[str, ...]) -> str:
    listed = literals(values)
    return f"({', '.join(listed)}{',' if len(listed) == 1 else ''})"


def _annotation(kind: Scalar, declare: Declarations, hint: str, within: tuple[str, ...]) -> str:
    match kind:
        case Boolean(const=const):
            return "bool" if const is None else f"Literal[{const}]"
        case Integer(enum=enum, const=const):
            choices = enum if const is None else (const,)
            return f"Literal[{', '.join(literals(choices))}]" if choices else "int"
        case String(const=str(const)):
            return f"Literal[{literals([const])[0]}]"
        case String(format=named, enum=enum, known_values=known):
            if enum or known:
                return declare.choices(hint, kind, within)
            return f"runtime.{FORMATS[named][0]}" if named else "str"
        case Bytes():
            return "bytes"
        case CidLinkType():
            return "runtime.CidLink"
        case BlobType():
            return "runtime.Blob"
        case _:
            assert_never(kind)


def _boolean(kind: Boolean, v: str) -> tuple[str, ...]:
    return (f"{v}.__class__ is not bool",) if kind.const is None else (f"{v} is not {kind.const}",)


def _integer(kind: Integer, v: str) -> tuple[str, ...]:
    low = "runtime.INTEGER_MIN" if kind.minimum is None else kind.minimum
    high = "runtime.INTEGER_MAX" if kind.maximum is None else kind.maximum
    choices = _choices(kind.enum, kind.const, v)
    # Type checkers take the first form for a proof that it is an int, which is no Literal.
    own = f"not runtime.is_integer({v})" if choices else f"{v}.__class__ is not int"
    return (own, f"not {low} <= {v} <= {high}", *choices)


def _choices(enum: tuple[int, ...] | tuple[str, ...], const: int | str | None, v: str) -> list[str]:
    conditions = [f"{v} not in {_tuple(enum)}"] if enum else []
    return conditions if const is None else [*conditions, f"{v} != {literals([const])[0]}"]


def _string(kind: String, v: str) -> tuple[str, ...]:
    conditions = _choices(kind.enum, kind.const, v) or [f"{v}.__class__ is not str"]
    if kind.format:
        return (*conditions, *_ascii_limits(kind, v), f"not runtime.{FORMATS[kind.format][1]}({v})")
    limits = _limits(kind)
    if limits:
        fits = f"runtime.fits({v}{limits})"
        usual = "" if kind.min_graphemes else _usual_length(kind, v)  # a line break is one grapheme of two characters
        return (*conditions, f"not (({v}.isascii() and {usual}) or {fits})" if usual else f"not {fits}")
    if kind.enum or kind.const is not None:
        return tuple(conditions)
    return (*conditions, f"not ({v}.isascii() or runtime.is_unicode({v}))")


def _ascii_limits(kind: String, v: str) -> list[str]:
    """Return the conditions on the length of a text in a format, all of which allow ASCII characters only."""
    highest = [limit for limit in (kind.max_length, kind.max_graphemes) if limit is not None]
    lowest = max(kind.min_length or 0, kind.min_graphemes or 0)
    too_long = [f"len({v}) > {min(highest)}"] if highest else []
    return [*too_long, *([f"len({v}) < {lowest}"] if lowest else [])]


def _usual_length(kind: String, v: str) -> str:
    """Return the condition under which an ASCII text has a length that needs no counting of bytes or graphemes."""
    highest = [limit for limit in (kind.max_length, kind.max_graphemes) if limit is not None]
    if not highest:
        return f"len({v}) >= {kind.min_length}"
    return f"{kind.min_length} <= len({v}) <= {min(highest)}" if kind.min_length else f"len({v}) <= {min(highest)}"


def _limits(kind: String) -> str:
    """Return the arguments that give a text's limits, after the text itself."""
    most = "" if kind.max_length is None else f", {kind.max_length}"
    return most + _arguments(
        max_graphemes=kind.max_graphemes,
        min_length=kind.min_length or None,
        min_graphemes=kind.min_graphemes or None,
    )


def _text_loader(kind: String) -> Callable[[str], str] | None:
    """Return what loads a text in a call, where that is shorter than its conditions and as fast."""
    if kind.enum or kind.const is not None:
        return None
    if kind.format is None:
        only_bytes = kind.max_graphemes is None and not kind.min_length and not kind.min_graphemes
        loader = "load_text" if only_bytes else "load_limited_text"
        return lambda v: f"runtime.{loader}({v}{_limits(kind)})"
    if kind.min_length or kind.min_graphemes or kind.max_graphemes is not None:
        return None
    return lambda v: f"runtime.{FORMATS[kind.format or ''][2]}({v}{_limits(kind)})"


def _array(kind: Array, item: Expression) -> Expression:
    annotation = f"list[{item.annotation}]"

    def conditions(v: str) -> Conditions:
        found: list[str | Each] = [f"{v}.__class__ is not list"]
        if kind.min_length:
            found.append(f"len({v}) < {kind.min_length}")
        if kind.max_length is not None:
            found.append(f"len({v}) > {kind.max_length}")
        x = _deeper(v)
        broken = item.conditions(x)
        return (*found, Each(x, v, broken)) if broken else tuple(found)

    if item.plain:
        return _plain(annotation, conditions)
    as_it_is = item.dump("x") == "x"

    def load(v: str) -> str:
        return f"list(map({item.loader}, {v}))" if item.loader else f"[{item.load(_deeper(v))} for {_deeper(v)} in {v}]"

    return Expression(
        annotation, conditions, load, lambda v: v if as_it_is else f"[{item.dump(_deeper(v))} for {_deeper(v)} in {v}]"
    )


def _deeper(v: str) -> str:
    """Return the variable for the items of a list in that one."""
    return f"{v}x" if set(v) == {"x"} else "x"
