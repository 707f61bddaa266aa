"""The shards of a dataset object, of a pipeline, or listed as URLs; and their checksums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

from atpub.atmosphere.arguments import Call, is_list, is_mapping, warn
from atpub.manifest.model import ChecksumMap, NoChecksums
from atpub.measuring.lookup import fetched_digests, stated_digests
from atpub.progress import OnProgress
from atpub.shards.checksums import parse_checksums
from atpub.shards.lock import read_lock
from atpub.shards.remote import RemoteShards
from atpub.storage.interface import Endpoint, Location
from atpub.storage.registry import http_url, url_kind

Checksums: TypeAlias = Mapping[str, str] | Path | Literal["fetch", "none"] | None
"""The SHA-256 of shards: by URL or file name, in a file as sha256sum writes it, to be found out, or not to be had."""

REMEDY: Final = 'give checksums={"shard.tar": "<sha256>"}, the path of a sha256sum file, or checksums="fetch"'


@runtime_checkable
class HasShardList(Protocol):
    """An object that lists its shards, as atdata's Dataset does."""

    def list_shards(self) -> Sequence[str]:
        """Return the URLs."""
        ...


@runtime_checkable
class HasUrl(Protocol):
    """An object with its shards in one URL in brace notation."""

    @property
    def url(self) -> str:
        """The URL."""
        ...


@runtime_checkable
class HasPipeline(Protocol):
    """A pipeline whose first stages know the URLs, as webdataset's do."""

    @property
    def pipeline(self) -> Sequence[Any]:
        """The stages."""
        ...


DatasetLike: TypeAlias = HasShardList | HasUrl | HasPipeline


def urls_of(call: Call, dataset: object) -> tuple[str, ...]:
    """Return the URLs of a dataset's shards, in brace notation or one by one; raises InvalidArgument."""
    match dataset:
        case HasUrl(url=str(url)):
            return tuple(url.split("::"))  # as webdataset joins them
        case HasShardList():
            return tuple(map(str, dataset.list_shards()))
        case HasPipeline(pipeline=pipeline):
            found = next((stage.urls for stage in pipeline if hasattr(stage, "urls")), None)
            if found is not None:
                return _texts(found)
        case _:
            pass
    hint = "give atpub.Dataset[MySample](url), or call publish_with_urls"
    raise call.refuse("dataset", f"{type(dataset).__name__} has neither a url nor list_shards()", hint)


def _texts(found: object) -> tuple[str, ...]:
    if isinstance(found, str):
        return tuple(found.split("::"))
    return tuple(map(str, found)) if is_list(found) else (str(found),)


def with_digests(
    call: Call, shards: RemoteShards, endpoint: Endpoint, checksums: Checksums, on_progress: OnProgress
) -> RemoteShards:
    """Return the shards with the digests that the call does not give: from the lock, their stores, or measured.

    Raises InvalidArgument, and Unavailable where a shard that is to be read cannot be.
    """
    urls = [url for url, _ in shards.shards]
    found = _digests(call, urls, endpoint, checksums, on_progress)
    return RemoteShards(tuple((url, digest or found.get(url.url)) for url, digest in shards.shards))


def given_checksums(call: Call, checksums: object) -> ChecksumMap | NoChecksums:
    """Parse the checksums that a call gives; raises InvalidArgument."""
    if checksums is None or checksums in ("fetch", "none"):
        return NoChecksums()
    if is_mapping(checksums):
        return ChecksumMap({str(name): str(digest) for name, digest in checksums.items()})
    if isinstance(checksums, Path):
        return ChecksumMap(_read(call, checksums))
    raise call.refuse("checksums", f"{checksums!r} is none of the forms that it has", REMEDY)


def _read(call: Call, file: Path) -> Mapping[str, str]:
    try:
        found = parse_checksums(file.read_text("utf-8"), str(file))
    except (OSError, ValueError) as error:
        raise call.refuse("checksums", f"{file} cannot be read: {error}") from None
    call.check(found.problems)
    return found.digests


def _digests(
    call: Call,
    urls: Sequence[Location],
    endpoint: Endpoint,
    checksums: Checksums,
    on_progress: OnProgress,
) -> Mapping[str, str]:
    """Find the digests that the call does not give, by URL."""
    addresses = {url.url: address for url in urls if (address := http_url(url, endpoint))}
    match checksums:
        case None:
            # Some kinds of storage have no place for checksums.
            return _look_up([url.url for url in urls if url_kind(url).has_checksums], addresses)
        case "fetch":
            _check_reachable(call, urls, addresses)
            found = fetched_digests(addresses.values(), on_progress)
            return {text: found[address] for text, address in addresses.items()}
        case _:
            return {}


def _check_reachable(call: Call, urls: Sequence[Location], addresses: Mapping[str, str]) -> None:
    lost = [url.url for url in urls if url.url not in addresses]
    if lost:
        hint = "give endpoint or region where the store offers its objects over HTTP, else the checksums themselves"
        raise call.refuse("checksums", f"{lost[0]} cannot be fetched over HTTP", hint)


def _look_up(texts: Sequence[str], addresses: Mapping[str, str]) -> Mapping[str, str]:
    """Look up digests in the lock of the current folder, then in the stores; warn of those not found."""
    lock = read_lock(Path.cwd())
    locked = {text: lock.urls[text] for text in texts if lock is not None and text in lock.urls}
    asked = {text: address for text, address in addresses.items() if text not in locked}
    stated: Mapping[str, str] = stated_digests(asked.values()) if asked else {}
    known = {**locked, **{text: stated[address] for text, address in asked.items() if address in stated}}
    if len(known) < len(set(texts)):
        missing = [text for text in texts if text not in known]
        warn(f"{len(missing)} of {len(texts)} shards have no checksum, such as {missing[0]}; {REMEDY}")
    return known
