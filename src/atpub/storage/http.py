"""Shards that a web server offers, at http:// and https:// URLs."""

from __future__ import annotations

from collections.abc import Sequence

from atpub.generated.science.alt.dataset import entry, storage_http
from atpub.problems import Problem
from atpub.storage.interface import Endpoint, LocatedShards, Location, StoredShard, UrlStorage, shard_checksum
from atpub.storage.urls import is_plain, split_url


class HttpStorage(UrlStorage):
    """The storage of shards on web servers."""

    name = "http"
    nsid = storage_http.NSID

    def owns(self, scheme: str) -> bool:
        """Own http:// and https://."""
        return scheme in ("http", "https")

    def parse(self, url: str) -> Location | Problem:
        """Return the location of a shard; the URL is kept as it is written."""
        if is_plain(url):
            return Location(self.name, url)
        parts = split_url(url, is_http=True)
        if isinstance(parts, Problem):
            return parts
        if parts.path in ("", "/") and not parts.query:
            return Problem("url-path", f"{url} names a server, not a shard on it")
        return Location(self.name, url)

    def build(self, shards: LocatedShards, endpoint: Endpoint) -> entry.EntryStorage:
        """Return a storageHttp object."""
        return storage_http.StorageHttp(
            shards=[
                storage_http.ShardEntry(url=location.url, checksum=shard_checksum(digest))
                for location, digest in shards
            ]
        )

    def read(self, storage: entry.EntryStorage) -> Sequence[StoredShard]:
        """Return the shards of a storageHttp object."""
        assert isinstance(storage, storage_http.StorageHttp)
        return [StoredShard(shard.url, shard.checksum) for shard in storage.shards]

    def http_url(self, location: Location, endpoint: Endpoint) -> str | None:
        """Return the URL itself."""
        return location.url
