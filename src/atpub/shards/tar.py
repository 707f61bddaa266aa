"""What a shard's tar archive holds, counted the way WebDataset reads it."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from os import SEEK_END
from typing import IO, cast

from atpub.problems import Problem
from atpub.shards.headers import BLOCK, Member, Stream, is_header, plain_members
from atpub.shards.notes import FIRST_SHARD_NOTE, Note
from atpub.shards.sample_groups import FirstMembers, split_name
from atpub.shards.sample_types import SampleFilter, SampleTypes, SampleTypesReader
from atpub.shards.stand_ins import stand_in_shard
from atpub.shards.tar_headers import NONSENSE, BoundedTarInfo
from atpub.suggest import pluralize

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"\x04\x22\x4d\x18": "lz4",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
_CHUNK = 1 << 20
_EXTENSIONS = 100
_KEYS = 1_000_000  # so many fit in 100 MB

_FILTERED = 1_000

_NAMING = "WebDataset takes files KEY.EXTENSION with one KEY, side by side, as a sample: 000000.msgpack"
_AGAIN = "write the shard again"


@dataclass(frozen=True, slots=True)
class TarFacts:
    """How many samples and regular files an archive holds, and the extensions of the samples' files (at most 100).

    A sample whose files are apart is counted once; `notes` say so, as they do of links in the place of files. `first`
    describes the first sample, and `others` those after it that a filter accepts (at most 1,000).
    """

    samples: int
    files: int
    extensions: frozenset[str]
    notes: tuple[Note, ...] = ()
    first: SampleTypes | None = field(default=None, compare=False)
    others: tuple[SampleTypes, ...] = field(default=(), compare=False)


def _accept_none(_: SampleTypes) -> bool:
    return False


FIRST_SAMPLE = SampleFilter(1, _accept_none)


def read_tar(
    stream: Stream, name: str, visit: Callable[[Member], object] | None = None, samples: SampleFilter = FIRST_SAMPLE
) -> TarFacts | Problem:
    """Read a seekable stream from its start: its facts, or why it is not a complete, uncompressed tar with samples.

    Of ustar, GNU and pax archives, the headers and the first sample are read, and as many more as `samples` says.
    `name` is what messages call the stream. `visit` is called with each member but directories, and may move a stream
    that moves backwards, too. Raises OSError where it cannot be read.
    """
    problem = check_start(stream.read(BLOCK), name)
    stream.seek(0)
    return problem or _read_members(stream, name, visit, SampleCounter(stream, samples))


def check_start(start: bytes, name: str) -> Problem | None:
    """Return why the first 512 bytes of a file are not those of an uncompressed tar."""
    if packing := next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None):
        message = f"{name} is {packing}-compressed: a PDS blob must be an uncompressed tar"
        return Problem("tar-compressed", message, hint="unpack the shard, or pack its members one by one")
    if not start:
        return Problem("tar-empty", f"{name} is an empty file", hint=_AGAIN)
    if stand_in := stand_in_shard(start, name):
        return stand_in
    if start.strip(b"\0") and not is_header(start):
        return Problem("not-a-tar", f"{name} is not a tar archive", hint="a shard is an uncompressed tar of samples")
    return None


def _read_members(
    stream: Stream, name: str, visit: Callable[[Member], object] | None, samples: SampleCounter
) -> TarFacts | Problem:
    archive = _Archive(stream)
    for file in archive.files():
        if not file.is_special:
            samples.add(file)
        if visit is not None:
            visit(file)
    if archive.fault or not _ends_at(stream, archive.end):
        size = stream.seek(0, SEEK_END)
        where = f"byte {min(archive.end, size):,} of {size:,}, after {pluralize(samples.files, 'file')}"
        message = f"{name} is cut off or damaged at {where}"
        return Problem("tar-damaged", message, hint=_AGAIN)
    if _has_more(stream):
        message = f"{name} goes on after the archive's end, where readers stop: are these several tars in one file?"
        return Problem("tar-trailing", message, hint=_AGAIN)
    return samples.result(name)


class _Reader(tarfile.TarFile):
    members: list[tarfile.TarInfo]  # typeshed leaves it out; it grows with every member unless emptied


class _Archive:
    """The members of a tar but its directories; `end` is the offset that reading has come to, `fault` if it broke."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.end = 0
        self.fault = False

    def files(self) -> Iterator[Member]:
        """Yield them in order."""
        self.end = yield from plain_members(self._stream)
        self._stream.seek(self.end)
        try:
            yield from self._intricate_files()
        except NONSENSE:
            self.fault = True

    def _intricate_files(self) -> Iterator[Member]:
        with _Reader(fileobj=cast("IO[bytes]", self._stream), tarinfo=BoundedTarInfo) as reader:
            while (member := reader.next()) is not None:
                if reader.offset <= self.end:
                    raise tarfile.ReadError("a member ends before it starts")
                self.end = reader.offset
                reader.members.clear()
                if member.isdir():
                    continue
                is_link = member.islnk() or member.issym()
                start = None if member.issparse() else member.offset_data
                yield Member(member.name, is_link, start, member.size, not (is_link or member.isreg()))


