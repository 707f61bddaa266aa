"""Shards that are not local: at URLs, and those of published datasets. They are read as they come, and not saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from atpub.atproto.data import Blob
from atpub.errors import AtpubError, InvalidInput, Problem, Usage
from atpub.pulling.download import Url, download, new_client
from atpub.pulling.entries import OpenRepository, PublishedDataset, find_dataset, parse_dataset_uri
from atpub.redact import redact_urls
from atpub.repository.interface import bounded_blob
from atpub.shards.braces import expand_braces
from atpub.shards.survey import ShardSurvey, survey_stream

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import TransportClient


def survey_remote(urls: Sequence[str], most: int | None, open_repository: OpenRepository) -> Iterator[ShardSurvey]:
    """Yield the survey of each shard at http(s) URLs, and of the datasets and labels at at:// URIs.

    Of a shard, the first `most` samples are received (None: all). A shard that cannot be read has a problem. Raises
    Usage for other URLs, and the errors of `find_dataset`.
    """
    with new_client() as client:
        for url in urls:
            if url.startswith("at://"):
                yield from _survey_dataset(client, find_dataset(parse_dataset_uri(url), open_repository), most)
                continue
            for found in _expand(url):
                yield _survey_url(client, _require_http(found), most)


def _expand(url: str) -> list[Url]:
    found = expand_braces(url)
    if isinstance(found, Problem):
        raise InvalidInput((found,))
    return [Url(item) for item in found]


def _require_http(url: Url) -> Url:
    if not url.lower().startswith(("http://", "https://")):
        hint = "give an http(s) URL, such as https://BUCKET.s3.amazonaws.com/KEY for a public bucket of S3"
        raise Usage(f"{redact_urls(url)} cannot be inspected: it is no http(s) or at:// URL", hint=hint)
    return url


def _survey_dataset(client: TransportClient, dataset: PublishedDataset, most: int | None) -> Iterator[ShardSurvey]:
    for shard in dataset.shards:
        if not isinstance(shard.source, Blob):
            yield _survey_url(client, shard.source, most)
            continue
        try:
            chunks = iter(bounded_blob(dataset.repository, shard.source))
            yield survey_stream(chunks, shard.name, shard.size, most)
        except AtpubError as error:
            yield _unreadable(shard.name, error)


def _survey_url(client: TransportClient, url: Url, most: int | None) -> ShardSurvey:
    name = redact_urls(url)
    try:
        with download(client, url) as found:
            return survey_stream(found.chunks, name, found.total, most)
    except AtpubError as error:
        return _unreadable(name, error)


def _unreadable(name: str, error: AtpubError) -> ShardSurvey:
    problem = Problem("shard-unreadable", redact_urls(error.message), hint=error.hint)
    return ShardSurvey(name, 0, None, "none", 0, {}, (problem,))
