"""DatasetPublisher: datasets at URLs or in blobs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ParamSpec, overload

from atpub.atmosphere.arguments import Call, fields, is_mapping
from atpub.atmosphere.blobs import TAR, BlobInput, measure_blobs
from atpub.atmosphere.publisher_base import IF_EXISTS, Publisher, schema_entry
from atpub.atmosphere.ready_plan import ReadyPlan
from atpub.atmosphere.shardlists import Checksums, DatasetLike, given_checksums, urls_of, with_digests
from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri
from atpub.desired import gather_stated
from atpub.engine.plan.publication import IfExists
from atpub.errors import Usage
from atpub.generated.science.alt.dataset import entry
from atpub.manifest.model import (
    DatasetEntry,
    Entry,
    FileShards,
    SchemaRef,
    Shards,
    UrlShards,
)
from atpub.shards.facts import Facts
from atpub.shards.remote import RemoteShards
from atpub.storage.interface import Endpoint

P = ParamSpec("P")


class DatasetPublisher(Publisher):
    """Publishes datasets: where their shards are, and what a search page shows of them.

    Without an `rkey`, the identity of a dataset is its `name`, or `id` where that is given: publishing it again changes
    the record, if it is another one at all. A manifest's entry with the same `id` is the same record. With
    `if_exists="skip"` a record that is there stays as it is, with "error" it is a RecordConflict.

    A record holds about 5,000 shards. With `parts`, a dataset of more shards than that number is published as several
    records, each with so many of them; it stays one dataset, whose URI is that of the first part.
    """

    def publish(
        self,
        dataset: DatasetLike,
        *,
        name: str,
        schema_uri: str | AtUri | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
        license: str | None = None,
        auto_publish_schema: bool = True,
        schema_version: str = "1.0.0",
        rkey: str | None = None,
        id: str | None = None,
        checksums: Checksums = None,
        region: str | None = None,
        endpoint: str | None = None,
        parts: int | None = None,
        if_exists: IfExists = "update",
    ) -> AtUri:
        """Publish a dataset, with its schema unless `schema_uri` is given; return its URI.

        The dataset lists its shards (`url` or `list_shards()`) and knows its `sample_type`; its `metadata` and
        `content_metadata` become the record's contentMetadata. For checksums, see `publish_with_urls`. Raises
        InvalidArgument (a ValueError) where there is neither a schema nor leave to publish one.
        """
        call = Call("publish", self.client.did)
        metadata = {**_metadata(call, dataset, "metadata"), **_metadata(call, dataset, "content_metadata")}
        made: list[Entry] = []
        if schema_uri is not None:
            referred: SchemaRef = call.uri("schema_uri", schema_uri)
        elif auto_publish_schema:
            found = schema_entry(call, _sample_type(call, dataset), None, schema_version, {})
            made.append(found)
            referred = found.common.address
        else:
            raise call.refuse("schema_uri", "it is needed where auto_publish_schema is False")
        shards = UrlShards(urls_of(call, dataset), given_checksums(call, checksums), Endpoint(region, endpoint))
        own = fields(name=call.text("name", name), description=description, tags=_tags(call, tags), license=license)
        about = self._dataset(call, referred, shards, own, id, rkey, metadata or None, parts=parts)
        return self._publish_urls(call, [*made, about], shards, checksums, if_exists)

    def publish_with_urls(
        self,
        urls: Sequence[str],
        schema_uri: str | AtUri,
        *,
        name: str,
        description: str | None = None,
        tags: Sequence[str] | None = None,
        license: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        rkey: str | None = None,
        id: str | None = None,
        metadata_schema_uri: str | AtUri | None = None,
        checksums: Checksums = None,
        region: str | None = None,
        endpoint: str | None = None,
        parts: int | None = None,
        if_exists: IfExists = "update",
    ) -> AtUri:
        """Publish a dataset whose shards are at URLs; return its URI.

        `urls` use brace notation: http(s), s3 (with `region` or `endpoint`, for its readers) and other schemes.
        `checksums` is a mapping from URL or file name to SHA-256, or the path of a file that sha256sum wrote. Without,
        they come from `atpub.lock` in the current folder, else from what the store itself states (HEAD); those not
        found are recorded as `none`, with a warning. "fetch" reads each shard whose store states none; "none" records
        none and does not warn. Raises InvalidArgument, Refused where another project owns the record, RecordConflict
        with `if_exists="error"`, and Unavailable where a shard that is to be read cannot be.
        """
        call = Call("publish_with_urls", self.client.did)
        patterns = (urls,) if isinstance(urls, str) else tuple(urls)
        if not patterns:
            raise call.refuse("urls", "it is empty: a dataset has at least one shard")
        given = tuple(call.text("urls", url) for url in patterns)
        shards = UrlShards(given, given_checksums(call, checksums), Endpoint(region, endpoint))
        own = fields(name=call.text("name", name), description=description, tags=_tags(call, tags), license=license)
        referred = call.uri("schema_uri", schema_uri)
        about = None if metadata_schema_uri is None else call.uri("metadata_schema_uri", metadata_schema_uri)
        made = self._dataset(call, referred, shards, own, id, rkey, call.json("metadata", metadata), about, parts)
        return self._publish_urls(call, [made], shards, checksums, if_exists)

    def publish_with_blobs(
        self,
        blobs: Sequence[BlobInput],
        schema_uri: str | AtUri,
        *,
        name: str,
        description: str | None = None,
        tags: Sequence[str] | None = None,
        license: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        mime_type: str = TAR,
        rkey: str | None = None,
        id: str | None = None,
        metadata_schema_uri: str | AtUri | None = None,
        parts: int | None = None,
        if_exists: IfExists = "update",
    ) -> AtUri:
        """Upload shards as blobs, and publish their dataset; return its URI.

        Each shard is bytes, a path (a str is one, too) or an open binary file: an uncompressed tar of at most
        52,428,800 bytes, else InvalidArgument before anything is sent. `mime_type` is what they are sent as; servers
        look at the bytes, and the record says what they find: application/x-tar. Raises InvalidArgument, Refused where
        another project owns the record, RecordConflict with `if_exists="error"`, and BlobRejected.
        """
        call = Call("publish_with_blobs", self.client.did)
        own = fields(name=call.text("name", name), description=description, tags=_tags(call, tags), license=license)
        referred = call.uri("schema_uri", schema_uri)
        about = None if metadata_schema_uri is None else call.uri("metadata_schema_uri", metadata_schema_uri)
        made = self._dataset(
            call, referred, FileShards(()), own, id, rkey, call.json("metadata", metadata), about, parts
        )
        if not isinstance(blobs, list | tuple) or not blobs:
            found = f"{blobs!r}" if isinstance(blobs, list | tuple) else type(blobs).__name__
            raise call.refuse("blobs", f"expected a list of shards, found {found}", "give [shard, …]")
        call.choice("if_exists", if_exists, IF_EXISTS)
        given = measure_blobs(blobs, call.text("mime_type", mime_type), self._on_event)
        facts = Facts({made.common.address: given.shards}, {}, given.problems)
        mime_types = dict.fromkeys(given.sources, mime_type)
        return self._post(call, [made], facts, if_exists=if_exists, sources=given.sources, mime_types=mime_types)

    @overload
    def plan(self, publish: Callable[P, AtUri], /, *args: P.args, **named: P.kwargs) -> ReadyPlan: ...
    @overload
    def plan(self, dataset: DatasetLike, /, *, name: str, **named: Any) -> ReadyPlan: ...
    def plan(self, what: Any, /, *args: Any, **named: Any) -> ReadyPlan:
        """Plan a publish; writes nothing.

        Takes what `publish` takes; or, first, one of the other methods: `plan(publisher.publish_with_urls, urls, …)`.
        """
        if inspect.ismethod(what):
            return super().plan(what, *args, **named)
        return super().plan(self.publish, what, *args, **named)

    def _dataset(
        self,
        call: Call,
        referred: SchemaRef,
        shards: Shards,
        own: JsonObject,
        id: str | None,
        rkey: str | None,
        metadata: JsonObject | None,
        about: AtUri | None = None,
        parts: int | None = None,
    ) -> DatasetEntry:
        identity = str(own["name"]) if id is None else call.text("id", id)
        common = call.common("datasets", entry.NSID, identity, rkey)
        number = None if parts is None else call.count("parts", parts)
        return DatasetEntry(common, referred, shards, own, metadata, about, parts=number)

    def _publish_urls(
        self, call: Call, entries: Sequence[Entry], shards: UrlShards, checksums: Checksums, if_exists: IfExists
    ) -> AtUri:
        call.choice("if_exists", if_exists, IF_EXISTS)
        manifest = call.manifest(entries)
        facts = gather_stated(manifest)
        address = entries[-1].common.address
        remote = facts.shards.get(address)
        if not (isinstance(remote, RemoteShards) and all(digest for _, digest in remote.shards)):
            call.desired(manifest, facts)  # all else must be right before a store is asked
            assert isinstance(remote, RemoteShards)
            known = with_digests(call, remote, shards.endpoint, checksums, self._on_event)
            facts = replace(facts, shards={address: known})
        return self._post(call, entries, facts, if_exists=if_exists)


def _metadata(call: Call, dataset: object, name: str) -> JsonObject:
    found = getattr(dataset, name, None)
    return (call.json("dataset", found) or {}) if is_mapping(found) else {}


def _sample_type(call: Call, dataset: object) -> type[object]:
    try:
        found = getattr(dataset, "sample_type", None)
    except Usage:  # a Dataset of ours that was not told
        found = None
    if isinstance(found, type):
        return found
    hint = "give atpub.Dataset[MySample](url), or the schema_uri of a published schema"
    raise call.refuse("dataset", f"{type(dataset).__name__} does not know its sample_type", hint)


def _tags(call: Call, tags: Sequence[str] | None) -> list[Any] | None:
    if tags is None:
        return None
    if isinstance(tags, str):
        raise call.refuse("tags", "expected a list of str, found a str", f"give [{tags!r}]")
    return list(tags)
