"""Shards given to a call: bytes, paths and open files, measured before anything is sent, and read again to be sent."""

from __future__ import annotations

import io
import os
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, TypeAlias, runtime_checkable

from atpub.errors import AtpubError
from atpub.problems import Problem
from atpub.progress import OnProgress, ignore
from atpub.repository.interface import BlobSource
from atpub.shards.facts import LocalShards
from atpub.shards.file_facts import FileFacts, FileSource, Measured
from atpub.shards.measure import measure_files
from atpub.shards.tar import read_tar

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Readable(Protocol):
    """A stream of bytes, such as a file that is opened in binary mode."""

    def read(self, size: int = -1, /) -> bytes | None:
        """Read the next bytes; none at the end."""
        ...


@runtime_checkable
class Seekable(Readable, Protocol):
    """A stream that can be read again."""

    def seekable(self) -> bool:
        """Return whether the file can seek."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        ...

    def tell(self) -> int:
        """Return the current position."""
        ...


BlobInput: TypeAlias = bytes | bytearray | memoryview | str | os.PathLike[str] | Readable
"""A shard: its bytes, the path of its file, or an open file (which stays open)."""

TAR: Final = "application/x-tar"
LARGEST: Final = 52_428_800
"""The most bytes of a shard (lexicon science.alt.dataset.storageBlobs)."""

_CHUNK: Final = 1 << 20
_USTAR_AT: Final = 257


@dataclass(frozen=True, slots=True)
class BytesSource:
    """Bytes in memory as a blob to upload."""

    content: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self.content)

    def open(self) -> BinaryIO:
        """Open a new stream over the shared bytes."""
        return io.BytesIO(self.content)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class StreamSource:
    """An open file as a blob to upload, from where it stood when it was given; it is never closed."""

    stream: Seekable
    start: int
    size: int

    def open(self) -> BinaryIO:
        """Open the rest of the file; two open streams would disturb each other."""
        return io.BufferedReader(_From(self.stream, self.start), _CHUNK)


class _From(io.RawIOBase):
    """The rest of a stream as a stream of its own, whose end leaves the other one open."""

    def __init__(self, inner: Seekable, start: int) -> None:
        self._inner = inner
        self._start = start
        inner.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        content = self._inner.read(len(view)) or b""
        view[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._inner.seek(offset + (self._start if whence == os.SEEK_SET else 0), whence) - self._start

    def tell(self) -> int:
        return self._inner.tell() - self._start


@dataclass(frozen=True, slots=True)
class Given:
    """Shards that were given to a call: their facts in order, their bytes by CID, and every problem with them."""

    shards: LocalShards
    sources: Mapping[str, BlobSource]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One of the shards: what messages call it, and its bytes."""

    name: str
    source: BlobSource

    @property
    def label(self) -> Path:
        """The name of its file in a plan."""
        return self.source.path if isinstance(self.source, FileSource) else Path(self.name)


def measure_blobs(blobs: Sequence[BlobInput], mime_type: str, on_progress: OnProgress = ignore) -> Given:
    """Measure shards; each must be an uncompressed tar of at most 52,428,800 bytes."""
    problems: list[Problem] = []
    items: list[Item] = []
    for index, given in enumerate(blobs):
        found = open_blob(f"blobs[{index}]", given)
        if isinstance(found, Item) and found.source.size > LARGEST:
            found = _too_large(found.name, found.source.size)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            items.append(found)
    files: list[tuple[Path, FileFacts]] = []
    sources: dict[str, BlobSource] = {}
    for item, facts in zip(items, _measure_all(items, on_progress), strict=True):
        fault = facts if isinstance(facts, Problem) else _check_type(item, mime_type)
        if isinstance(facts, FileFacts):
            files.append((item.label, facts))
            sources[facts.cid] = item.source
        if fault is not None:
            problems.append(fault)
    return Given(LocalShards(tuple(files)), sources, tuple(problems))


def open_blob(name: str, item: BlobInput) -> Item | Problem:
    """Return a shard's name for messages, and its source or the reason why it cannot be read."""
    match item:
        case bytes():
            return Item(name, BytesSource(item))
        case bytearray() | memoryview():
            return Item(name, BytesSource(bytes(item)))
        case str() | os.PathLike():
            return _of_path(name, Path(item))
        case _:
            return _of_stream(name, item)


def _of_path(name: str, path: Path) -> Item | Problem:
    try:
        return Item(f"{name} ({path})", FileSource(path, path.stat().st_size))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Problem("file-unreadable", f"{name}: {path} cannot be read: {reason}", hint="a str is a path here")


def _of_stream(name: str, stream: Readable) -> Item | Problem:
    if not hasattr(stream, "read") or isinstance(stream, io.TextIOBase):
        message = f"{name} is {'a text file' if hasattr(stream, 'read') else type(stream).__name__}"
        return Problem("wrong-type", message, hint="give bytes, a path, or a file opened in binary mode")
    if not isinstance(stream, Seekable) or not stream.seekable():
        return Item(name, _copy(stream))
    start = stream.tell()
    return Item(name, StreamSource(stream, start, stream.seek(0, os.SEEK_END) - start))


def _copy(stream: Readable) -> StreamSource:
    """Copy a stream that can be read only once to a temporary file, deleted when it is no longer used."""
    copy: BinaryIO = tempfile.TemporaryFile(prefix="atpub-")  # noqa: SIM115 - the source's end closes it
    while copy.tell() <= LARGEST and (chunk := stream.read(_CHUNK)):
        copy.write(chunk)
    source = StreamSource(copy, 0, copy.tell())
    weakref.finalize(source, copy.close)
    return source


def _measure_all(items: Sequence[Item], on_progress: OnProgress) -> Iterator[Measured]:
    """Measure each shard: files and bytes in parallel, open files, which may be the same file, one by one."""
    paths = [item.source.path for item in items if isinstance(item.source, FileSource)]
    of_paths = measure_files(paths, on_progress=on_progress)
    with ThreadPoolExecutor(thread_name_prefix="atpub-measure") as pool:
        of_bytes = {
            index: pool.submit(_measure, item)
            for index, item in enumerate(items)
            if isinstance(item.source, BytesSource)
        }
        for index, item in enumerate(items):
            if isinstance(item.source, FileSource):
                yield of_paths[item.source.path]
            else:
                yield of_bytes[index].result() if index in of_bytes else _measure(item)


def _measure(item: Item) -> Measured:
    with item.source.open() as stream:
        held = read_tar(stream, item.name)
        if isinstance(held, Problem):
            return held
        stream.seek(0)
        digest, size = sha256(), 0
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return FileFacts(size, digest.hexdigest(), held.samples, TAR)


def _check_type(item: Item, mime_type: str) -> Problem | None:
    """Return why a server may detect another MIME type than the lexicon accepts; servers look at the bytes."""
    if mime_type == TAR:
        return None
    try:
        with item.source.open() as stream:
            head = stream.read(_USTAR_AT + 5)
    except AtpubError as error:
        return Problem("file-unreadable", error.message)
    if head[_USTAR_AT:] == b"ustar":
        return None
    message = f"mime_type: {item.name} would be stored as {mime_type}; a shard is {TAR}"
    return Problem("wrong-type", message, hint="leave mime_type out")


def _too_large(name: str, size: int) -> Problem:
    message = f"{name} has {size:,} bytes; a blob of a dataset has at most {LARGEST:,}"
    return Problem("blob-too-large", message, hint="make smaller shards, or publish_with_urls")
