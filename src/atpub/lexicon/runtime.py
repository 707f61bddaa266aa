"""What the generated classes stand on: their base classes, and the few checks that are longer than a line.

A generated `load` asks in straight-line code whether a value keeps its lexicon, and raises `Mismatch` where it does
not; `from_json` then lets the validator say everything that is wrong. So the usual case is fast, both give one verdict,
and there is one set of messages.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module, resources
from typing import Annotated, Any, ClassVar, Final, Generic, Self, TypeAlias, TypeVar, final

from atpub.errors import InvalidRecord
from atpub.lexicon import data as _data
from atpub.lexicon import link, parse, validate
from atpub.lexicon.data import INTEGER_MAX, INTEGER_MIN, Blob, NotInDataModel
from atpub.lexicon.formats import FORMATS, graphemes, utf8_length
from atpub.lexicon.model import Lexicons, Name
from atpub.syntax import Nsid

__all__ = [
    "ABSENT",
    "AtIdentifier",
    "AtUri",
    "Blob",
    "Cid",
    "CidLink",
    "Datetime",
    "Did",
    "Handle",
    "Json",
    "JsonObject",
    "Language",
    "Mismatch",
    "Nothing",
    "NsidText",
    "Package",
    "Procedure",
    "Query",
    "Raw",
    "Record",
    "RecordKey",
    "TidText",
    "UnknownMember",
    "Unset",
    "Uri",
    "Value",
    "graphemes",
    "utf8_length",
]

Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]


class Mismatch(Exception):
    """The value breaks its lexicon; `from_json` finds out how."""


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


class Value:
    """The base of every generated class: an object that keeps a definition of a lexicon.

    Fields that the lexicon does not name are kept in `extra` and written back: what is loaded and written again has
    the same CID. Two values are equal when their fields and their extras are.
    """

    __slots__ = ("_extra",)

    NSID: ClassVar[str]
    WITHIN: ClassVar[tuple[str, ...]] = ()
    WIRE: ClassVar[Mapping[str, str]]

    _extra: JsonObject | None

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """The value in JSON; raises InvalidRecord with everything that is wrong."""
        try:
            return cls.load(data)
        except Mismatch:
            raise _invalid(cls, data) from None

    @classmethod
    def load(cls, data: Json) -> Self:
        """The value in JSON; raises Mismatch, which does not say why: call `from_json`."""
        raise NotImplementedError

    def to_json(self) -> JsonObject:
        """The value as JSON, defaults not written in."""
        raise NotImplementedError

    def check(self) -> Self:
        """This value, judged as it is now; raises InvalidRecord."""
        return self.from_json(self.to_json())

    @property
    def extra(self) -> Mapping[str, Any]:
        """The fields that the lexicon does not name."""
        return self._extra or {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value) or other.__class__ is not self.__class__:
            return NotImplemented
        return _comparable(self) == _comparable(other)

    __hash__ = None  # type: ignore[assignment]  # values can be changed, so they cannot be keys

    def __repr__(self) -> str:
        shown = ((name, getattr(self, name)) for name in self.WIRE)
        parts = [f"{name}={value!r}" for name, value in shown if value is not None and value is not ABSENT]
        return f"{self.__class__.__name__}({', '.join(parts)})"


def _comparable(value: Value) -> JsonObject:
    return {key: item for key, item in value.to_json().items() if key != "$type"}


class Record(Value):
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
        """The member in JSON; raises Mismatch."""
        if not type_of(data) or not is_data(data):
            raise Mismatch
        return cls(data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownMember) and self.raw == other.raw

    __hash__ = None  # type: ignore[assignment]  # holds a dictionary

    def __repr__(self) -> str:
        return f"UnknownMember({self.raw!r})"


@final
class CidLink(str):
    """A CID that stands for a link: in JSON `{"$link": cid}`, where plain text would be a string."""

    __slots__ = ()


def type_of(data: Json) -> str:
    """The `$type` of a union's member; empty where there is none."""
    found = data.get("$type") if data.__class__ is dict else None
    return found if isinstance(found, str) else ""


def member_json(member: Value | UnknownMember) -> JsonObject:
    """A union's member as JSON, with its `$type`."""
    if isinstance(member, UnknownMember):
        return member.raw
    return {"$type": member.NSID, **member.to_json()}


def is_text(value: Json) -> bool:
    """Whether the value is a string of whole Unicode characters."""
    return value.__class__ is str and (value.isascii() or _is_unicode(value))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_integer(value: Json) -> bool:
    """Whether the value is an integer of 64 bits."""
    return value.__class__ is int and INTEGER_MIN <= value <= INTEGER_MAX


def is_data(value: Json) -> bool:
    """Whether the value obeys the data model, at every depth."""
    return not any(validate.data_model(value))


def load_link(value: Json) -> CidLink:
    """The link in JSON; raises Mismatch."""
    match value:
        case {"$link": str(cid), **rest} if not rest and is_cid(cid):
            return CidLink(cid)
        case _:
            raise Mismatch


def link_json(link: CidLink) -> JsonObject:
    """A link as JSON."""
    return {"$link": str(link)}


