"""What a lexicon says, as frozen values: one class for each type of the Lexicon language (specification: Lexicon).

Every reference is absolute (`Name`), so that a definition can be read without knowing which file it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from atpub.atproto.syntax import Nsid
from atpub.problems import Problem

MAIN = "main"


class Name(NamedTuple):
    """The name of a definition: `com.example.thing#part`, or `com.example.thing` for a lexicon's main one."""

    nsid: Nsid
    fragment: str = MAIN

    def __str__(self) -> str:
        return self.nsid if self.fragment == MAIN else f"{self.nsid}#{self.fragment}"


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""

    const: bool | None = None
    default: bool | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Integer:
    """A signed integer of 64 bits."""

    minimum: int | None = None
    maximum: int | None = None
    enum: tuple[int, ...] = ()
    const: int | None = None
    default: int | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class String:
    """Unicode text; lengths are UTF-8 bytes, graphemes are those of UAX #29."""

    format: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_graphemes: int | None = None
    max_graphemes: int | None = None
    enum: tuple[str, ...] = ()
    known_values: tuple[str, ...] = ()
    const: str | None = None
    default: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Bytes:
    """A byte string; lengths are of the raw bytes."""

    min_length: int | None = None
    max_length: int | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class CidLinkType:
    """A link to content by its CID."""

    description: str = ""


@dataclass(frozen=True, slots=True)
class BlobType:
    """A blob: MIME type patterns (`image/*`) that it accepts (empty: any), and its largest size in bytes."""

    accept: tuple[str, ...] = ()
    max_size: int | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Array:
    """A list of items of one type."""

    items: Type
    min_length: int | None = None
    max_length: int | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Object:
    """Named properties, in the lexicon's order; what is not named may be there as well."""

    properties: Mapping[str, Type] = field(default_factory=dict[str, "Type"])
    required: frozenset[str] = frozenset()
    nullable: frozenset[str] = frozenset()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Ref:
    """Another definition, by name."""

    target: Name
    description: str = ""


@dataclass(frozen=True, slots=True)
class Union:
    """One of several objects, told apart by `$type`; open unless closed."""

    refs: tuple[Name, ...]
    closed: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Any object of the data model."""

    description: str = ""


@dataclass(frozen=True, slots=True)
class Null:
    """Nothing but null: a type of the first version of the language, which lexicons of that time still have."""

    description: str = ""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A type that atpub does not know, or a definition that is not at hand: anything that the data model can hold."""

    kind: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A name that stands for itself."""

    description: str = ""


@dataclass(frozen=True, slots=True)
class RecordType:
    """Something that a repository keeps; `key` is tid, nsid, any or literal:… (specification: Record Key)."""

    key: str
    record: Object
    description: str = ""


@dataclass(frozen=True, slots=True)
class BodyType:
    """What a method takes or gives: a MIME type, and the schema where it is JSON."""

    encoding: str
    schema: Object | Ref | Union | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class QueryType:
    """An XRPC method over GET."""

    parameters: Object
    output: BodyType | None = None
    errors: Mapping[str, str] = field(default_factory=dict[str, str])  # name → description
    description: str = ""


@dataclass(frozen=True, slots=True)
class ProcedureType:
    """An XRPC method over POST."""

    parameters: Object
    input: BodyType | None = None
    output: BodyType | None = None
    errors: Mapping[str, str] = field(default_factory=dict[str, str])  # name → description
    description: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionType:
    """An event stream over WebSocket."""

    parameters: Object
    message: Union | None = None
    errors: Mapping[str, str] = field(default_factory=dict[str, str])  # name → description
    description: str = ""


Type: TypeAlias = (
    Boolean
    | Integer
    | String
    | Bytes
    | CidLinkType
    | BlobType
    | Array
    | Object
    | Ref
    | Union
    | Unknown
    | Null
    | Token
    | Unsupported
)
Definition: TypeAlias = RecordType | QueryType | ProcedureType | SubscriptionType | Type


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One lexicon file: its NSID, its definitions in their order, and what of it atpub has passed over."""

    id: Nsid
    definitions: Mapping[str, Definition]
    description: str = ""
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    @property
    def main(self) -> Definition | None:
        """The main definition, where there is one."""
        return self.definitions.get(MAIN)


@dataclass(frozen=True, slots=True)
class Lexicons:
    """Lexicons by NSID, the definitions in them by name, and what was passed over between them."""

    by_nsid: Mapping[Nsid, Lexicon]
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    def find(self, name: Name) -> Definition | None:
        """Return the definition of that name; None where it is not at hand."""
        lexicon = self.by_nsid.get(name.nsid)
        return lexicon.definitions.get(name.fragment) if lexicon else None

    def record(self, nsid: Nsid) -> RecordType | None:
        """Return the record type of that NSID; None where it is unknown or something else."""
        main = self.find(Name(nsid))
        return main if isinstance(main, RecordType) else None

    def and_also(self, more: Lexicons) -> Lexicons:
        """Return these lexicons with others added, which replace those of the same NSID."""
        return Lexicons({**self.by_nsid, **more.by_nsid})
