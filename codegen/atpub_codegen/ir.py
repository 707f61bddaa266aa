"""The intermediate form of generated modules: decided in Python, printed by the templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from atpub.atproto.syntax import Nsid
from atpub_codegen.expressions import Conditions
from atpub_codegen.formatting import WIDTH
from atpub_codegen.source import quote


class Field(NamedTuple):
    """One field of a class: how it is declared, loaded and written."""

    wire: str
    name: str
    required: bool
    nullable: bool
    annotation: str
    conditions: Conditions  # each, where true of `value`, breaks the lexicon
    load: str  # the field's value, from `value` where there are conditions, else from `given`
    dump: str  # the field's JSON, from `self.name`
    doc: str

    @property
    def type(self) -> str:
        """The annotation of the attribute."""
        if self.required:
            return self._present
        return f"{self._present} | {'runtime.Unset' if self.nullable else 'None'}"

    @property
    def parameter(self) -> str:
        """The parameter of `__init__`, with the default of an optional field."""
        return f"{self.name}: {self._accepted}" + ("" if self.required else f" = {self.absent}")

    @property
    def stored(self) -> str:
        """The value of the attribute that `__init__` is given: a datetime as text, all else as it is."""
        return f"runtime.datetime_text({self.name})" if self._is_datetime else self.name

    @property
    def _is_datetime(self) -> bool:
        return self.annotation == "runtime.Datetime"

    @property
    def _accepted(self) -> str:
        return f"runtime.DatetimeLike{self.type.removeprefix(self.annotation)}" if self._is_datetime else self.type

    @property
    def _present(self) -> str:
        return f"{self.annotation} | None" if self.nullable and self.annotation != "None" else self.annotation

    @property
    def declaration(self) -> str:
        """The declaration in a model of pydantic."""
        if self.required:
            return f"{self.name}: {self._present}"
        if self.nullable:
            return f"{self.name}: runtime.MaybeNull[{self.annotation}] = {self.absent}"
        return f"{self.name}: runtime.Maybe[{self.annotation}] = None"

    @property
    def absent(self) -> str:
        """The value of the attribute where the field is absent."""
        return "runtime.ABSENT" if self.nullable else "None"

    @property
    def given(self) -> str:
        """The field's JSON, where it is there."""
        return f"data[{quote(self.wire)}]"

    @property
    def given_or_absent(self) -> str:
        """The field's JSON, or the value of an absent field."""
        if self.required:
            return self.given
        default = ", runtime.ABSENT" if self.nullable else ""
        return f"data.get({quote(self.wire)}{default})"

    @property
    def is_there(self) -> str:
        """The condition under which an optional field is there."""
        return f"{quote(self.wire)} in data"

    @property
    def is_as_given(self) -> bool:
        """Whether the value of the attribute is the JSON itself, once it is checked."""
        return bool(self.conditions) and self.load == "value"

    @property
    def null_guard(self) -> str:
        """The condition under which a value is checked, for a field that may be null; else empty."""
        return "value is not None" if self.nullable and self.annotation != "None" else ""

    @property
    def guard(self) -> str:
        """The condition under which a value is checked, for a field that may be null or absent; else empty."""
        return " and ".join(filter(None, ["" if self.required else self.is_there, self.null_guard]))

    @property
    def loaded(self) -> str:
        """The field's value, or its null."""
        variable = "value" if self.conditions else self.given
        return f"None if {variable} is None else {self.load}" if self.nullable and self.load != "value" else self.load

    @property
    def line(self) -> str:
        """The statement that loads a field without conditions, where it fits on a line; else empty."""
        value = self.loaded if self.required else f"{self.loaded} if {self.is_there} else {self.absent}"
        line = f"self.{self.name} = {value}"
        fits = len(line) + 8 <= WIDTH and (self.required or not self.nullable)
        return line if fits or (self.required and not self.nullable) else ""

    @property
    def dumped(self) -> str:
        """The field's JSON, or its null."""
        own = f"self.{self.name}"
        return f"None if {own} is None else {self.dump}" if self.nullable and self.dump != own else self.dump


class Class(NamedTuple):
    """A generated class: a record, an object, or a method's parameters, input or output."""

    name: str
    nsid: str
    within: tuple[str, ...]
    fields: tuple[Field, ...]  # those that are required first, then by name
    doc: str
    key: str | None = None  # of a record
    deep: bool = False  # whether a value may hold others of its own type, to any depth

    @property
    def required(self) -> tuple[Field, ...]:
        """The fields that must be there."""
        return tuple(field for field in self.fields if field.required)

    @property
    def optional(self) -> tuple[Field, ...]:
        """The fields that may be absent."""
        return tuple(field for field in self.fields if not field.required)

    @property
    def renamed(self) -> tuple[Field, ...]:
        """The fields whose name in JSON differs from the attribute's."""
        return tuple(field for field in self.fields if field.wire != field.name)

    @property
    def mismatch(self) -> str:
        """The condition under which the JSON is not of this class, whatever its fields are."""
        tests = ["data.__class__ is not dict"]
        if self.key:
            tests.append('data["$type"] != NSID')
        if any(field.wire.startswith("$") for field in self.fields):  # else `extras` finds it
            tests.append("runtime.is_special(data)")
        return " or ".join(tests)

    @property
    def careful(self) -> bool:
        """Whether the JSON has to be looked at as a whole, before its fields."""
        return self.deep or any(field.wire.startswith("$") for field in self.fields)

    @property
    def has_no_extras(self) -> str:
        """The condition under which the JSON has no fields that the class does not know."""
        least = len(self.required) + (self.key is not None)  # of these, each is there
        tests = [f"len(data) == {least}"] if least or not self.optional else []
        return " or ".join([*tests, *(["cls._knows(data)"] if self.optional else [])])

    @property
    def needs_value(self) -> bool:
        """Whether loading puts a field's JSON in a variable."""
        return any(field.conditions for field in self.fields)


