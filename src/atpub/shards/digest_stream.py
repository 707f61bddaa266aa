"""A file that is hashed as it is read, so that its tar headers and its digest take one pass over the disk."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from io import SEEK_CUR, SEEK_END, SEEK_SET
from typing import Protocol

_CHUNK = 1 << 20
_TAIL = 1 << 16


class RawFile(Protocol):
    """A raw file, as `open(buffering=0)` returns it; one that cannot seek raises OSError."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read into a buffer, and return how many bytes; 0 at the end."""
        ...

    def seek(self, offset: int, /) -> int:
        """Move to an offset."""
        ...

    def read(self, count: int, /) -> bytes | None:
        """Return at most so many bytes."""
        ...


class CannotGoBack(OSError):
    """A step far back in bytes that are received once."""


class ForwardFile:
    """Chunks as a raw file, which moves only forward; `done` counts the bytes that were read.

    `take` returns the next chunk, and nothing at the end. The 64 KiB before the last read stay at hand: the headers of
    a member can begin there.
    """

    def __init__(self, take: Callable[[], bytes]) -> None:
        self.done = 0
        self._take = take
        self._rest = b""
        self._start = 0  # of the last read
        self._before = b""  # the bytes before it
        self._last = b""  # the last ones of it
        self._position = 0

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer; fewer bytes are the last ones."""
        filled = 0
        while filled < len(buffer) and (chunk := self._rest or self._take()):
            part = chunk[: len(buffer) - filled]
            buffer[filled : filled + len(part)] = part
            filled += len(part)
            self._rest = chunk[len(part) :]
        if filled:
            self._before, self._last = self._last, bytes(buffer[max(0, filled - _TAIL) : filled])
            self._start, self.done = self.done, self.done + filled
        return filled

    def seek(self, offset: int, /) -> int:
        """Move to an offset before the last read, or to its end."""
        self._position = offset
        return offset

    def read(self, count: int, /) -> bytes:
        """Return bytes before the last read; raises CannotGoBack where they are gone."""
        at = self._position - (self._start - len(self._before))
        if at < 0:
            raise CannotGoBack(0, "its headers cannot be read in one pass")
        return self._before[at : at + count]


class DigestStream:
    """A seekable stream over a raw file of `size` bytes (None: not known); seeking forward hashes what is passed over.

    The file is read in chunks, the last of which stays in memory. Only a step back before that chunk, which headers of
    plain tars never ask for, reads bytes again.
    """

    def __init__(self, file: RawFile, size: int | None, on_read: Callable[[int], object]) -> None:
        """Take the file at its start; `on_read` is told how many of its first bytes are hashed."""
        self._file = file
        self._size = size
        self._on_read = on_read
        self._digest = sha256()
        self._buffer = memoryview(bytearray(_CHUNK))
        self._start = 0  # of the chunk in the buffer
        self._end = 0
        self._position = 0

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Move to an offset; reads nothing, unless the offset is from an end that is not known."""
        base = {SEEK_SET: lambda: 0, SEEK_CUR: self.tell, SEEK_END: self._find_end}[whence]()
        self._position = base + offset
        return self._position

    def _find_end(self) -> int:
        if self._size is None:
            self.hexdigest()
            self._size = self._end
        return self._size

    def read(self, count: int) -> bytes:
        """Return so many bytes, fewer at the file's end only."""
        start = self._position
        if self._start <= start and start + count <= self._end:  # nearly always
            self._position = start + count
            return bytes(self._buffer[start - self._start : self._position - self._start])
        data = b"".join(self._pieces(start, count))
        self._position = start + len(data)
        return data

    def hexdigest(self) -> str:
        """Hash the rest of the file, and return the SHA-256 of all of it."""
        while self._advance():
            pass
        return self._digest.hexdigest()

    def _pieces(self, at: int, count: int) -> list[bytes]:
        pieces: list[bytes] = []
        if at < self._start:
            pieces.append(self._read_again(at, min(count, self._start - at)))
            at, count = at + len(pieces[0]), count - len(pieces[0])
        while count:
            if at >= self._end:
                if not self._advance():
                    break
                continue
            piece = bytes(self._buffer[at - self._start : min(at + count, self._end) - self._start])
            pieces.append(piece)
            at, count = at + len(piece), count - len(piece)
        return pieces

    def _read_again(self, at: int, count: int) -> bytes:
        self._file.seek(at)
        data = self._file.read(count)
        self._file.seek(self._end)
        return data or b""

    def _advance(self) -> bool:
        """Read and hash the next chunk; return False at the file's end."""
        # A file that grows as fast as it is read would never end.
        is_within = self._size is None or self._end <= self._size
        count = self._file.readinto(self._buffer) if is_within else 0
        if not count:
            return False
        self._start, self._end = self._end, self._end + count
        self._digest.update(self._buffer[:count])
        self._on_read(self._end)
        return True
