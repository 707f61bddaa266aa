"""Shards in local files, published as blobs of the account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from atpub.atproto.data import Blob, Json, JsonObject
from atpub.generated.science.alt.dataset import entry, storage_blobs
from atpub.storage.interface import TEXTS, FileStorage, texts

LARGEST_SHARD: Final = 52_428_800
"""The most bytes of a shard, as the lexicon of storageBlobs limits them."""


class BlobStorage(FileStorage):
    """The storage of shards as blobs."""

    name = "blobs"
    nsid = storage_blobs.NSID
    key = "blobs"
    schema: ClassVar[JsonObject] = {
        "description": "Tar files to publish as blobs: a path or glob, a list of them, or a map.",
        "anyOf": [
            *TEXTS,
            {
                "type": "object",
                "properties": {"files": {"anyOf": [*TEXTS]}},
                "required": ["files"],
                "additionalProperties": False,
            },
        ],
        "examples": ["data/digits-*.tar"],
    }

    def patterns(self, given: Json) -> tuple[str, ...]:
        """Return the paths and globs of `blobs:`, or of the `files:` in it."""
        return texts(given["files"] if isinstance(given, dict) else given)

    def build(self, blobs: Sequence[Blob]) -> entry.EntryStorage:
        """Return a storageBlobs object."""
        return storage_blobs.StorageBlobs(blobs=[storage_blobs.BlobEntry(blob=blob) for blob in blobs])

    def blob_steps(self, index: int) -> tuple[str | int, ...]:
        """Return the path of the blob of the entry at an index."""
        return (storage_blobs.StorageBlobs.WIRE["blobs"], index, storage_blobs.BlobEntry.WIRE["blob"])

    def read(self, storage: entry.EntryStorage) -> Sequence[storage_blobs.BlobEntry]:
        """Return the entries of a storageBlobs object."""
        assert isinstance(storage, storage_blobs.StorageBlobs)
        return storage.blobs
