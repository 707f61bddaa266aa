"""The blob files of a local repository: `blobs/CID`, each whole and on the disk before anything refers to it."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from atpub.atomic_files import open_new, sync_folder
from atpub.atproto.mime_types import HEAD_LENGTH, sniff
from atpub.atproto.syntax import RAW, Cid
from atpub.errors import BlobDamaged, BlobNotFound, BlobRejected, Unavailable
from atpub.repository.interface import BlobSource
from atpub.repository.model import BlobFault

_CHUNK = 1024 * 1024
_PARTIAL = "partial-"
_DAMAGED = "damaged-"
_PUT_BACK = "apply where its file is: it is uploaded again"


@dataclass(frozen=True, slots=True)
class Received:
    """A blob's bytes in a file under a passing name: what they are, and the MIME type that they give away."""

    file: Path
    cid: Cid
    size: int
    sniffed: str | None


@dataclass(frozen=True, slots=True)
class BlobFiles:
    """The folder of blob files; it must be there before a blob is received."""

    folder: Path

    @contextmanager
    def receive(self, source: BlobSource) -> Generator[Received, None, None]:
        """Copy the source onto the disk, hashing on the way; what is not kept is gone afterwards.

        Raises BlobRejected where the source has another size than it said, and Unavailable where the disk fails.
        """
        file: Path | None = None
        try:
            with source.open() as stream, _disk(self.folder), open_new(self.folder, _PARTIAL) as target:
                file = Path(target.name)
                received = _copy(stream, target, file)
            if received.size != source.size:
                raise BlobRejected(f"the blob has {received.size:,} bytes, not the {source.size:,} that were announced")
            yield received
        finally:
            if file:
                file.unlink(missing_ok=True)

    def keep(self, received: Received) -> None:
        """Give the file its name for good, in a way that outlasts a loss of power; raises Unavailable."""
        with _disk(self.folder):
            received.file.replace(self._file(received.cid))
            self._aside(received.cid).unlink(missing_ok=True)
            sync_folder(self.folder)

    def holds(self, cid: Cid, size: int) -> bool:
        """Whether there is a file of that blob, with its size."""
        try:
            found = self._file(cid).stat()
        except OSError:
            return False
        return S_ISREG(found.st_mode) and found.st_size == size

    def fault(self, cid: Cid, size: int) -> BlobFault | None:
        """Return what is wrong with the file of a blob, reading all of it; None where nothing is."""
        if self.holds(cid, size):
            try:
                deque(self.read(cid), maxlen=0)
            except (OSError, BlobDamaged, BlobNotFound):
                pass
            else:
                return None
        damaged = next((file for file in (self._file(cid), self._aside(cid)) if file.is_file()), None)
        is_visible = not self.holds(cid, size)
        return BlobFault("blob-damaged" if damaged else "blob-missing", damaged or self._file(cid), is_visible)

    def read(self, cid: Cid) -> Iterator[bytes]:
        """Yield the blob in chunks; raises BlobNotFound before the first, BlobDamaged after a damaged one.

        A damaged file is set aside: its size looks right, and a plan would not notice that the blob is lost.
        """
        try:
            stream = self._file(cid).open("rb")
        except FileNotFoundError:
            raise BlobNotFound(f"the file of the blob {cid} is missing from {self.folder}") from None
        digest = sha256()
        with stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                yield chunk
        if Cid.of_digest(digest.digest(), RAW) != cid:
            file = self._set_aside(cid)
            raise BlobDamaged(f"{file} is damaged: its bytes are those of another blob", hint=_PUT_BACK)

    def _set_aside(self, cid: Cid) -> Path:
        """Rename the file of a damaged blob, and return where it is."""
        try:
            return self._file(cid).replace(self._aside(cid))
        except OSError:  # a read-only medium
            return self._file(cid)

    def remove(self, name: str) -> None:
        """Delete the file of that name, where there is one: a blob's is its CID; raises Unavailable."""
        with _disk(self.folder):
            (self.folder / name).unlink(missing_ok=True)

    def older_than(self, microseconds: int) -> set[str]:
        """Return the names of files last written before a time (since 1970): blobs, and leftovers of uploads."""
        with _disk(self.folder):
            ours = (file for file in self.folder.iterdir() if file.name.startswith(_PARTIAL) or Cid.accepts(file.name))
            return {file.name for file in ours if _write_time(file) < microseconds}

    def _file(self, cid: Cid) -> Path:
        return self.folder / cid

    def _aside(self, cid: Cid) -> Path:
        return self.folder / f"{_DAMAGED}{cid}"


def _write_time(file: Path) -> int:
    """When the file was last written, in microseconds since 1970; now, where it has just been renamed or deleted."""
    try:
        return file.stat().st_mtime_ns // 1000
    except FileNotFoundError:
        return time.time_ns() // 1000


def _copy(stream: BinaryIO, target: BinaryIO, file: Path) -> Received:
    digest, size, head = sha256(), 0, b""
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += target.write(chunk)
        head += chunk[: HEAD_LENGTH - len(head)]
    target.flush()
    os.fsync(target.fileno())
    return Received(file, Cid.of_digest(digest.digest(), RAW), size, sniff(head))


@contextmanager
def _disk(folder: Path) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"cannot store the blob in {folder}: {error}") from error
