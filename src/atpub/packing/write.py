"""Writing shards: samples one after the other, each shard under its name when it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple

from atpub.atomic_files import new_file
from atpub.packing.layout import END, member_header, member_length, padding
from atpub.packing.model import SourceFile
from atpub.packing.sources import Stamps, read_file
from atpub.progress import Advanced, Completed, OnProgress

_STEP: Final = 1 << 20


class PackedMember(NamedTuple):
    """A member to write: its name, the number of its bytes, and these bytes or where they are."""

    name: str
    size: int
    content: bytes | SourceFile


@dataclass(frozen=True, slots=True)
class PackedShard:
    """A shard of the output: written in this run, or there already with the same bytes."""

    file: Path
    status: Literal["written", "unchanged"]
    size: int
    samples: int
    sha256: bytes


class ShardWriter:
    """Writes shards of at most `max_size` bytes to a folder."""

    def __init__(self, folder: Path, name: str, max_size: int, stamps: Stamps, on_progress: OnProgress) -> None:
        """Take the name before the numbers, and the stamps of the tars that samples are in."""
        self._folder = folder
        self._name = name
        self._max_size = max_size
        self._stamps = stamps
        self._on_progress = on_progress

    def write(self, samples: Iterable[Sequence[PackedMember]]) -> Iterator[PackedShard]:
        """Yield each shard when it has its name; each holds as many samples as it has room for.

        No sample is too large. Raises FileConflict where another file has the name of a shard.
        """
        waiting = iter(samples)
        sample = next(waiting, None)
        number = 0
        while sample is not None:
            file = self._folder / f"{self._name}-{number:06d}.tar"
            status: Literal["written", "unchanged"] = "unchanged" if os.path.lexists(file) else "written"
            with new_file(file) as stream:
                shard = _Shard(stream, file.name, self._stamps, self._on_progress)
                while sample is not None and shard.size + sample_length(sample) + len(END) <= self._max_size:
                    shard.add(sample)
                    sample = next(waiting, None)
                shard.write(END)
            self._on_progress(Completed("pack", file.name, shard.size, status == "unchanged"))
            yield PackedShard(file, status, shard.size, shard.samples, shard.digest.digest())
            number += 1


def sample_length(sample: Sequence[PackedMember]) -> int:
    """Return how many bytes of a shard a sample takes."""
    return sum(member_length(part.name, part.size) for part in sample)


class _Shard:
    """A shard at work: its bytes are written, counted and hashed."""

    def __init__(self, stream: BinaryIO, name: str, stamps: Stamps, on_progress: OnProgress) -> None:
        self.size = 0
        self.samples = 0
        self.digest = sha256()
        self._stream = stream
        self._name = name
        self._stamps = stamps
        self._on_progress = on_progress
        self._told = 0

    def add(self, sample: Sequence[PackedMember]) -> None:
        """Write the members of a sample."""
        for part in sample:
            self.write(member_header(part.name, part.size))
            if isinstance(part.content, bytes):
                self.write(part.content)
            else:
                for chunk in read_file(part.content, self._stamps):
                    self.write(chunk)
            self.write(bytes(padding(part.size)))
        self.samples += 1

    def write(self, data: bytes) -> None:
        """Write bytes, and tell of each MiB."""
        self._stream.write(data)
        self.digest.update(data)
        self.size += len(data)
        if self.size - self._told >= _STEP:
            self._told = self.size
            self._on_progress(Advanced("pack", self._name, self.size))
