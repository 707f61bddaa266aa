"""Shards in one S3 bucket, at `s3://bucket/key`; the key is not percent-encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from atpub.atproto.data import JsonObject
from atpub.generated.science.alt.dataset import entry, storage_s3
from atpub.problems import Problem
from atpub.storage.interface import Endpoint, LocatedShards, Location, StoredShard, UrlStorage, shard_checksum
from atpub.storage.urls import no_host


class S3Storage(UrlStorage):
    """The storage of shards in S3 buckets."""

    name = "s3"
    nsid = storage_s3.NSID
    options: ClassVar[Mapping[str, JsonObject]] = {
        "s3": {
            "type": "object",
            "properties": {
                "region": {"type": "string", "description": "The bucket's region, such as eu-west-1."},
                "endpoint": {"type": "string", "description": "The URL of the S3 service; atdata needs it."},
            },
            "required": [],
            "additionalProperties": False,
        }
    }

    def owns(self, scheme: str) -> bool:
        """Own s3://."""
        return scheme == "s3"

    def parse(self, url: str) -> Location | Problem:
        """Return the location of an object, with the scheme in lower case."""
        rest = url[len("s3:") :]
        bucket, _, key = rest.removeprefix("//").partition("/")
        if not bucket or not rest.startswith("//"):
            return no_host(url)
        if not key or key.endswith("/"):
            return Problem("url-path", f"{url} names no object: the form is s3://bucket/key")
        return Location(self.name, _url(bucket, key))

    def check(self, locations: Sequence[Location]) -> tuple[Problem, ...]:
        """Check that all shards are in one bucket."""
        buckets = sorted({_split(location.url)[0] for location in locations})
        if len(buckets) < 2:
            return ()
        message = f"the shards of one dataset are in {len(buckets)} buckets: {', '.join(buckets[:5])}"
        return (Problem("mixed-buckets", message, hint="make one dataset per bucket"),)

    def check_endpoint(self, endpoint: Endpoint) -> tuple[Problem, ...]:
        """Warn where there is no endpoint."""
        if endpoint.endpoint:
            return ()
        message = "atdata reads S3 shards only where the endpoint is given"
        hint = "add `s3: {endpoint: …}`, for Amazon https://s3.REGION.amazonaws.com"
        return (Problem("s3-endpoint", message, hint=hint, severity="warning"),)

    def build(self, shards: LocatedShards, endpoint: Endpoint) -> entry.EntryStorage:
        """Return a storageS3 object of the bucket of the first shard."""
        return storage_s3.StorageS3(
            bucket=_split(shards[0][0].url)[0],
            region=endpoint.region,
            endpoint=endpoint.endpoint,
            shards=[
                storage_s3.ShardEntry(key=_split(location.url)[1], checksum=shard_checksum(digest))
                for location, digest in shards
            ],
        )

    def read(self, storage: entry.EntryStorage) -> Sequence[StoredShard]:
        """Return the shards of a storageS3 object; with an endpoint, readers expect http(s) URLs."""
        assert isinstance(storage, storage_s3.StorageS3)
        bucket, place = storage.bucket, Endpoint(None, storage.endpoint)
        return [
            StoredShard(_url(bucket, shard.key), shard.checksum, _http_url(bucket, shard.key, place))
            for shard in storage.shards
        ]

    def http_url(self, location: Location, endpoint: Endpoint) -> str | None:
        """Return the URL of the object at the endpoint, else at Amazon's service for the region."""
        return _http_url(*_split(location.url), endpoint)

    def path(self, url: str) -> str:
        """Return the key of an object."""
        return _split(url)[1]

    def read_options(self, given: JsonObject) -> Endpoint | None:
        """Return the region and endpoint of `s3:`."""
        place = given.get("s3")
        if not isinstance(place, dict):
            return None
        region, endpoint = place.get("region"), place.get("endpoint")
        return Endpoint(
            region if isinstance(region, str) else None,
            endpoint if isinstance(endpoint, str) else None,
        )

    def write_options(self, storage: entry.EntryStorage) -> JsonObject:
        """Return `s3:` with the region and endpoint."""
        assert isinstance(storage, storage_s3.StorageS3)
        options = {"region": storage.region, "endpoint": storage.endpoint}
        given: JsonObject = {name: text for name, text in options.items() if isinstance(text, str)}
        return {"s3": given} if given else {}


def s3_info(storage: entry.EntryStorage) -> dict[str, Any] | None:
    """Return the bucket, keys, region and endpoint of a storage object; None where it is of another kind."""
    if not isinstance(storage, storage_s3.StorageS3):
        return None
    keys = [shard.key for shard in storage.shards]
    return {"bucket": storage.bucket, "keys": keys, "region": storage.region, "endpoint": storage.endpoint}


def _url(bucket: str, key: str) -> str:
    return f"s3://{bucket}/{key}"


def _split(url: str) -> tuple[str, str]:
    bucket, _, key = url.partition("://")[2].partition("/")
    return bucket, key


def _http_url(bucket: str, key: str, endpoint: Endpoint) -> str | None:
    if endpoint.endpoint:
        return f"{endpoint.endpoint.rstrip('/')}/{bucket}/{quote(key)}"
    if endpoint.region:
        return f"https://s3.{endpoint.region}.amazonaws.com/{bucket}/{quote(key)}"
    return None
