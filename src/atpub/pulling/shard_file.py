"""A shard as a file to read: verified at the end of a sequential read; who seeks back reads a verified copy."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO, Final

from atpub.pulling.download import Download, new_client
from atpub.pulling.entries import PublishedDataset, PublishedShard
from atpub.pulling.run import pull_dataset
from atpub.pulling.save import open_shard, wrong_bytes

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER: Final = 1 << 18
"""The bytes that are read at once, and skipped rather than asked for."""
_TAIL: Final = 4096
"""The bytes that stay at hand behind the position: readers of archives take small steps back."""


@dataclass(frozen=True, slots=True)
class ShardSource:
    """A shard of a dataset, and how it is opened."""

    dataset: PublishedDataset
    shard: PublishedShard

    def open(self, *, verify: bool = True) -> io.BufferedReader:
        """Open the shard to read.

        With `verify`, reading on to the end compares the checksum, and the first seek back saves the shard to a
        temporary file that is verified whole before a byte of it is read. Without, seeking asks for a range of bytes.
        Reading raises Unavailable for other bytes than the checksum says, and for a source that gives no answer.
        """
        return io.BufferedReader(_ShardReader(self, verify=verify), BUFFER)

    def stated_size(self) -> int | None:
        """Return the number of bytes, of the record or else of the server; None where neither states it."""
        if self.shard.size is not None:
            return self.shard.size
        with self.stream(0) as found:
            return found.total

    def stream(self, start: int) -> _Stream:
        """Return the bytes from a position on, or from the start where the source has no ranges."""
        return _Stream(self, start)

    def save(self, folder: Path) -> Path:
        """Save the shard in a folder, verified as `pull_dataset` does; raises what that reports."""
        pulled = pull_dataset(replace(self.dataset, shards=[self.shard]), folder)
        if pulled.error:
            raise pulled.error
        return pulled.files[0]


class _Stream(AbstractContextManager["_Stream"]):
    """An open download, and the position of its next byte."""

    def __init__(self, source: ShardSource, start: int) -> None:
        self._stack = ExitStack()
        try:
            client = self._stack.enter_context(new_client())
            opened = open_shard(client, source.dataset.repository, source.shard, start)
            found: Download = self._stack.enter_context(opened)
        except BaseException:
            self._stack.close()
            raise
        self.position = found.start
        self.total = found.total
        self._chunks: Iterator[bytes] = iter(found.chunks)
        self._left = memoryview(b"")

    def read(self, most: int) -> memoryview:
        """Return some bytes, at most so many; none at the end."""
        if not self._left:
            self._left = memoryview(next(self._chunks, b""))
        taken, self._left = self._left[:most], self._left[most:]
        self.position += len(taken)
        return taken

    def __exit__(self, *_: object) -> None:
        self._stack.close()


class _ShardReader(io.RawIOBase):
    """The bytes of a shard: streamed while they are read in order, else from a copy or by ranges."""

    def __init__(self, source: ShardSource, *, verify: bool) -> None:
        self._source = source
        self._verify = verify
        self._stack = ExitStack()
        self._stream: _Stream | None = None
        self._digest = sha256()
        self._tail = b""
        self._size: int | None = None
        self._copy: BinaryIO | None = None
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position; forward, the bytes between are read when the next ones are."""
        match whence:
            case io.SEEK_SET:
                position = offset
            case io.SEEK_CUR:
                position = self._position + offset
            case _:
                position = self._end() + offset
        if position < 0:
            raise ValueError(f"{position} is before the start of the file")
        self._position = position
        return position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into a buffer; return how many bytes that were."""
        view = memoryview(buffer).cast("B")
        found = self._read(len(view))
        view[: len(found)] = found
        self._position += len(found)
        return len(found)

    def _read(self, most: int) -> bytes | memoryview:
        back = self._stream.position - self._position if self._stream else 0
        if self._verify and self._copy is None and back > len(self._tail):
            self._make_copy()
        if self._copy is not None:
            self._copy.seek(self._position)
            return self._copy.read(most)
        if 0 < back <= len(self._tail):
            return self._tail[-back:][:most]
        if self._size is not None and self._position >= self._size:
            return b""
        return self._read_stream(self._stream_before(self._position), most)

    def _read_stream(self, stream: _Stream, most: int) -> memoryview:
        while ahead := self._position - stream.position:
            if not self._advance(stream, min(ahead, BUFFER)):
                return memoryview(b"")
        return self._advance(stream, most)

    def _stream_before(self, position: int) -> _Stream:
        """Return the open stream, or without verification one that starts nearer to the position."""
        ahead = position - self._stream.position if self._stream else 0
        if self._stream is None or (not self._verify and not 0 <= ahead <= BUFFER):
            self._stack.close()
            self._tail = b""
            self._stream = self._stack.enter_context(self._source.stream(0 if self._verify else position))
        return self._stream

    def _advance(self, stream: _Stream, most: int) -> memoryview:
        """Read some bytes; raises Unavailable where they end and are not what the checksum says."""
        found = stream.read(most)
        self._tail = (self._tail + found[-_TAIL:])[-_TAIL:]
        if self._verify:
            self._digest.update(found)
            if not found and self._source.shard.sha256 not in (None, self._digest.hexdigest()):
                raise wrong_bytes(self._source.shard)
        return found

    def _end(self) -> int:
        if self._verify and self._copy is None:
            self._make_copy()
        if self._copy is not None:
            return self._copy.seek(0, io.SEEK_END)
        self._size = self._source.stated_size() if self._size is None else self._size
        if self._size is None:
            raise io.UnsupportedOperation(f"the server does not state the size of {self._source.shard.name}")
        return self._size

    def _make_copy(self) -> None:
        self._stack.close()
        folder = self._stack.enter_context(TemporaryDirectory(prefix="atpub-", ignore_cleanup_errors=True))
        self._copy = self._stack.enter_context(self._source.save(Path(folder)).open("rb"))

    def close(self) -> None:
        """Close connections, and remove the copy."""
        self._stack.close()
        super().close()
