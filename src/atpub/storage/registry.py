"""The registry of the kinds of storage. To add a kind, add it to `KINDS`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.atproto.runtime import UnknownMember
from atpub.generated.science.alt.dataset import entry
from atpub.problems import Problem
from atpub.storage.blobs import BlobStorage
from atpub.storage.external import ExternalStorage
from atpub.storage.http import HttpStorage
from atpub.storage.interface import (
    NO_ENDPOINT,
    TEXTS,
    Endpoint,
    FileStorage,
    LocatedShards,
    Location,
    StorageKind,
    UrlStorage,
)
from atpub.storage.s3 import S3Storage
from atpub.storage.urls import scheme_of

FILES: Final[FileStorage] = BlobStorage()
"""The kind of storage of local files."""
EXTERNAL: Final[UrlStorage] = ExternalStorage()
"""The kind of storage that owns all other URLs. It also reads the `urls` of storage objects of unknown kinds."""

KINDS: tuple[StorageKind, ...] = (
    HttpStorage(),
    S3Storage(),
    FILES,
    EXTERNAL,  # the last one
)


URLS_KEY: Final = "urls"
"""The key of a manifest's dataset that lists the URLs of shards, whatever kind of storage they are in."""
CHECKSUMS_KEY: Final = "checksums"
"""The key of a manifest's dataset that has the checksums of shards at URLs."""
FILE_KEY: Final = "file"
"""The key of `checksums` that names checksum files."""
MISSING_KEY: Final = "missing"
"""The key of `checksums` that says where those come from which no file has."""


def dataset_keys() -> dict[str, JsonObject]:
    """Return the keys of a manifest's dataset that say where its shards are, with their JSON Schemas."""
    return {
        FILES.key: FILES.schema,
        URLS_KEY: {
            "description": "Where the shards are: URLs in brace notation.",
            "anyOf": [*TEXTS],
            "examples": ["https://cdn.example.org/digits-{000000..000005}.tar"],
        },
        CHECKSUMS_KEY: {
            "description": "The shards' SHA-256: a file as sha256sum writes it, a map, or `none`.",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {
                        FILE_KEY: {
                            "description": "Files as sha256sum writes them: a path or pattern, or a list of them.",
                            "anyOf": [*TEXTS],
                        },
                        MISSING_KEY: {
                            "description": "Where `atpub lock` finds the other checksums.",
                            "enum": ["fetch", "store", "none"],
                        },
                    },
                    "required": [],
                    "additionalProperties": {"type": "string"},
                },
            ],
            "examples": ["digits.sha256", {"missing": "fetch"}, "none"],
        },
        **option_keys(),
    }


def option_keys() -> dict[str, JsonObject]:
    """Return the keys of a manifest's dataset that describe the service which offers its URLs."""
    return {key: schema for kind in _url_kinds() for key, schema in kind.options.items()}


def read_endpoint(given: JsonObject) -> Endpoint:
    """Return the endpoint that a manifest's dataset names."""
    return next((found for kind in _url_kinds() if (found := kind.read_options(given))), NO_ENDPOINT)


def shard_path(url: str) -> str:
    """Return the path of a shard on its server, from its URL; the URL itself where it has no scheme."""
    scheme, colon, _ = url.partition(":")
    return _kind_of_scheme(scheme.lower()).path(url) if colon else url


def parse_location(url: str) -> Location | Problem:
    """Return the location of one shard's URL, without brace notation, or the problem of the URL.

    It is a problem if the URL has blanks, a fragment, a wildcard, or no scheme or host, if only this machine can read
    it (`file:`, `pipe:`), and if it holds a secret (a password, a presigned query), which no message repeats.
    """
    scheme = scheme_of(url)
    if isinstance(scheme, Problem):
        return scheme
    return _kind_of_scheme(scheme).parse(url)


def check_locations(locations: Sequence[Location]) -> tuple[Problem, ...]:
    """Return the problems of shards that cannot be in one record, such as several kinds of storage."""
    first_of_kind = {location.kind: location for location in reversed(locations)}
    if len(first_of_kind) > 1:
        examples = " and ".join(sorted(location.url for location in first_of_kind.values()))
        message = f"the shards of one dataset are in different kinds of storage: {examples}"
        return (Problem("mixed-storage", message, hint="make them two datasets, or move the shards to one place"),)
    return url_kind(locations[0]).check(locations) if locations else ()


def check_endpoint(locations: Sequence[Location], endpoint: Endpoint) -> tuple[Problem, ...]:
    """Return the problems that an endpoint, or the lack of one, has for the readers of these shards."""
    kinds = {location.kind: url_kind(location) for location in locations}
    return tuple(problem for kind in kinds.values() for problem in kind.check_endpoint(endpoint))


def build_storage(shards: LocatedShards, endpoint: Endpoint) -> entry.EntryStorage:
    """Return the storage object of a record with shards at these locations, all of the kind of the first."""
    if not shards:
        return next(iter(_url_kinds())).build((), endpoint)
    kind = url_kind(shards[0][0])
    return kind.build([shard for shard in shards if shard[0].kind == kind.name], endpoint)


def http_url(location: Location, endpoint: Endpoint) -> str | None:
    """Return the URL that offers a shard over HTTP; None where it is not known."""
    return url_kind(location).http_url(location, endpoint)


def find_kind(storage: entry.EntryStorage) -> StorageKind | None:
    """Return the kind of a record's storage object; None where it is unknown."""
    nsid = type_of(storage)
    return next((kind for kind in KINDS if kind.nsid == nsid), None)


def type_of(storage: entry.EntryStorage) -> str:
    """Return the `$type` of a record's storage object."""
    return storage.type if isinstance(storage, UnknownMember) else storage.NSID


def url_kind(location: Location) -> UrlStorage:
    """Return the kind of storage of a location."""
    return _by_name(KINDS)[location.kind]


def _kind_of_scheme(scheme: str) -> UrlStorage:
    return next(kind for kind in _url_kinds() if kind.owns(scheme))


def _url_kinds() -> Iterable[UrlStorage]:
    return _by_name(KINDS).values()


@cache
def _by_name(kinds: tuple[StorageKind, ...]) -> Mapping[str, UrlStorage]:
    return {kind.name: kind for kind in kinds if isinstance(kind, UrlStorage)}