class SampleCounter:
    """Counts files the way `webdataset.tariterators.group_by_keys` groups them."""

    def __init__(self, stream: Stream, wanted: SampleFilter) -> None:
        self.files = 0
        self._stream = stream
        self._wanted = wanted
        self._samples = 0
        self._runs = 0
        self._types: SampleTypesReader | None = None
        self._first: SampleTypes | None = None
        self._others: list[SampleTypes] = []
        self._key: str | None = None
        self._of_sample: set[str] = set()
        self._extensions: set[str] = set()
        self._twice: str | None = None
        self._keys: set[str] = set()
        self._notes: dict[str, str] = {}
        self._first_members = FirstMembers()

    def add(self, member: Member) -> None:
        """Count one more regular file, or note a link."""
        file = member.name
        self.files += not member.is_link
        if not member.is_link:
            self._first_members.add(file)
        found = split_name(file)
        if found is None:
            return
        if member.is_link:
            self._notes.setdefault("link-member", file)
            return
        key, extension = found
        if key != self._key:
            self._begin(key)
        if extension in self._of_sample:
            self._twice = self._twice or file
        elif self._types is not None:
            self._types.add(extension, member.start, member.size)
        self._of_sample.add(extension)
        if len(self._extensions) < _EXTENSIONS:
            self._extensions.add(extension)

    def _begin(self, key: str) -> None:
        self._end()
        self._runs += 1
        is_wanted = self._wanted.most is None or self._runs <= self._wanted.most
        self._types = SampleTypesReader(self._stream) if is_wanted else None
        self._key = key
        self._of_sample.clear()
        if key in self._keys:
            self._notes.setdefault("scattered-samples", key)
            return
        self._samples += 1
        if len(self._keys) < _KEYS:
            self._keys.add(key)

    def _end(self) -> None:
        if self._types is None or self._key is None:
            return
        found = self._types.result(self._key)
        if self._first is None:
            self._first = found
        elif len(self._others) < _FILTERED and self._wanted.accepts(found):
            self._others.append(found)

    def result(self, name: str) -> TarFacts | Problem:
        """Return the counts, or why readers cannot use the tar."""
        self._end()
        if self._twice is not None:
            message = f"{name} has {self._twice!r} twice in one sample, which WebDataset refuses to read"
            return Problem("tar-duplicate", message, hint=_NAMING)
        if not self._samples:
            held = f"{pluralize(self.files, 'file')}, none of a sample" if self.files else "nothing"
            return Problem("tar-empty", f"{name} holds {held}", hint=_NAMING)
        different = self._first_members.find_different()
        if different is not None and "scattered-samples" not in self._notes:
            self._notes[FIRST_SHARD_NOTE] = different
        notes = tuple(map(Note._make, self._notes.items()))
        others = tuple(self._others)
        return TarFacts(self._samples, self.files, frozenset(self._extensions), notes, self._first, others)


def _ends_at(stream: Stream, offset: int) -> bool:
    """Whether the mark of an archive's end stands there: a block of zeros."""
    stream.seek(offset)
    return stream.read(BLOCK) == bytes(BLOCK)


def _has_more(stream: Stream) -> bool:
    return any(chunk.strip(b"\0") for chunk in iter(lambda: stream.read(_CHUNK), b""))
