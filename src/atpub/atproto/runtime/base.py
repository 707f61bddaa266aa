"""The base classes of generated classes, and the descriptions of methods.

A generated `load` checks a value in straight-line code; it raises `Mismatch` or `KeyError` for a violation, and
`from_json` then lets the validator report every one. So the usual case is fast, both give the same verdict, and
there is one set of messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Generic, Self, TypeAlias, TypeVar, final

from atpub.atproto.lexicon.formats import FORMATS
from atpub.atproto.runtime.loading import (
    Json,
    JsonObject,
    Mismatch,
    exact,
    is_data,
    is_deep,
    is_special,
    is_text,
    type_of,
)
from atpub.atproto.runtime.package import other_version, package_of
from atpub.errors import AtpubError, InvalidArgument
from atpub.problems import Problem

T = TypeVar("T")
O = TypeVar("O")  # noqa: E741 - the output of a method


@final
class Unset:
    """The type of ABSENT: a field that is optional and nullable, and not there (None is a null that is there)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Unset()


@final
class Format:
    """Marks a string whose text keeps one of the language's formats."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


AtIdentifier: TypeAlias = Annotated[str, Format("at-identifier")]
AtUri: TypeAlias = Annotated[str, Format("at-uri")]
Cid: TypeAlias = Annotated[str, Format("cid")]
Datetime: TypeAlias = Annotated[str, Format("datetime")]
DatetimeLike: TypeAlias = Datetime | datetime
"""What `__init__` takes for a datetime: its text, or an aware datetime."""
Did: TypeAlias = Annotated[str, Format("did")]
Handle: TypeAlias = Annotated[str, Format("handle")]
Language: TypeAlias = Annotated[str, Format("language")]
NsidText: TypeAlias = Annotated[str, Format("nsid")]
RecordKey: TypeAlias = Annotated[str, Format("record-key")]
TidText: TypeAlias = Annotated[str, Format("tid")]
Uri: TypeAlias = Annotated[str, Format("uri")]

is_at_identifier = FORMATS["at-identifier"]
is_at_uri = FORMATS["at-uri"]
is_cid = FORMATS["cid"]
is_datetime = FORMATS["datetime"]
is_did = FORMATS["did"]
is_handle = FORMATS["handle"]
is_language = FORMATS["language"]
is_nsid = FORMATS["nsid"]
is_record_key = FORMATS["record-key"]
is_tid = FORMATS["tid"]
is_uri = FORMATS["uri"]


def datetime_text(moment: datetime | T) -> str | T:
    """Return an aware datetime as text in UTC with milliseconds, all else as it is; raises InvalidArgument."""
    if not isinstance(moment, datetime):
        return moment
    if moment.utcoffset() is None:
        hint = "such as datetime.now(UTC)"
        raise InvalidArgument(
            (Problem("bad-argument", f"expected a datetime with a time zone, found {moment}", hint=hint),)
        )
    try:
        text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    except OverflowError:
        raise InvalidArgument((Problem("bad-argument", f"{moment} is no datetime in UTC"),)) from None
    return text.replace("+00:00", "Z")


class Value:
    """The base of every generated class: an object that keeps a definition of a lexicon.

    Fields that the lexicon does not name are kept in `extra` and written back: what is loaded and written again has
    the same CID. Two values are equal when their fields and their extras are.
    """

    __slots__ = ("_extra",)

    NSID: ClassVar[str]
    WITHIN: ClassVar[tuple[str, ...]] = ()
    MAY_BE_DEEP: ClassVar[bool] = False  # where a value may hold others of its own type, to any depth
    WIRE: ClassVar[Mapping[str, str]] = {}  # each field's name in JSON; generated code lists those that differ

    _load: ClassVar[Callable[[Json], Any]]  # `load`, bound once
    _known: ClassVar[frozenset[str]] = frozenset()
    _knows: ClassVar[Callable[[JsonObject], bool]] = _known.issuperset
    _member_fields: ClassVar[frozenset[str]] = frozenset()  # with `$type`; empty until a union's member is loaded
    _typed: ClassVar[JsonObject] = {}  # what a union's member has beside its fields

    _extra: JsonObject | None

    def __init_subclass__(cls) -> None:
        own, names = cls.__dict__, cls.__slots__
        wire: dict[str, str] = dict(zip(names, names, strict=True))
        if "WIRE" in own:
            wire.update(own["WIRE"])
        cls.WIRE = wire  # pyright: ignore[reportConstantRedefinition]  # a constant of the class, completed
        cls._load = cls.load
        cls._known = known = frozenset((*wire.values(), "$type") if "KEY" in own else wire.values())
        cls._knows = known.issuperset
        if "NSID" in own and "$type" not in known:
            cls._typed = {"$type": cls.NSID}

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Load the value in JSON; raises InvalidRecord with every violation.

        Lists and unknown objects are not copied: the value shares them with the JSON.
        """
        if not (cls.MAY_BE_DEEP and is_deep(data)):
            try:
                return cls._load(data)  # type: ignore[no-any-return]
            except (Mismatch, KeyError):
                pass
        return _refuse(cls.load, data, cls.__module__, cls.NSID, cls.WITHIN)

    @classmethod
    def load(cls, data: Json) -> Self:
        """Load the value in JSON; raises Mismatch or KeyError, which do not say why: call `from_json`."""
        raise NotImplementedError

    @classmethod
    def _extras(cls, data: JsonObject) -> JsonObject:
        """Return the fields that the class does not know; raises Mismatch where they break the data model."""
        if cls._typed and data.get("$type") == cls.NSID:
            if not cls._member_fields:
                cls._member_fields = frozenset((*cls._known, "$type"))
            if cls._member_fields.issuperset(data):  # a union's member, and no more
                return cls._typed
        known = cls._known
        extra = {name: value for name, value in data.items() if name not in known}
        if is_special(extra):
            raise Mismatch
        for name, value in extra.items():
            if (
                not is_data(value)
                or not is_text(name)
                or (name == "$type" and (not value or not isinstance(value, str)))
            ):
                raise Mismatch
        return extra

    def to_json(self) -> JsonObject:
        """Return the value as JSON, without defaults."""
        raise NotImplementedError

    def check(self) -> Self:
        """Return this value if it is valid now; raises InvalidRecord."""
        self.from_json(self.to_json())
        return self

    def with_extra(self, extra: Mapping[str, Any]) -> Self:
        """Return this value, with fields beside those that the lexicon names."""
        self._extra = dict(extra) or None
        return self

    @property
    def extra(self) -> Mapping[str, Any]:
        """The fields that the lexicon does not name."""
        return MappingProxyType(self._extra or {})  # members of unions share theirs

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value) or other.__class__ is not self.__class__:
            return NotImplemented
        return _comparable(self) == _comparable(other)

    __hash__ = None  # type: ignore[assignment]  # values can be changed, so they cannot be keys

    def __repr__(self) -> str:
        absent: Mapping[str, object] = self.__class__.__init__.__kwdefaults__ or {}
        shown = ((name, getattr(self, name)) for name in self.__slots__)
        parts = [f"{name}={value!r}" for name, value in shown if name not in absent or value is not absent[name]]
        extra = {name: value for name, value in self.extra.items() if name != "$type"}
        return f"{self.__class__.__name__}({', '.join(parts)})" + (f".with_extra({extra!r})" if extra else "")


