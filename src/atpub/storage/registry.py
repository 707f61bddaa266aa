"""The registry of the kinds of storage. To add a kind, add it to `KINDS`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from atpub.atproto.runtime import UnknownMember
from atpub.errors import Problem
from atpub.generated.science.alt.dataset import entry
from atpub.storage.blobs import BlobStorage
from atpub.storage.external import ExternalStorage
from atpub.storage.http import HttpStorage
from atpub.storage.interface import Endpoint, FileStorage, LocatedShards, Location, StorageKind, UrlStorage
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


def parse_location(url: str) -> Location | Problem:
    """Return the location of one shard's URL, without brace notation, or the problem of the URL.

    It is a problem if the URL has blanks, a fragment, a wildcard, or no scheme or host, if only this machine can read
    it (`file:`, `pipe:`), and if it holds a secret (a password, a presigned query), which no message repeats.
    """
    scheme = scheme_of(url)
    if isinstance(scheme, Problem):
        return scheme
    return next(kind for kind in _url_kinds() if kind.owns(scheme)).parse(url)


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
        return next(_url_kinds()).build((), endpoint)
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
    return next(kind for kind in _url_kinds() if kind.name == location.kind)


def _url_kinds() -> Iterator[UrlStorage]:
    return (kind for kind in KINDS if isinstance(kind, UrlStorage))
