"""The parts of a record that facts about data make: storage, size, array formats."""

from __future__ import annotations

import re

from atpub.atproto.data import Blob, Json
from atpub.atproto.runtime import UnknownMember, member_json
from atpub.engine.desired.model import BlobFile, Steps
from atpub.engine.desired.placeholders import Filled
from atpub.generated.science.alt.dataset import (
    array_format,
    entry,
    storage_blobs,
    storage_external,
    storage_http,
    storage_s3,
)
from atpub.manifest.model import Shards, UrlShards
from atpub.shards.facts import LocalShards, RemoteShards
from atpub.shards.urls import S3, Http

_ARRAY_FORMAT = re.compile(r"/atdata-([a-z-]+)/(\d+\.\d+\.\d+)(?=[/#]|$)")


def storage(shards: LocalShards | RemoteShards, asked: Shards, filled: Filled) -> entry.EntryStorage:
    """Where the shards are, as the entry record says it; blobs are noted in `filled`."""
    if isinstance(shards, LocalShards):
        return _blob_storage(shards, filled)
    kinds = {type(url) for url, _ in shards.shards}
    if kinds <= {Http}:
        return storage_http.StorageHttp(
            shards=[
                storage_http.ShardEntry(url=url.url, checksum=_checksum(digest))
                for url, digest in shards.shards
                if isinstance(url, Http)
            ]
        )
    s3 = [(url, digest) for url, digest in shards.shards if isinstance(url, S3)]
    if s3:
        options = asked if isinstance(asked, UrlShards) else None
        return storage_s3.StorageS3(
            bucket=s3[0][0].bucket,
            region=options.region if options else None,
            endpoint=options.endpoint if options else None,
            shards=[storage_s3.ShardEntry(key=url.key, checksum=_checksum(digest)) for url, digest in s3],
        )
    urls = [url.url for url, _ in shards.shards if not isinstance(url, S3)]
    return _external(urls)


def _external(urls: list[str]) -> entry.EntryStorage:
    # The union of an entry's storages is open, and does not name this one any more.
    return UnknownMember(member_json(storage_external.StorageExternal(urls=urls)))


def _blob_storage(shards: LocalShards, filled: Filled) -> storage_blobs.StorageBlobs:
    entries: list[storage_blobs.BlobEntry] = []
    for index, (path, facts) in enumerate(shards.files):
        blob = Blob(facts.cid, facts.mime_type, facts.size)
        filled.blobs.append(BlobFile(_blob_steps(index), blob, path, sniffed=False))
        entries.append(storage_blobs.BlobEntry(blob=blob))
    return storage_blobs.StorageBlobs(blobs=entries)


def _blob_steps(index: int) -> Steps:
    blobs = storage_blobs.StorageBlobs.WIRE["blobs"]
    return (entry.Entry.WIRE["storage"], blobs, index, storage_blobs.BlobEntry.WIRE["blob"])


def _checksum(digest: str | None) -> entry.ShardChecksum:
    if digest is None:
        return entry.ShardChecksum(algorithm="none", digest="")
    return entry.ShardChecksum(algorithm="sha256", digest=digest)


def dataset_size(shards: LocalShards | RemoteShards) -> entry.DatasetSize | None:
    """How much data there is, as far as it is known."""
    if isinstance(shards, RemoteShards):
        return entry.DatasetSize(shards=len(shards.shards)) if shards.shards else None
    facts = [found for _, found in shards.files]
    counts = [found.samples for found in facts if found.samples is not None]
    return entry.DatasetSize(
        samples=sum(counts) if len(counts) == len(facts) else None,
        bytes=sum(found.size for found in facts),
        shards=len(facts) or None,
    )


def array_formats(content: Json) -> dict[str, Json]:
    """The versions of the array formats that a JSON Schema refers to, by the names that readers know them by."""
    known = {
        token.partition("#")[2] for token in vars(array_format).values() if isinstance(token, str) and "#" in token
    }
    found: dict[str, Json] = {}
    stack = [content]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
            reference = value.get("$ref")
            match = _ARRAY_FORMAT.search(reference) if isinstance(reference, str) else None
            if match:
                head, *tail = match[1].split("-")
                name = head + "".join(part.capitalize() for part in tail)
                if name in known:
                    found[name] = match[2]
        elif isinstance(value, list):
            stack.extend(value)
    return found