def load_bytes(value: Json, low: int = 0, high: int = INTEGER_MAX) -> bytes:
    """The byte string in JSON, of low to high bytes; raises Mismatch."""
    match value:
        case {"$bytes": str(text), **rest} if not rest:
            try:
                raw = _data.bytes_value(text)
            except NotInDataModel:
                raise Mismatch from None
            if low <= len(raw) <= high:
                return raw
        case _:
            pass
    raise Mismatch


bytes_json = _data.bytes_json


def load_blob(value: Json, accept: tuple[str, ...] = (), max_size: int = INTEGER_MAX) -> Blob:
    """The blob in JSON, of an accepted type and size; raises Mismatch."""
    blob = Blob.from_json(value)
    if (
        blob is None
        or not is_cid(blob.cid)
        or len(value["ref"]) != 1
        or not 0 <= blob.size <= max_size
        or value["size"].__class__ is not int
        or not blob.mime_type
        or not validate.accepts(accept, blob.mime_type)
    ):
        raise Mismatch
    return blob


def load_unknown(value: Json) -> JsonObject:
    """An object of any fields; raises Mismatch."""
    if value.__class__ is not dict or "$link" in value or "$bytes" in value or value.get("$type") == "blob":
        raise Mismatch
    if not is_data(value):
        raise Mismatch
    found: JsonObject = value
    return found


def extras(data: JsonObject, cls: type[Value]) -> JsonObject:
    """The fields of an object that its class does not know; raises Mismatch where they do not obey the data model."""
    known = {*cls.WIRE.values(), *(["$type"] if issubclass(cls, Record) else [])}
    extra = {key: value for key, value in data.items() if key not in known}
    if not is_data(extra):
        raise Mismatch
    return extra


def _invalid(cls: type[Value], data: Json) -> InvalidRecord:
    package = _package_of(cls)
    if cls.WITHIN and not issubclass(cls, Record):
        found = validate.judge(package.lexicons, cls.NSID, _inner_type(package, cls), data)
    else:
        found = validate.validate(package.lexicons, _name(cls.NSID), data)
    assert found, f"{cls.NSID}: the generated class refuses what its lexicon allows: {data!r}"
    return InvalidRecord(tuple(violation.problem() for violation in found))


def _inner_type(package: Package, cls: type[Value]) -> Any:
    kind: Any = package.lexicons.find(_name(cls.NSID))
    for step in cls.WITHIN:
        kind = kind[step] if hasattr(kind, "keys") else getattr(kind, step)
    return kind


def _name(text: str) -> Name:
    nsid, _, fragment = text.partition("#")
    return Name(Nsid(nsid), fragment) if fragment else Name(Nsid(nsid))


def _package_of(cls: type[Value]) -> Package:
    name = cls.__module__
    while name:
        name = name.rpartition(".")[0]
        package = getattr(sys.modules.get(name), "LEXICONS", None)
        if isinstance(package, Package):
            return package
    raise LookupError(f"{cls.__module__} is not in a generated package")


class Package:
    """A generated package: the lexicons that it was made from, and those of the packages that it refers to."""

    def __init__(self, name: str, uses: tuple[str, ...] = ()) -> None:
        self._name = name
        self._uses = uses

    @cached_property
    def documents(self) -> Mapping[str, JsonObject]:
        """This package's own lexicons as JSON, by NSID."""
        text = resources.files(self._name).joinpath("lexicons.json").read_bytes()
        found = _data.loads(text)
        assert isinstance(found, dict)
        return found  # type: ignore[return-value]  # written by the generator

    @cached_property
    def lexicons(self) -> Lexicons:
        """This package's lexicons and those that they refer to."""
        known = Lexicons({})
        for name in self._uses:
            used: Package = import_module(name).LEXICONS
            known = known.and_also(used.lexicons)
        pairs = [(nsid, parse.parse(document, f"{nsid}.json")) for nsid, document in self.documents.items()]
        return known.and_also(link.link(pairs, known))


P = TypeVar("P", bound=Value)
O = TypeVar("O")  # noqa: E741 - the output


@final
class Nothing(Value):
    """No parameters, no input or no output."""

    __slots__ = ()
    NSID = "nothing"
    WIRE: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        self._extra = None

    @classmethod
    def load(cls, data: Json) -> Nothing:  # noqa: ARG003 - whatever a server says, it is nothing
        """Nothing, whatever there is."""
        return cls()

    def to_json(self) -> JsonObject:
        """An empty object."""
        return {}


class Raw:
    """The type of an input or output that is bytes of some MIME type, not JSON."""


@dataclass(frozen=True, slots=True)
class Query(Generic[P, O]):
    """An XRPC method over GET: its NSID, its parameters' class, what reads its output, and the errors it names."""

    nsid: str
    parameters: type[P]
    output: Callable[[Json], O]
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Procedure(Generic[P, O]):
    """An XRPC method over POST: its NSID, its input's class, what reads its output, and the errors it names."""

    nsid: str
    input: type[P]
    output: Callable[[Json], O]
    errors: tuple[str, ...] = ()
    encoding: str = "application/json"


def raw(data: Json) -> Raw:
    """Refuse: output that is no JSON is never read as JSON."""
    raise TypeError(f"the output of this method is bytes, not {type(data).__name__}: stream it")