def _refuse(load: Callable[[Json], T], data: Json, module: str, schema: str, within: tuple[str, ...]) -> T:
    """Raise InvalidRecord for a value that `load` refused, or load one that uses subclasses of JSON's types."""
    from atpub.atproto.runtime.lexicons import problems  # few values are refused

    wrong = problems(package_of(module).lexicons, schema, within, data)
    if wrong:
        raise wrong
    try:
        return load(exact(data))
    except (Mismatch, KeyError):
        if error := other_version(module):
            raise error from None
        raise AssertionError(f"{schema}: the generated class refuses what its lexicon allows: {data!r}") from None


def _comparable(value: Value) -> JsonObject:
    return {key: item for key, item in value.to_json().items() if key != "$type"}


class RecordBase(Value):
    """The base of generated records; KEY is the type of their record keys."""

    __slots__ = ()
    KEY: ClassVar[str]


@final
class UnknownMember:
    """A member of an open union whose `$type` is not one that the lexicon names; kept as it is."""

    __slots__ = ("raw", "type")

    def __init__(self, raw: JsonObject) -> None:
        self.type: str = raw["$type"]
        self.raw = raw

    @classmethod
    def load(cls, data: Json) -> UnknownMember:
        """Load the member in JSON; raises Mismatch."""
        name = type_of(data)
        if not name or name.endswith("#main") or not is_data(data):
            raise Mismatch
        return cls(data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownMember) and self.raw == other.raw

    __hash__ = None  # type: ignore[assignment]  # holds a dictionary

    def __repr__(self) -> str:
        return f"UnknownMember({self.raw!r})"


