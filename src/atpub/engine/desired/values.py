"""The value of an entry's record: the manifest's fields, the facts of its data, and its references.

An entry's own fields have the names that its lexicon gives them; `createdAt` stays out where they do not give it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from atpub.atproto.data import Blob, JsonObject
from atpub.atproto.runtime import member_json
from atpub.atproto.syntax import AtUri
from atpub.engine.desired.model import BlobFile
from atpub.engine.desired.placeholders import Filled, Filler
from atpub.generated.science.alt.dataset import entry
from atpub.manifest.atdata_shape import sample_schema_json
from atpub.manifest.fields import DRAFT
from atpub.manifest.kinds import collection_of
from atpub.manifest.model import (
    DatasetEntry,
    Entry,
    LabelEntry,
    LensEntry,
    LexiconEntry,
    RecordEntry,
    SchemaEntry,
    SchemaRef,
    Shards,
    UrlShards,
)
from atpub.manifest.schema import SIZE
from atpub.shards.facts import LocalShards
from atpub.shards.remote import RemoteShards
from atpub.storage.interface import NO_ENDPOINT
from atpub.storage.registry import FILES, build_storage


@dataclass(frozen=True, slots=True)
class Values:
    """The builder of each record's value; it notes the results of placeholders in `filled`."""

    filler: Filler

    def of(self, item: Entry, shards: LocalShards | RemoteShards | None, filled: Filled) -> JsonObject:
        """Return the value of an entry's record, with its `$type`; a dataset has `shards`."""
        return {"$type": collection_of(item), **self._content(item, shards, filled)}

    def _content(self, item: Entry, shards: LocalShards | RemoteShards | None, filled: Filled) -> JsonObject:
        match item:
            case SchemaEntry():
                own = self.filler.fill_object(item.fields, filled)
                return {"name": item.name, "version": item.version, **own, **_sample_schema(item)}
            case DatasetEntry():
                assert shards is not None, item.common.address
                return {**self.filler.fill_object(item.fields, filled), **self._dataset(item, shards, filled)}
            case LabelEntry():
                own = self.filler.fill_object(item.fields, filled)
                return {**own, "datasetUri": self._uri(item.dataset, filled)}
            case LensEntry():
                return {**self.filler.fill_object(item.fields, filled), **self._lens(item, filled)}
            case LexiconEntry():
                return item.document
            case RecordEntry():
                return self.filler.fill_object(item.value, filled)
            case _:
                assert_never(item)

    def _dataset(self, item: DatasetEntry, shards: LocalShards | RemoteShards, filled: Filled) -> JsonObject:
        made: JsonObject = {
            "schemaRef": self._uri(item.schema, filled),
            "storage": member_json(_storage(shards, item.shards, filled)),
        }
        if item.metadata is not None:
            made["contentMetadata"] = self.filler.fill_object(item.metadata, filled, ("contentMetadata",))
        if item.metadata_schema is not None:
            made["metadataSchemaRef"] = self._uri(item.metadata_schema, filled)
        if stated := {**(item.size or {}), **measured_size(shards)}:
            made[SIZE] = stated
        return made

    def _lens(self, item: LensEntry, filled: Filled) -> JsonObject:
        return {
            "sourceSchema": self._uri(item.source, filled),
            "targetSchema": self._uri(item.target, filled),
            "getterCode": item.getter,
            "putterCode": item.putter,
        }

    def _uri(self, reference: SchemaRef, filled: Filled) -> str:
        if isinstance(reference, AtUri):
            return str(reference)
        return self.filler.refer(str(reference), filled) or str(AtUri(self.filler.did))


def _storage(shards: LocalShards | RemoteShards, asked: Shards, filled: Filled) -> entry.EntryStorage:
    """Return the storage object of an entry; note its blobs in `filled`."""
    if isinstance(shards, RemoteShards):
        return build_storage(shards.shards, asked.endpoint if isinstance(asked, UrlShards) else NO_ENDPOINT)
    blobs = [Blob(facts.cid, facts.mime_type, facts.size) for _, facts in shards.files]
    for index, ((path, _), blob) in enumerate(zip(shards.files, blobs, strict=True)):
        steps = (entry.Entry.WIRE["storage"], *FILES.blob_steps(index))
        filled.blobs.append(BlobFile(steps, blob, path, sniffed=False, target=shards.links.get(path)))
    return FILES.build(blobs)


def measured_size(shards: LocalShards | RemoteShards) -> JsonObject:
    """Return the amount of data as a record's `size`, as far as it is known."""
    if isinstance(shards, RemoteShards):
        if not shards:
            return {}
        return entry.DatasetSize(samples=shards.samples, bytes=shards.size, shards=len(shards)).to_json()
    facts = [found for _, found in shards.files]
    counts = [found.samples for found in facts if found.samples is not None]
    return entry.DatasetSize(
        samples=sum(counts) if len(counts) == len(facts) else None,
        bytes=sum(found.size for found in facts),
        shards=len(facts) or None,
    ).to_json()


def _sample_schema(item: SchemaEntry) -> JsonObject:
    content = {"$schema": DRAFT, **item.content}
    return {"schemaType": "jsonSchema", "schema": sample_schema_json(content), "atdataSchemaVersion": 1}
