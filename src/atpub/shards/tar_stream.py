"""The members of a tar archive that comes in chunks: each is read once, in bounded memory, and none is unpacked."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from io import RawIOBase
from typing import IO, TYPE_CHECKING, Final, NamedTuple, cast

from atpub.shards.headers import BLOCK, plain_members
from atpub.shards.tar_headers import NONSENSE, BoundedTarInfo

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class File(NamedTuple):
    """A member's name and bytes; None for links, folders and devices."""

    name: str
    data: bytes | None
    is_link: bool = False


LARGEST_FILE: Final = 1 << 31
_LARGEST_SPARSE: Final = 1 << 26  # a few bytes of a tar may stand for any number of zeros
_LONGEST_HEADERS: Final = 1 << 22


def read_members(chunks: Iterator[bytes], on_chunk: Callable[[bytes], object]) -> Iterator[File]:
    """Yield the members of a tar archive, and read the chunks after its end, too.

    `on_chunk` is called with each chunk. Raises tarfile.TarError where the archive is damaged, or has a file that is
    too large.
    """
    stream = ChunkStream(chunks, on_chunk)
    yield from _plain_files(stream)
    rest = stream.rest()
    start = rest.peek(BLOCK)
    if start.strip(b"\0") or not rest.has_started:
        try:
            yield from _intricate_files(rest)
        except NONSENSE as error:
            raise tarfile.ReadError(str(error)) from None
    rest.drain()


def _plain_files(stream: ChunkStream) -> Iterator[File]:
    for member in plain_members(stream, directories=True):
        if member.start is None or member.is_link:
            yield File(member.name, None, is_link=member.is_link)
            continue
        _require_size(member.name, member.size, LARGEST_FILE)
        data = stream.read(member.size)
        if len(data) < member.size:
            raise tarfile.ReadError("unexpected end of data")
        yield File(member.name, data)
    if stream.is_cut_off:
        raise tarfile.ReadError("unexpected end of data")


def _intricate_files(rest: _Rest) -> Iterator[File]:
    """Yield the members of dialects that only `tarfile` knows."""
    rest.left = _LONGEST_HEADERS
    with tarfile.open(fileobj=cast("IO[bytes]", rest), mode="r|", tarinfo=BoundedTarInfo) as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # it would grow with every member
            rest.left = member.size + _LONGEST_HEADERS
            if not member.isreg():
                yield File(member.name, None, is_link=member.issym() or member.islnk())
                continue
            _require_size(member.name, member.size, _LARGEST_SPARSE if member.issparse() else LARGEST_FILE)
            file = archive.extractfile(member)
            assert file is not None
            yield File(member.name, file.read())
            rest.left = _LONGEST_HEADERS


def _require_size(name: str, size: int, most: int) -> None:
    if size > most:
        raise tarfile.ReadError(f"{name!r} has {size:,} bytes, and {most:,} is the most that is read")


class ChunkStream:
    """Chunks as a stream that moves forward; what was read since the last move can be read again as the `rest`."""

    def __init__(self, chunks: Iterator[bytes], on_chunk: Callable[[bytes], object]) -> None:
        self._chunks = chunks
        self._on_chunk = on_chunk
        self._chunk = b""
        self._at = 0  # in the chunk
        self._position = 0
        self.is_cut_off = False
        self._since_move: list[bytes] = []

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move forward."""
        assert whence == 0
        assert offset >= self._position
        count = offset - self._position
        if count <= len(self._chunk) - self._at:  # nearly always
            self._at += count
        else:
            count -= len(self._chunk) - self._at
            self._chunk, self._at = b"", 0
            while count > 0 and self._advance():
                self._at = min(count, len(self._chunk))
                count -= self._at
            self.is_cut_off = count > 0
        self._position = offset
        self._since_move = []
        return offset

    def read(self, count: int, /) -> bytes:
        """Return so many bytes, fewer at the end only."""
        end = self._at + count
        if end <= len(self._chunk):
            data = self._chunk[self._at : end]
            self._at = end
        else:
            data = b"".join(self._pieces(count))
        self._position += len(data)
        self._since_move.append(data)
        return data

    def _pieces(self, count: int) -> Iterator[bytes]:
        while count:
            piece = self._chunk[self._at : self._at + count]
            self._at += len(piece)
            count -= len(piece)
            yield piece
            if count and not self._advance():
                return

    def _advance(self) -> bool:
        self._chunk, self._at = next(self._chunks, b""), 0
        self._on_chunk(self._chunk)
        return bool(self._chunk)

    def rest(self) -> _Rest:
        """Return what follows the last move."""
        is_start = not self._position - sum(map(len, self._since_move))
        start = b"".join((*self._since_move, self._chunk[self._at :]))
        return _Rest(start, self._chunks, self._on_chunk, has_started=not is_start)


class _Rest(RawIOBase):
    """Bytes and chunks as a stream; reading more than `left` bytes is an error."""

    def __init__(
        self, start: bytes, chunks: Iterator[bytes], on_chunk: Callable[[bytes], object], *, has_started: bool
    ) -> None:
        self._chunks = chunks
        self._on_chunk = on_chunk
        self._unread = memoryview(start)
        self.has_started = has_started
        self.left = _LONGEST_HEADERS

    def readable(self) -> bool:
        return True

    def peek(self, count: int) -> bytes:
        """Return the next bytes, and leave them."""
        while len(self._unread) < count and (chunk := self._next()):
            self._unread = memoryview(bytes(self._unread) + chunk)
        return bytes(self._unread[:count])

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        self._unread = self._unread or memoryview(self._next())  # whose rest is not copied at each read
        taken, self._unread = self._unread[: len(view)], self._unread[len(view) :]
        view[: len(taken)] = taken
        self.left -= len(taken)
        if self.left < 0:
            raise tarfile.ReadError("a header is too long")
        return len(taken)

    def drain(self) -> None:
        """Read what is left."""
        while self._next():
            pass

    def _next(self) -> bytes:
        chunk = next(self._chunks, b"")
        self._on_chunk(chunk)
        return chunk
