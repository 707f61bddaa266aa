"""A journal of uploads on disk: a file for each account and server, with a line for each blob.

A line carries a checksum over its content, the account and the server: one that is damaged, cut off or of another
journal is skipped, and so is one that is too old. Nothing but speed depends on the file.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from atpub.atproto.data import Blob, Json
from atpub.atproto.syntax import Cid, Did
from atpub.repository.interface import BlobJournal, MemoryJournal
from atpub.repository.pds.repository import PdsRepository

LONGEST_AGE: Final = 24 * 3600
"""Seconds after which a blob that no record refers to is taken for lost; servers keep such blobs for hours at least."""
LARGEST: Final = 4_000_000
"""The most bytes of a file, about 16,000 blobs; a larger one is begun anew."""

_SYNC_SECONDS: Final = 1.0
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)  # Windows has none


def open_journal(repository: PdsRepository, cache: Path | None) -> BlobJournal:
    """Return the journal of a repository in the folder of caches; one in memory where there is no such folder."""
    return FileJournal(cache / "uploads", repository.did, repository.url) if cache else MemoryJournal()


@dataclass(slots=True)
class FileJournal:
    """The journal of an account on a server, in a folder; any number of processes may use it at once."""

    folder: Path
    did: Did
    server: str
    clock: Callable[[], float] = time.time
    _blobs: dict[Cid, Blob] | None = field(default=None, init=False)
    _synced: float = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def file(self) -> Path:
        """The path of its file."""
        return self.folder / f"{sha256(f'{self.server} {self.did}'.encode()).hexdigest()[:32]}.jsonl"

    def find(self, cid: Cid) -> Blob | None:
        """Return the blob as the server has described it; None where it is not known to be there."""
        with self._lock:
            return self._load().get(cid)

    def add(self, blob: Blob) -> None:
        """Add a blob; it is on the disk within about a second, should the power fail."""
        with self._lock:
            self._load()[blob.cid] = blob
            self._append(blob.cid, blob.size, blob.mime_type)

    def remove(self, cids: Iterable[Cid]) -> None:
        """Remove blobs; without any left, there is no file."""
        with self._lock:
            blobs = self._load()
            known = [cid for cid in cids if blobs.pop(cid, None)]
            if known and not blobs:
                with suppress(OSError):
                    self.file.unlink(missing_ok=True)
            else:
                for cid in known:
                    self._append(cid)

    def _load(self) -> dict[Cid, Blob]:
        """Return what is known, which is read from the file the first time."""
        if self._blobs is None:
            self._blobs = {}
            with suppress(OSError):
                self._tidy()
                for entry in self._read():
                    match entry:
                        case [str(cid), int(size), str(mime_type)]:
                            self._blobs[Cid(cid)] = Blob(Cid(cid), mime_type, size)
                        case [str(cid)]:
                            self._blobs.pop(Cid(cid), None)
                        case _:
                            pass
        return self._blobs

    def _tidy(self) -> None:
        """Delete files, of all accounts, that are too old or too large."""
        for file in self.folder.iterdir() if self.folder.is_dir() else ():
            status = file.stat()
            if status.st_size > LARGEST or status.st_mtime < self.clock() - LONGEST_AGE:
                file.unlink(missing_ok=True)

    def _read(self) -> Iterator[list[Json]]:
        """Yield the entry of each line that this journal wrote, and not too long ago."""
        for line in self.file.read_bytes().splitlines() if self.file.is_file() else ():
            check, _, content = line.partition(b" ")
            if check != self._checksum(content):
                continue
            written, *entry = json.loads(content)
            if abs(self.clock() - written) <= LONGEST_AGE:
                yield entry

    def _append(self, *entry: Json) -> None:
        """Append a line; one before it that was cut off is ended. Nothing happens where that cannot be done."""
        content = json.dumps([int(self.clock()), *entry]).encode()
        with suppress(OSError):  # a full disk, a read-only folder
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_FOLLOW
            descriptor = os.open(self.file, flags, 0o600)
            try:
                os.write(descriptor, b"\n%s %s\n" % (self._checksum(content), content))
                if self.clock() - self._synced >= _SYNC_SECONDS:
                    os.fsync(descriptor)
                    self._synced = self.clock()
            finally:
                os.close(descriptor)

    def _checksum(self, content: bytes) -> bytes:
        return sha256(b"%s %s %s" % (self.server.encode(), self.did.encode(), content)).hexdigest()[:16].encode()
