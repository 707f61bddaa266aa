"""The interface of a kind of storage. Shards are at URLs (`UrlStorage`), or in files to publish (`FileStorage`)."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias
from urllib.parse import urlsplit

from atpub.atproto.data import Blob, Json, JsonObject
from atpub.generated.science.alt.dataset import entry
from atpub.generated.science.alt.dataset.storage_blobs import BlobEntry
from atpub.problems import Problem
from atpub.storage.urls import is_plain

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Location:
    """The place of one shard: its URL, and the name of its kind of storage."""

    kind: str
    url: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The service that offers the objects of a bucket over HTTP, as far as it is known."""

    region: str | None = None
    endpoint: str | None = None


NO_ENDPOINT: Final = Endpoint()


TEXTS: Final[tuple[JsonObject, JsonObject]] = (
    {"type": "string"},
    {"type": "array", "items": {"type": "string"}, "minItems": 1},
)
"""The JSON Schemas of one text, and of a list of texts."""

StoredBlob: TypeAlias = BlobEntry
"""A blob entry of a published record: a shard that the account itself holds."""
LocatedShards: TypeAlias = Sequence[tuple[Location, str | None]]
"""The location of each shard, and its SHA-256 where there is one."""


@dataclass(frozen=True, slots=True)
class StoredShard:
    """A shard at a URL, as a published record lists it; `http_url` is the URL for readers where it is another one."""

    url: str
    checksum: entry.ShardChecksum | None = None
    http_url: str | None = None

    @property
    def digest(self) -> str:
        """The digest as the record has it; empty where it has none."""
        return self.checksum.digest if self.checksum else ""

    @property
    def sha256(self) -> str | None:
        """The SHA-256 in lower case; None where the record has none."""
        is_sha256 = self.checksum is not None and self.checksum.algorithm == "sha256"
        return parse_sha256(self.digest) if is_sha256 else None


class UrlStorage(ABC):
    """A kind of storage whose shards are at URLs."""

    name: ClassVar[str]
    """The name that `DatasetLoader.get_storage_type` returns."""
    nsid: ClassVar[str]
    """The `$type` of its storage object in a record."""
    has_checksums: ClassVar[bool] = True
    """Whether its storage object has room for checksums."""
    options: ClassVar[Mapping[str, JsonObject]] = {}
    """The keys of a manifest's dataset that belong to this kind, besides `urls` and `checksums`: their JSON Schemas."""

    @abstractmethod
    def owns(self, scheme: str) -> bool:
        """Return whether URLs with this scheme (in lower case) belong to this kind."""

    @abstractmethod
    def parse(self, url: str) -> Location | Problem:
        """Return the location of one shard, or the problem of its URL. The URL has no blanks and is not a local one."""

    @abstractmethod
    def build(self, shards: LocatedShards, endpoint: Endpoint) -> entry.EntryStorage:
        """Return the storage object of a record with these shards."""

    @abstractmethod
    def read(self, storage: entry.EntryStorage) -> Sequence[StoredShard]:
        """Return the shards of a storage object of this kind, in order."""

    def check(self, locations: Sequence[Location]) -> tuple[Problem, ...]:
        """Return the problems of locations that are to be in one record."""
        return ()

    def check_endpoint(self, endpoint: Endpoint) -> tuple[Problem, ...]:
        """Return the problems that an endpoint, or the lack of one, has for readers."""
        return ()

    def http_url(self, location: Location, endpoint: Endpoint) -> str | None:
        """Return the URL that offers a shard over HTTP; None where it is not known."""
        return None

    def path(self, url: str) -> str:
        """Return the path of a shard on its server; the URL itself where it is not valid."""
        if is_plain(url):
            return url[url.index("/", url.index("://") + 3) :]
        try:
            return urlsplit(url).path
        except ValueError:
            return url

    def read_options(self, given: JsonObject) -> Endpoint | None:
        """Return the endpoint that the keys in `options` name, if any."""
        return None

    def write_options(self, storage: entry.EntryStorage) -> JsonObject:
        """Return the keys in `options` that describe a storage object."""
        return {}


class FileStorage(ABC):
    """A kind of storage whose shards are local files, published together with the record."""

    name: ClassVar[str]
    nsid: ClassVar[str]
    key: ClassVar[str]
    """The key of a manifest's dataset that lists the files."""
    schema: ClassVar[JsonObject]
    """The JSON Schema of its value."""

    @abstractmethod
    def patterns(self, given: Json) -> tuple[str, ...]:
        """Return the paths and globs that a value of the key names; the value is valid by `schema`."""

    @abstractmethod
    def build(self, blobs: Sequence[Blob]) -> entry.EntryStorage:
        """Return the storage object of a record with these blobs as shards."""

    @abstractmethod
    def blob_steps(self, index: int) -> tuple[str | int, ...]:
        """Return the path, within the storage object, of the blob of the file at an index."""

    @abstractmethod
    def read(self, storage: entry.EntryStorage) -> Sequence[StoredBlob]:
        """Return the blob entries of a storage object of this kind, in order."""


StorageKind: TypeAlias = UrlStorage | FileStorage


def parse_sha256(text: str) -> str | None:
    """Return a SHA-256 digest as 64 lower-case hexadecimal digits; None for any other text."""
    return text.lower() if _SHA256.fullmatch(text) else None


def texts(value: Json) -> tuple[str, ...]:
    """Return a text, or a list of texts, as a tuple."""
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def shard_checksum(digest: str | None) -> entry.ShardChecksum:
    """Return the checksum of a shard in a record, from its SHA-256."""
    if digest is None:
        return entry.ShardChecksum(algorithm="none", digest="")
    return entry.ShardChecksum(algorithm="sha256", digest=digest)
