"""What a generated module holds, decided in Python and printed by the templates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, TypeAlias

from atpub.syntax import Nsid
from atpub_codegen.expressions import Conditions


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a class: how it is declared, loaded and written."""

    wire: str
    name: str
    required: bool
    nullable: bool
    annotation: str
    given: str  # what `value` is set to, where loading needs it more than once
    conditions: Conditions  # each, where true of `value`, breaks the lexicon
    load: str  # the field's value, from its JSON
    dump: str  # the field's JSON, from `self.name`
    doc: str

    @property
    def declared(self) -> str:
        """The annotation of the parameter, with what stands for an absent field."""
        if self.required:
            return self._present
        return f"{self._present} | _rt.Unset = _rt.ABSENT" if self.nullable else f"{self._present} | None = None"

    @property
    def _present(self) -> str:
        return f"{self.annotation} | None" if self.nullable and self.annotation != "None" else self.annotation

    @property
    def loaded(self) -> str:
        """The field's value, or its null."""
        return f"None if value is None else {self.load}" if self.nullable and self.load != "value" else self.load

    @property
    def absent(self) -> str:
        """What stands for the field where it is not there."""
        return "_rt.ABSENT" if self.nullable else "None"

    @property
    def dumped(self) -> str:
        """The field's JSON, or its null."""
        own = f"self.{self.name}"
        return f"None if {own} is None else {self.dump}" if self.nullable and self.dump != own else self.dump


@dataclass(frozen=True)
class Class:
    """A generated class: a record, an object, or a method's parameters, input or output."""

    kind: ClassVar = "class"
    name: str
    nsid: str
    within: tuple[str, ...]
    fields: tuple[Field, ...]  # those that are required first, then by name
    doc: str
    key: str | None = None  # of a record
    deep: bool = False  # whether a value may hold others of its own type, to any depth

    @cached_property
    def required(self) -> tuple[Field, ...]:
        """The fields that must be there."""
        return tuple(field for field in self.fields if field.required)

    @cached_property
    def optional(self) -> tuple[Field, ...]:
        """The fields that may be absent."""
        return tuple(field for field in self.fields if not field.required)

    @property
    def is_wrong(self) -> str:
        """The condition under which the JSON is not of this class, whatever its fields are."""
        tests = ["data.__class__ is not dict"]
        if self.key:
            tests.append('data.get("$type") != NSID')
        if any(field.wire.startswith("$") for field in self.fields):  # else `extras` finds it
            tests.append("_rt.is_special(data)")
        return " or ".join(tests)

    @property
    def needs_value(self) -> bool:
        """Whether loading puts a field's JSON in a variable."""
        return any(field.given for field in self.fields)

    @property
    def documented(self) -> tuple[Field, ...]:
        """The fields of which there is something to say."""
        return tuple(field for field in self.fields if field.doc)

    @property
    def known(self) -> int:
        """How many keys an object has at least: its required ones, and a record's `$type`."""
        return len(self.required) + (self.key is not None)


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A class around a method's input that is a union."""

    kind: ClassVar = "wrapper"
    name: str
    nsid: str
    within: tuple[str, ...]
    member: str
    loader: str
    doc: str


@dataclass(frozen=True, slots=True)
class Alias:
    """A named type that is not a class; `after` is how many aliases, one of another, it has to come after."""

    kind: ClassVar = "alias"
    name: str
    annotation: str
    doc: str
    after: int = 0


@dataclass(frozen=True, slots=True)
class UnionAlias:
    """The name of a union."""

    kind: ClassVar = "union_alias"
    name: str
    members: tuple[str, ...]
    doc: str


@dataclass(frozen=True, slots=True)
class Choices:
    """The values of a string: an enum's, or the known ones where there may be others."""

    kind: ClassVar = "choices"
    name: str
    values: tuple[str, ...]
    closed: bool
    doc: str


@dataclass(frozen=True, slots=True)
class Loader:
    """The function that loads a type without a class, and the one that writes it where that is not the JSON itself."""

    kind: ClassVar = "loader"
    name: str
    returns: str
    conditions: Conditions
    load: str
    dumper: str = ""
    dump: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One member of a union: its `$type`, and what loads it."""

    type: str
    load: str


@dataclass(frozen=True, slots=True)
class UnionLoader:
    """The function that loads a union's member by its `$type`."""

    kind: ClassVar = "union"
    name: str
    returns: str
    cases: tuple[Case, ...]
    closed: bool


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant that holds a token's name."""

    kind: ClassVar = "constant"
    name: str
    value: str
    doc: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception for an error that a method names."""

    kind: ClassVar = "failure"
    name: str
    code: str
    doc: str


@dataclass(frozen=True, slots=True)
class Method:
    """The description of an XRPC method."""

    kind: str  # Query, Procedure or Subscription
    takes: str  # the class of its parameters, or of a procedure's input
    output: str  # what reads its output, or a subscription's messages
    errors: tuple[str, ...]  # their classes
    encoding: str  # of a procedure's input, where it is not JSON
    parameters: str  # the class of a procedure's parameters, where it has any
    doc: str


@dataclass(frozen=True, slots=True)
class SampleField:
    """One field of a sample."""

    name: str
    annotation: str
    required: bool
    doc: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The dataclass of a sample schema; fields that are required come first."""

    name: str
    schema: str
    doc: str
    fields: tuple[SampleField, ...]


Item: TypeAlias = Class | Wrapper | Alias | UnionAlias | Choices | Loader | UnionLoader | Constant | Failure


@dataclass(frozen=True, slots=True)
class Import:
    """Another generated module that this one refers to; `circular` where that one needs this one's classes first."""

    package: str
    module: str
    alias: str
    circular: bool


@dataclass(frozen=True, slots=True)
class Module:
    """One lexicon's module."""

    path: str
    nsid: Nsid
    doc: str
    imports: tuple[Import, ...]
    classes: tuple[Item, ...]  # and all else that needs nothing of another module to be defined
    aliases: tuple[Alias | UnionAlias, ...]  # those that name classes, of this module and others
    method: Method | None

    @property
    def items(self) -> tuple[Item, ...]:
        """All that it defines, but for the method."""
        return (*self.classes, *self.aliases)

    @property
    def exports(self) -> tuple[str, ...]:
        """The names that a reader of the module is meant to use."""
        items = [item.name for item in self.items if not isinstance(item, Loader | UnionLoader)]
        return tuple(sorted([*items, "NSID", *(["METHOD"] if self.method else [])]))
