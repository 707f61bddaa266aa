"""What a generated module holds, decided in Python and printed by the templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from atpub.syntax import Nsid


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a class: how it is declared, loaded and written."""

    wire: str
    name: str
    required: bool
    nullable: bool
    annotation: str
    conditions: tuple[str, ...]  # each, where true of `value`, breaks the lexicon
    load: str  # the field's value, from the JSON in `value`
    dump: str  # the field's JSON, from `self.name`
    doc: str

    @property
    def declared(self) -> str:
        """The annotation of the parameter, with what stands for an absent field."""
        nullable = f"{self.annotation} | None" if self.nullable else self.annotation
        if self.required:
            return nullable
        return f"{nullable} | _rt.Unset = _rt.ABSENT" if self.nullable else f"{self.annotation} | None = None"

    @property
    def local(self) -> str:
        """The variable that holds the loaded field."""
        return f"loaded_{self.name}"

    @property
    def loaded(self) -> str:
        """The field's value, or its null, from the JSON in `value`."""
        return f"None if value is None else {self.load}" if self.nullable and self.load != "value" else self.load

    @property
    def dumped(self) -> str:
        """The field's JSON, or its null."""
        own = f"self.{self.name}"
        return f"None if {own} is None else {self.dump}" if self.nullable and self.dump != own else self.dump


@dataclass(frozen=True, slots=True)
class Class:
    """A generated class: a record, an object, or a method's parameters, input or output."""

    kind: ClassVar = "class"
    name: str
    nsid: str
    within: tuple[str, ...]
    fields: tuple[Field, ...]
    doc: str
    key: str | None = None  # of a record

    @property
    def ordered(self) -> tuple[Field, ...]:
        """The fields, those that are required first."""
        return tuple(sorted(self.fields, key=lambda field: not field.required))

    @property
    def known(self) -> int:
        """How many keys an object has at least: its required ones, and a record's `$type`."""
        return sum(field.required for field in self.fields) + (self.key is not None)


@dataclass(frozen=True, slots=True)
class Alias:
    """A named type that is not a class: a union, a string with known values, a list."""

    kind: ClassVar = "alias"
    name: str
    annotation: str
    doc: str


@dataclass(frozen=True, slots=True)
class Case:
    """One member of a union: the `$type`s that it goes by, and what loads it."""

    types: tuple[str, ...]
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
class Token:
    """A constant that holds a token's name."""

    kind: ClassVar = "token"
    name: str
    value: str
    doc: str


@dataclass(frozen=True, slots=True)
class Method:
    """The description of an XRPC method."""

    kind: str  # Query or Procedure
    takes: str  # the class of its parameters or input
    gives: str  # the type of its output
    output: str  # what reads its output
    errors: tuple[str, ...]
    encoding: str
    doc: str


Item: TypeAlias = Class | Alias | UnionLoader | Token


@dataclass(frozen=True, slots=True)
class Import:
    """Another generated module that this one refers to."""

    package: str
    module: str
    alias: str


@dataclass(frozen=True, slots=True)
class Module:
    """One lexicon's module."""

    path: str
    nsid: Nsid
    doc: str
    imports: tuple[Import, ...]
    items: tuple[Item, ...]
    method: Method | None
    exports: tuple[str, ...]
    refers_to: frozenset[Nsid]
