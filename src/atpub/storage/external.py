"""Shards at URLs of any other scheme, such as gs://: a list of URLs, without checksums."""

from __future__ import annotations

from collections.abc import Sequence

from atpub.atproto.data import Json
from atpub.atproto.runtime import UnknownMember, member_json
from atpub.generated.science.alt.dataset import entry, storage_external
from atpub.problems import Problem
from atpub.storage.interface import Endpoint, LocatedShards, Location, StoredShard, UrlStorage
from atpub.storage.urls import check_scheme, split_url


class ExternalStorage(UrlStorage):
    """The storage of shards at URLs that no other kind owns."""

    name = "external"
    nsid = storage_external.NSID
    has_checksums = False

    def owns(self, scheme: str) -> bool:
        """Own every scheme: the registry asks this kind last."""
        return True

    def parse(self, url: str) -> Location | Problem:
        """Return the location of a shard; the URL is kept as it is written."""
        parts = split_url(url, is_http=False)
        if isinstance(parts, Problem):
            return parts
        return check_scheme(parts.scheme) or Location(self.name, url)

    def build(self, shards: LocatedShards, endpoint: Endpoint) -> entry.EntryStorage:
        """Return a storageExternal object, which the open union of an entry's storages does not name."""
        urls = [location.url for location, _ in shards]
        return UnknownMember(member_json(storage_external.StorageExternal(urls=urls)))

    def read(self, storage: entry.EntryStorage) -> Sequence[StoredShard]:
        """Return the shards of a storage object with a list of `urls`; none where it has no such list."""
        assert isinstance(storage, UnknownMember)
        urls: Json = storage.raw.get("urls")
        return [StoredShard(str(url)) for url in urls] if isinstance(urls, list) else []
