"""Shards in local files, published as blobs of the account."""

from __future__ import annotations

from collections.abc import Sequence

from atpub.atproto.data import Blob
from atpub.generated.science.alt.dataset import entry, storage_blobs
from atpub.shards.measure import FileFacts
from atpub.storage.interface import FileStorage


class BlobStorage(FileStorage):
    """The storage of shards as blobs."""

    name = "blobs"
    nsid = storage_blobs.NSID

    def build(self, files: Sequence[FileFacts]) -> entry.EntryStorage:
        """Return a storageBlobs object."""
        blobs = [Blob(facts.cid, facts.mime_type, facts.size) for facts in files]
        return storage_blobs.StorageBlobs(blobs=[storage_blobs.BlobEntry(blob=blob) for blob in blobs])

    def blob_steps(self, index: int) -> tuple[str | int, ...]:
        """Return the path of the blob of the entry at an index."""
        return (storage_blobs.StorageBlobs.WIRE["blobs"], index, storage_blobs.BlobEntry.WIRE["blob"])

    def read(self, storage: entry.EntryStorage) -> Sequence[storage_blobs.BlobEntry]:
        """Return the entries of a storageBlobs object."""
        assert isinstance(storage, storage_blobs.StorageBlobs)
        return storage.blobs
