"""What is known of a local file that becomes a blob, and where its bytes are."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from io import BufferedReader, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from atpub.atproto.syntax import RAW, Cid
from atpub.errors import BlobRejected
from atpub.problems import Problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from atpub.shards.notes import Note
    from atpub.shards.sample_types import SampleTypes


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a record says of a file: size in bytes, hexadecimal SHA-256, MIME type; samples, where they were counted.

    `notes` name the members of a shard that readers take otherwise than they are meant; `first` is its first sample,
    and `others` are the samples after it that the filter of the measuring accepted.
    """

    size: int
    sha256: str
    samples: int | None
    mime_type: str = "application/x-tar"
    notes: tuple[Note, ...] = ()
    first: SampleTypes | None = field(default=None, compare=False)
    others: tuple[SampleTypes, ...] = field(default=(), compare=False)

    @property
    def samples_looked_at(self) -> tuple[SampleTypes, ...]:
        """The first sample, if it is known, and the others."""
        return (*([self.first] if self.first else ()), *self.others)

    @property
    def cid(self) -> Cid:
        """The CID that a PDS gives the file as a blob."""
        return Cid.of_digest(bytes.fromhex(self.sha256), RAW)


Measured: TypeAlias = FileFacts | Problem


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file as a blob to upload, of the size that it was measured to have."""

    path: Path
    size: int

    def open(self) -> BinaryIO:
        """Open a new stream at the file's start.

        Raises BlobRejected where the file has another size now; that, and each read, also where it cannot be read.
        """
        try:
            stream = BufferedReader(_Shard(self.path))
        except OSError as error:
            raise _unreadable(self.path, error) from None
        size = os.fstat(stream.fileno()).st_size
        if size != self.size:
            stream.close()
            raise BlobRejected(f"{self.path} has changed: {size:,} bytes, not {self.size:,}", hint="run plan again")
        return stream


class _Shard(FileIO):
    """A file that says which it is when reading it fails: a disk may break off, or a network's go away."""

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise _unreadable(self.name, error) from None


def _unreadable(file: object, error: OSError) -> BlobRejected:
    hint = "check the file and its disk, then run it again"
    return BlobRejected(f"{file} cannot be read: {error.strerror or error}", hint=hint)