def member_json(member: Value | UnknownMember) -> JsonObject:
    """Return a union's member as JSON, with its `$type`."""
    if isinstance(member, UnknownMember):
        return member.raw
    out = {"$type": member.NSID}
    out.update(member.to_json())
    out["$type"] = member.NSID
    return out


def reader(load: Callable[[Json], T], module: str, schema: str, *within: str) -> Callable[[Json], T]:
    """Return a function that reads a type without a class, as `from_json` does; it raises InvalidRecord."""

    def read(data: Json) -> T:
        if not is_deep(data):
            try:
                return load(data)
            except (Mismatch, KeyError):
                pass
        return _refuse(load, data, module, schema, within)

    return read


P = TypeVar("P", bound=Value)


@final
class Nothing(Value):
    """No parameters, no input or no output."""

    __slots__ = ()
    NSID = "nothing"
    WIRE: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        self._extra = None

    @classmethod
    def from_json(cls, data: Json) -> Self:  # noqa: ARG003 - whatever a server says, it is nothing
        """Return an instance, whatever the JSON is."""
        return cls()

    @classmethod
    def load(cls, data: Json) -> Self:  # noqa: ARG003 - whatever is said, it is nothing
        """Return an instance, whatever the JSON is."""
        return cls()

    def to_json(self) -> JsonObject:
        """Return an empty object."""
        return {}


class MethodError(AtpubError):
    """The base of the errors that methods name; `code` is the error's name in the lexicon."""


class Raw:
    """The type of an input or output that is bytes of some MIME type, not JSON."""


@dataclass(frozen=True, slots=True)
class Query(Generic[P, O]):
    """An XRPC method over GET: its NSID, its parameters' class, what reads its output, and the errors it names."""

    nsid: str
    parameters: type[P]
    output: Callable[[Json], O]
    errors: tuple[type[MethodError], ...] = ()


@dataclass(frozen=True, slots=True)
class Procedure(Generic[P, O]):
    """An XRPC method over POST: its NSID, its input's class, what reads its output, and the errors it names."""

    nsid: str
    input: type[P]
    output: Callable[[Json], O]
    errors: tuple[type[MethodError], ...] = ()
    encoding: str = "application/json"
    parameters: type[Value] = Nothing


@dataclass(frozen=True, slots=True)
class Subscription(Generic[P, O]):
    """An event stream: its NSID, its parameters' class, what reads a message, and the errors it names.

    A message is read from its body, with the `$type` that the frame's `t` stands for.
    """

    nsid: str
    parameters: type[P]
    message: Callable[[Json], O]
    errors: tuple[type[MethodError], ...] = ()


def raw(data: Json) -> Raw:
    """Refuse: output that is no JSON is never read as JSON."""
    raise TypeError(f"the output of this method is bytes, not {type(data).__name__}: stream it")
