"""A made-up kind of storage: files of a repository on a hub, at `hub://owner/repository/file`."""

from __future__ import annotations

from collections.abc import Sequence

from atpub.atproto.data import Json
from atpub.atproto.runtime import UnknownMember
from atpub.generated.science.alt.dataset import entry
from atpub.problems import Problem
from atpub.storage.interface import Endpoint, LocatedShards, Location, StoredShard, UrlStorage, shard_checksum
from atpub.storage.urls import no_host


class HubStorage(UrlStorage):
    """The storage of shards on the hub."""

    name = "hub"
    nsid = "org.test.storageHub"

    def owns(self, scheme: str) -> bool:
        return scheme == "hub"

    def parse(self, url: str) -> Location | Problem:
        owner, repository, file = [*url.removeprefix("hub://").split("/", 2), "", ""][:3]
        return Location(self.name, url) if owner and repository and file else no_host(url)

    def build(self, shards: LocatedShards, endpoint: Endpoint) -> entry.EntryStorage:
        listed: list[Json] = [
            {"file": location.url.removeprefix("hub://"), "checksum": shard_checksum(digest).to_json()}
            for location, digest in shards
        ]
        return UnknownMember({"$type": self.nsid, "files": listed})

    def read(self, storage: entry.EntryStorage) -> Sequence[StoredShard]:
        assert isinstance(storage, UnknownMember)
        found: list[StoredShard] = []
        files: Json = storage.raw["files"]
        for item in files if isinstance(files, list) else []:
            assert isinstance(item, dict)
            url, checksum = f"hub://{item['file']}", entry.ShardChecksum.from_json(item["checksum"])
            found.append(StoredShard(url, checksum, _web(url)))
        return found

    def http_url(self, location: Location, endpoint: Endpoint) -> str | None:
        return _web(location.url)


def _web(url: str) -> str:
    return f"https://hub.example/{url.removeprefix('hub://')}"
