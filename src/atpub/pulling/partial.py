"""A partial file: the bytes of a shard that are there so far, hashed, and its final name once it is whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from atpub.atomic_files import sync_folder
from atpub.errors import Busy, FileConflict

FOLDER: Final = ".atpub-pull"
"""The folder of partial files, beside the whole ones; no shard's file has a hidden name."""

_CHUNK: Final = 1 << 20
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class PartialFile:
    """The bytes of a file so far; `size` counts them, and `begun` those of an earlier run."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        """Take the file, open to read and write at its start, and hash what it holds."""
        self.path = path
        self.size = 0
        self.is_whole = False
        self._stream = stream
        self._digest = sha256()
        while chunk := stream.read(_CHUNK):
            self._digest.update(chunk)
            self.size += len(chunk)
        self.begun = self.size

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Generator[PartialFile]:
        """Open the file, or make it; it stays, unless it is empty and not whole."""
        with open(path, "r+b", opener=lambda name, _: os.open(name, _FLAGS, 0o666)) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise FileConflict(f"{path} is no regular file", hint="move it away")
            partial = cls(path, stream)
            try:
                yield partial
            finally:
                stream.close()
                if not partial.size and not partial.is_whole:
                    path.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        self._stream.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    def restart(self) -> None:
        """Drop its bytes."""
        self._stream.seek(0)
        self._stream.truncate()
        self.size, self.begun, self._digest = 0, 0, sha256()

    def sync(self) -> None:
        """Bring its bytes, which are all there, onto the disk."""
        self.is_whole = True
        self._stream.flush()
        os.fsync(self._stream.fileno())


def publish(partial: Path, file: Path) -> None:
    """Give a whole file its name; raises FileConflict if there is a file of that name."""
    try:
        os.link(partial, file)  # unlike a rename, it replaces no file
    except FileExistsError:
        raise file_conflict(file) from None
    except OSError:  # a file system without hard links
        if os.path.lexists(file):
            raise file_conflict(file) from None
        partial.rename(file)
    else:
        partial.unlink()
    sync_folder(file.parent)


def file_conflict(file: Path) -> FileConflict:
    """Return the error of a name that another file has."""
    return FileConflict(f"{file} exists and is not the shard", hint="move it away, or name another folder")


def hash_file(file: Path) -> str:
    """Return the SHA-256 of a file; raises FileConflict for a folder or a device."""
    if not file.is_file():
        raise file_conflict(file)
    with file.open("rb") as stream:
        digest = sha256()
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def partial_folder(folder: Path) -> Generator[Path]:
    """Yield the folder of partial files, for this process alone; remove it if it is empty. Raises Busy."""
    from filelock import FileLock, Timeout  # most commands need none

    inner = folder / FOLDER
    if inner.is_symlink():
        raise FileConflict(f"{inner} is a symlink", hint="move it away")
    inner.mkdir(parents=True, exist_ok=True)
    lock = FileLock(inner / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(f"another process writes to {folder}", hint="wait for it, or name another folder") from None
    try:
        yield inner
    finally:
        is_last = [entry.name for entry in inner.iterdir()] == ["lock"]
        if is_last:
            with suppress(OSError):
                (inner / "lock").unlink()
        lock.release()
        if is_last:
            with suppress(OSError):  # another process may have begun
                inner.rmdir()
