"""The first sample of a shard, read from its first bytes."""

from __future__ import annotations

from collections.abc import Callable
from io import SEEK_CUR, SEEK_END, SEEK_SET
from typing import Final

from atpub.problems import Problem
from atpub.shards.headers import Member
from atpub.shards.sample_groups import split_name
from atpub.shards.sample_types import SampleTypes, SampleTypesReader
from atpub.shards.tar import read_tar

HEAD_BYTES: Final = 4 << 20
"""The most bytes that are read for a first sample; of a longer one nothing is said."""


class _BeyondHead(Exception):
    """A read beyond the first bytes."""


class HeadStream:
    """A seekable stream over the first bytes of a source, which takes no more chunks than are needed."""

    def __init__(self, take: Callable[[], bytes], size: int | None = None) -> None:
        self._take = take
        self._size = size
        self._held = bytearray()
        self._position = 0

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Move to an offset; where the size is not known, the end is that of the bytes that were taken."""
        end = len(self._held) if self._size is None else self._size
        base = {SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: end}[whence]
        self._position = base + offset
        return self._position

    def read(self, count: int) -> bytes:
        """Return so many bytes, fewer at the end only; raises _BeyondHead after HEAD_BYTES."""
        end = self._position + count
        if end > HEAD_BYTES:
            raise _BeyondHead
        while len(self._held) < end and (chunk := self._take()):
            self._held += chunk
        data = bytes(self._held[self._position : end])
        self._position += len(data)
        return data


class _SecondSample(Exception):
    """The end of the first sample."""


class _FirstSample:
    """Reads the types of the first sample's members, as they come."""

    def __init__(self, stream: HeadStream) -> None:
        self._types = SampleTypesReader(stream)
        self._key: str | None = None

    def add(self, member: Member) -> None:
        """Read one more member; raises _SecondSample."""
        found = None if member.is_link else split_name(member.name)
        if found is None or member.start is None:
            return
        key, extension = found
        if self._key not in (None, key):
            raise _SecondSample
        self._key = key
        self._types.add(extension, member.start, member.size)

    def result(self) -> SampleTypes | None:
        """Return what was read."""
        return None if self._key is None else self._types.result(self._key)


def read_first_sample(
    take: Callable[[], bytes], name: str, size: int | None
) -> tuple[SampleTypes | None, tuple[str, str] | None]:
    """Return the types of the first sample, as far as it is in the first bytes, or what is wrong with the tar there.

    `take` returns the next bytes of the shard; no more are taken than are needed. `size` is that of all of it.
    """
    stream = HeadStream(take, size)
    sample = _FirstSample(stream)
    try:
        held = read_tar(stream, name, sample.add)
    except _SecondSample:
        return sample.result(), None
    except _BeyondHead:
        return None, None
    return (None, (held.code, held.message)) if isinstance(held, Problem) else (held.first, None)
