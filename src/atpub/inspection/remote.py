"""Shards that are not local: at URLs, and those of published datasets. They are read as they come, and not saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from atpub.atproto.data import Blob
from atpub.errors import InvalidInput, Usage
from atpub.inspection.reading import InspectedSource
from atpub.measuring.store_access import OBJECT_SCHEMES
from atpub.problems import Problem
from atpub.pulling.download import Url
from atpub.pulling.entries import OpenRepository, PublishedDataset, blob_source, find_dataset, parse_dataset_uri
from atpub.redact import redact_urls
from atpub.shards.braces import expand_braces
from atpub.storage.interface import Endpoint

_SCHEMES: Final = ("http:", "https:", *OBJECT_SCHEMES)


def list_remote(
    urls: Sequence[str], most: int | None, open_repository: OpenRepository, endpoint: Endpoint
) -> Iterator[InspectedSource]:
    """Yield the shards at http(s) URLs and in object stores, and of the datasets and labels at at:// URIs.

    Of a shard, the first `most` samples are received (None: all); `endpoint` is that of S3. Raises Usage for other
    URLs, InvalidInput for wrong patterns, and the errors of `find_dataset`.
    """
    for url in urls:
        if url.startswith("at://"):
            yield from _list_dataset(find_dataset(parse_dataset_uri(url), open_repository), most, endpoint)
            continue
        for found in _expand(url):
            yield InspectedSource(_require_scheme(found), redact_urls(found), most, endpoint=endpoint)


def _expand(url: str) -> list[Url]:
    found = expand_braces(url)
    if isinstance(found, Problem):
        raise InvalidInput((found,))
    return [Url(item) for item in found]


def _require_scheme(url: Url) -> Url:
    if not url.lower().startswith(_SCHEMES):
        hint = "give a URL of http(s), S3, Google Cloud Storage (gs://) or Azure (az://), or an at:// URI"
        raise Usage(f"{redact_urls(url)} cannot be inspected: atpub does not read such URLs", hint=hint)
    if not url.partition("://")[2].partition("/")[2]:
        raise Usage(f"{redact_urls(url)} names no shard", hint="the form is scheme://host/path")
    return url


def _list_dataset(dataset: PublishedDataset, most: int | None, endpoint: Endpoint) -> Iterator[InspectedSource]:
    for shard in dataset.shards:
        if isinstance(shard.source, Blob):
            source = blob_source(dataset.repository, shard.source.cid)
            yield InspectedSource(source, shard.name, most, shard.source.size)
        else:
            yield InspectedSource(shard.source, redact_urls(shard.source), most, endpoint=endpoint)