class Wrapper(NamedTuple):
    """A class around a method's input that is a union."""

    name: str
    nsid: str
    within: tuple[str, ...]
    member: str
    loader: str
    doc: str


class Alias(NamedTuple):
    """A named type that is not a class; `after` is how many aliases, one of another, it has to come after."""

    name: str
    annotation: str
    doc: str
    after: int = 0


class LazyAlias(NamedTuple):
    """A named list that refers to itself, or to what is not there yet, in a model of pydantic."""

    name: str
    annotation: str
    doc: str
    after: int = 0


class UnionAlias(NamedTuple):
    """The name of a union; a model of pydantic has a mark that tells its members apart."""

    name: str
    members: tuple[str, ...]
    doc: str
    mark: str = ""


class Choices(NamedTuple):
    """The values of a string: an enum's, or the known ones where there may be others."""

    name: str
    values: tuple[str, ...]
    closed: bool
    doc: str


class Loader(NamedTuple):
    """The function that loads a type without a class, and the one that writes it where that is not the JSON itself."""

    name: str
    returns: str
    conditions: Conditions
    load: str
    dumper: str = ""
    dump: str = ""


class Case(NamedTuple):
    """One member of a union: its `$type`, and what loads it."""

    type: str
    load: str


class UnionLoader(NamedTuple):
    """The function that loads a union's member by its `$type`."""

    name: str
    returns: str
    cases: tuple[Case, ...]
    closed: bool


class Constant(NamedTuple):
    """A constant that holds a token's name."""

    name: str
    value: str
    doc: str


class Failure(NamedTuple):
    """The exception for an error that a method names."""

    name: str
    code: str
    doc: str


class Reader(NamedTuple):
    """What reads the output or messages of a method; `judge` names what judges JSON that it refuses, as arguments."""

    load: str
    judge: tuple[str, ...] = ()


class Method(NamedTuple):
    """The description of an XRPC method."""

    kind: str  # Query, Procedure or Subscription
    takes: str  # the class of its parameters, or of a procedure's input
    output: Reader  # of a subscription: that of its messages
    errors: tuple[str, ...]  # their classes
    encoding: str  # of a procedure's input, where it is not JSON
    parameters: str  # the class of a procedure's parameters, where it has any
    doc: str


class SampleField(NamedTuple):
    """One field of a sample."""

    name: str
    annotation: str
    required: bool
    doc: str


class Sample(NamedTuple):
    """The dataclass of a sample schema; fields that are required come first."""

    name: str
    schema: str
    doc: str
    fields: tuple[SampleField, ...]


Item: TypeAlias = Class | Wrapper | Alias | LazyAlias | UnionAlias | Choices | Loader | UnionLoader | Constant | Failure


class Import(NamedTuple):
    """Another generated module that this one refers to; `circular` where that one needs this one's classes first."""

    package: str
    module: str
    alias: str
    circular: bool


class Module(NamedTuple):
    """One lexicon's module."""

    path: str
    nsid: Nsid
    doc: str
    imports: tuple[Import, ...]
    classes: tuple[Item, ...]  # and all else that needs nothing of another module to be defined
    aliases: tuple[Alias | LazyAlias | UnionAlias, ...]  # those that name classes, of this module and others
    method: Method | None
    names: Mapping[str, str]  # by place: those that a newcomer could take, if they were not recorded

    @property
    def items(self) -> tuple[Item, ...]:
        """All definitions, except for the method."""
        return (*self.classes, *self.aliases)

    @property
    def exports(self) -> tuple[str, ...]:
        """The public names of the module."""
        items = [item.name for item in self.items if not isinstance(item, Loader | UnionLoader)]
        return tuple(sorted([*items, "NSID", *(["METHOD"] if self.method else [])]))


class RecordClass(NamedTuple):
    """A record's class: its NSID, its module and name in the package, and the name in the root of the package."""

    nsid: Nsid
    path: str
    spelled: str


class RootModule(NamedTuple):
    """The root of a package: the packages that it refers to, its records, and the imports of their modules."""

    uses: tuple[str, ...]
    records: tuple[RecordClass, ...]
    imports: tuple[Import, ...]
