"""What a manifest says, once it is known to be well formed: frozen values, defaults and environment filled in.

`fields` of an entry are its lexicon's own, by their wire names; they may hold the placeholders `{$ref: address}`,
`{$strongRef: address}` and `{$blob: file}`, and `{$literal: value}` for a value that looks like one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NamedTuple, TypeAlias

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri, Did, Nsid, Rkey
from atpub.generated import LEXICONS
from atpub.problems import Place, Problem
from atpub.storage.interface import NO_ENDPOINT, Endpoint
from atpub.storage.registry import FILES, URLS_KEY

if TYPE_CHECKING:  # its classes take long to make, and few manifests need them
    from atpub.atproto.lexicon.model import Lexicons


class Address(NamedTuple):
    """Where an entry stands in the manifest: `datasets/digits`."""

    section: str
    key: str

    @property
    def steps(self) -> tuple[str, str]:
        """The way to the entry in the manifest's value."""
        return (self.section, self.key)

    def __str__(self) -> str:
        return f"{self.section}/{self.key}"


@dataclass(frozen=True, slots=True)
class Common:
    """What every entry has: its address, its identity, and how it is to be treated."""

    address: Address
    id: str
    rkey: Rkey | None = None
    protect: bool = False
    adopt: bool = False


@dataclass(frozen=True, slots=True)
class SchemaEntry:
    """A sample schema at one version; `content` is its JSON Schema (draft-07). One of a Python class has no NSID."""

    common: Common
    nsid: Nsid | None
    name: str
    version: str
    content: JsonObject
    fields: JsonObject
    content_place: Callable[[tuple[str | int, ...]], Place] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FileShards:
    """Shards in local files, published with the record: patterns relative to the manifest's folder."""

    key: ClassVar = FILES.key
    """The key of the dataset that lists them."""

    patterns: tuple[str, ...]


Missing: TypeAlias = Literal["fetch", "store", "none"]
"""Where a shard's checksum comes from that no file has: every byte, the store alone, or nowhere."""


@dataclass(frozen=True, slots=True)
class ChecksumFiles:
    """Files of checksums, relative to the manifest's folder; without `missing`, they must have those of all shards."""

    patterns: tuple[str, ...]
    missing: Missing | None = None


@dataclass(frozen=True, slots=True)
class ChecksumMap:
    """Checksums in place: SHA-256 by shard."""

    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NoChecksums:
    """It was said that there are none."""


@dataclass(frozen=True, slots=True)
class UrlShards:
    """Shards that are somewhere already: URLs in brace notation, and what is known of their bytes."""

    key: ClassVar = URLS_KEY
    """The key of the dataset that lists them."""

    urls: tuple[str, ...]
    checksums: ChecksumFiles | ChecksumMap | NoChecksums | None
    endpoint: Endpoint = NO_ENDPOINT


Shards: TypeAlias = FileShards | UrlShards
SchemaRef: TypeAlias = Address | AtUri


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """A dataset: its schema, where its shards are, and the entry record's other fields."""

    common: Common
    schema: SchemaRef
    shards: Shards
    fields: JsonObject
    metadata: JsonObject | None = None
    metadata_schema: SchemaRef | None = None
    size: JsonObject | None = None  # as far as the manifest states it
    parts: int | None = None  # the shards of each part; None for one record
    announce: tuple[str, ...] = ()  # the catalogs that it is announced to
    metadata_key: str = "metadata"  # the manifest's key for it: this, or the lexicon's


@dataclass(frozen=True, slots=True)
class LabelEntry:
    """A name and version for a dataset."""

    common: Common
    dataset: SchemaRef
    fields: JsonObject


@dataclass(frozen=True, slots=True)
class LensEntry:
    """Code between two schemas."""

    common: Common
    source: SchemaRef
    target: SchemaRef
    getter: JsonObject
    putter: JsonObject
    fields: JsonObject


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """A record of any lexicon."""

    common: Common
    collection: Nsid
    value: JsonObject


@dataclass(frozen=True, slots=True)
class LexiconEntry:
    """A lexicon of the project's own, to be published as a record."""

    common: Common
    document: JsonObject


Entry: TypeAlias = SchemaEntry | DatasetEntry | LabelEntry | LensEntry | RecordEntry | LexiconEntry


def free_values(entry: Entry) -> JsonObject:
    """Return the parts of an entry that may hold placeholders, by the manifest's keys."""
    match entry:
        case LexiconEntry():
            return {}
        case RecordEntry():
            return {"value": entry.value}
        case DatasetEntry(metadata=metadata) if metadata is not None:
            return {**entry.fields, "metadata": metadata}
        case _:
            return entry.fields


@dataclass(frozen=True, slots=True)
class Policy:
    """The safety rules of a project; `max_delete` is a number of records, or a share of those owned (0 to 1)."""

    max_delete: int | float = 0.3


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole manifest: the project, the account it goes to, and the entries by address in their order."""

    project: str
    account: str | None
    did: Did | None
    pds: str | None
    policy: Policy
    entries: Mapping[Address, Entry]
    own_lexicons: Lexicons | None  # the project's, with those of atpub; None where it has none
    folder: Path
    warnings: tuple[Problem, ...]
    place: Callable[[tuple[str | int, ...]], Place] = field(compare=False, repr=False)
    key_place: Callable[[tuple[str | int, ...]], Place] = field(compare=False, repr=False)
    environments: tuple[str, ...] = ()
    """The names of its environments."""

    @property
    def lexicons(self) -> Lexicons:
        """The lexicons of all its records; atpub's own are read when they are first asked for."""
        return self.own_lexicons or LEXICONS.lexicons

    def key_type(self, collection: Nsid) -> str:
        """Return the type of the record keys in the collection of an entry."""
        found = key_type(collection, self.own_lexicons)
        assert found is not None, collection
        return found


def key_type(collection: Nsid, own_lexicons: Lexicons | None) -> str | None:
    """Return the type of the record keys in a collection; None where no lexicon of it is at hand."""
    if (kind := LEXICONS.record(collection)) is not None:
        key: str = kind.KEY  # as its lexicon says, which takes longer to read
        return key
    found = own_lexicons.record(collection) if own_lexicons else None
    return found.key if found else None


_MIME_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")

PLACEHOLDERS: Final = frozenset({"$ref", "$strongRef", "$blob", "$literal"})


class BlobArgument(NamedTuple):
    """What a `$blob` placeholder names: a file, and its MIME type where the manifest states it."""

    file: str
    mime_type: str | None = None


def blob_argument(argument: Json) -> BlobArgument | None:
    """Read the argument of `$blob`: a file, or a map of `file` and `mimeType`; None where it is neither."""
    match argument:
        case str(file):
            return BlobArgument(file)
        case {"file": str(file), **rest} if not rest:
            return BlobArgument(file)
        case {"file": str(file), "mimeType": str(mime_type), **rest} if not rest and _MIME_TYPE.fullmatch(mime_type):
            return BlobArgument(file, mime_type)
        case _:
            return None


def placeholder(value: Json) -> tuple[str, Json] | None:
    """Split a placeholder such as `{$ref: datasets/digits}` into name and argument; None for any other value."""
    if isinstance(value, dict) and len(value) == 1:
        name, argument = next(iter(value.items()))
        if name in PLACEHOLDERS:
            return name, argument
    return None
