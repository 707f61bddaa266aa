"""What an account has published, as values for people: datasets with their schema, shards, labels and lenses.

Texts are as the records have them: other people's, of any length and with any character.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri, Cid, Did
from atpub.errors import InvalidRecord
from atpub.generated.dev.atpub.rai import NSID as RAI_KEY
from atpub.generated.dev.atpub.rai import Rai


@dataclass(frozen=True, slots=True)
class PublisherView:
    """An account: its DID, and its handle where it is known."""

    did: Did
    handle: str | None = None

    def __str__(self) -> str:
        return self.handle or self.did


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field of a sample: its type in words, such as `float32 [8]`, and the file member that holds it, if one does."""

    name: str
    type: str
    is_optional: bool = False
    description: str = ""
    member: str | None = None


@dataclass(frozen=True, slots=True)
class SchemaView:
    """A schema of samples; `format` is how they are stored, `members` or `msgpack`."""

    uri: AtUri
    name: str
    version: str
    description: str
    format: str
    fields: Sequence[FieldView]
    created_at: str
    record: JsonObject


@dataclass(frozen=True, slots=True)
class CodeReference:
    """A place in a source repository, at a commit."""

    repository: str
    commit: str
    path: str


@dataclass(frozen=True, slots=True)
class LensView:
    """A pair of functions between two schemas."""

    uri: AtUri
    name: str
    description: str
    source: str
    target: str
    getter: CodeReference
    putter: CodeReference


@dataclass(frozen=True, slots=True)
class LabelView:
    """A name, and perhaps a version, of a dataset; `dataset` is the URI that it names."""

    uri: AtUri
    name: str
    version: str
    description: str
    dataset: str
    created_at: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True)
class ShardView:
    """A shard: at a URL, or a blob of the account; hexadecimal SHA-256 and size in bytes where the record has them.

    `blob_source` is the URL or the file of the blob, where its server or folder is known.
    """

    name: str
    url: str | None
    blob: Cid | None
    sha256: str | None
    size: int | None
    blob_source: str | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """How much data a record states: samples, bytes and shards; None where it does not."""

    samples: int | None
    bytes: int | None
    shards: int


@dataclass(frozen=True, slots=True)
class DatasetView:
    """A dataset with all that the account has published about it; `schema` is None where another account has it."""

    publisher: PublisherView
    uri: AtUri
    cid: Cid
    title: str
    description: str
    license: str
    tags: Sequence[str]
    created_at: str
    storage: str
    shards: Sequence[ShardView]
    size: Size
    schema_uri: str
    schema: SchemaView | None
    labels: Sequence[LabelView]
    lenses: Sequence[LensView]
    metadata: JsonObject
    record: JsonObject

    @property
    def rai(self) -> Rai:
        """What the publisher states about responsible use; empty where that breaks its lexicon."""
        try:
            return Rai.from_json(self.metadata.get(RAI_KEY, {}))
        except InvalidRecord:
            return Rai()

    def with_blob_sources(self, find: Callable[[Cid], str | None]) -> DatasetView:
        """Return the dataset with the URL or the file of each blob, where `find` knows it."""
        shards = [replace(shard, blob_source=find(shard.blob)) if shard.blob else shard for shard in self.shards]
        return replace(self, shards=shards)


View: TypeAlias = DatasetView | SchemaView | LabelView | LensView
"""A record for people."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that breaks its lexicon, and why."""

    uri: AtUri
    reason: str


@dataclass(frozen=True, slots=True)
class Published:
    """The datasets, schemas, lenses and labels of an account, each in the order of their creation."""

    publisher: PublisherView
    datasets: Sequence[DatasetView]
    schemas: Sequence[SchemaView]
    lenses: Sequence[LensView]
    labels: Sequence[LabelView]
    unreadable: Sequence[Unreadable] = ()

    def find(self, uri: AtUri) -> View | None:
        """Return the record at a URI, None where there is none."""
        views: Sequence[View] = (*self.datasets, *self.schemas, *self.lenses, *self.labels)
        return next((item for item in views if item.uri == uri), None)
