"""Saving one shard: continued where an earlier try broke off, and verified whole before it gets its name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Final

from atpub.atproto.data import Blob
from atpub.errors import (
    AtpubError,
    Interrupted,
    OSFailure,
    OversizedResponse,
    SlowResponse,
    Unavailable,
    Usage,
)
from atpub.progress import Advanced, OnProgress, ignore
from atpub.pulling.download import CHUNK, Download, NotOffered
from atpub.pulling.entries import PublishedShard
from atpub.pulling.partial import PartialFile, file_conflict, hash_file, publish
from atpub.pulling.sources import open_url
from atpub.repository.backoff import back_off
from atpub.repository.interface import Repository, bounded_blob

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import TransportClient

TRIES: Final = 4
"""The number of tries without progress before a shard is given up."""
TRIES_BEFORE_MIRROR: Final = 2
"""The same, where a mirror is left."""


class _WrongBytes(Unavailable):
    """Bytes that the checksum does not fit: reading them again would not help."""


_FINAL: Final = (NotOffered, OversizedResponse, SlowResponse, _WrongBytes)


class ByteLimit:
    """The bytes that may still be written; safe for threads."""

    def __init__(self, limit: int) -> None:
        """Take the most bytes of all shards together."""
        self._limit = limit
        self._left = limit
        self._lock = Lock()

    def take(self, count: int) -> None:
        """Count bytes; raises OversizedResponse where they are too many."""
        with self._lock:
            self._left -= count
            if self._left < 0:
                raise self._exceeded()

    def give_back(self, count: int) -> None:
        """Count bytes that were dropped."""
        with self._lock:
            self._left += count

    def check(self, count: int) -> None:
        """Raise OversizedResponse where that many more bytes are too many."""
        with self._lock:
            if count > self._left:
                raise self._exceeded()

    def _exceeded(self) -> OversizedResponse:
        hint = "if that is right, raise the limit: --max-bytes, or max_bytes="
        return OversizedResponse(f"the shards have more than {self._limit:,} bytes in all", hint=hint)


@dataclass(frozen=True, slots=True)
class Saver:
    """What saving a shard takes: the repository of its blobs, connections, its folders, and the limit of bytes."""

    repository: Repository
    client: TransportClient
    folder: Path
    partials: Path
    budget: ByteLimit
    on_progress: OnProgress = ignore
    stop: Event = field(default_factory=Event)
    pause: Callable[[int], None] = back_off

    def save(self, shard: PublishedShard) -> int | None:
        """Save a shard and return how many of its bytes an earlier run had saved; None if its file is there already.

        Its mirrors are tried in order where it cannot be had. Raises FileConflict, Unavailable, BlobNotFound,
        OversizedResponse, OSFailure, or Interrupted.
        """
        failures: list[AtpubError] = []
        for place in shard.places():
            try:
                return self._save(place)
            except (Unavailable, Usage) as error:
                failures.append(error)
        raise failures[0] if len(failures) == 1 else _all_failed(failures)

    def _save(self, shard: PublishedShard) -> int | None:
        """Save a shard from its own source."""
        file = self.folder / shard.name
        if os.path.lexists(file):
            self._check_present(shard, file)
            return None
        mark = shard.sha256[:32] if shard.sha256 else "unverified"  # other bytes have another partial file
        path = self.partials / f"{mark}.{shard.name}"
        with PartialFile.open(path) as partial, self._tidying(shard, partial):
            self._begin(shard, partial)
            self._complete(shard, partial)
            partial.sync()
        publish(path, file)
        return partial.begun

    @contextmanager
    def _tidying(self, shard: PublishedShard, partial: PartialFile) -> Generator[None]:
        """Drop the bytes that a later run cannot continue."""
        try:
            yield
        except BaseException as error:
            if not _can_continue(shard) or isinstance(error, _WrongBytes | OversizedResponse):
                self._restart(partial)
            if shard.mirrors:
                self.budget.give_back(partial.size)  # the next place begins with them
            raise

    def _check_present(self, shard: PublishedShard, file: Path) -> None:
        """Raise FileConflict unless a file is the shard: by its digest, else by its size."""
        if shard.sha256 is not None:
            if hash_file(file) != shard.sha256:
                raise file_conflict(file)
            return
        with open_shard(self.client, self.repository, shard) as found:
            if not file.is_file() or found.total != file.stat().st_size:
                raise file_conflict(file)

    def _begin(self, shard: PublishedShard, partial: PartialFile) -> None:
        """Keep the bytes of an earlier run that may be continued."""
        if not _can_continue(shard) and partial.sha256 != shard.sha256:
            partial.restart()
        self.budget.take(partial.size)

    def _complete(self, shard: PublishedShard, partial: PartialFile) -> None:
        """Receive what is missing, trying again while that brings new bytes; raises Unavailable."""
        failures, is_continued = 0, partial.size > 0
        tries = TRIES_BEFORE_MIRROR if shard.mirrors else TRIES
        while not partial.size or partial.sha256 != shard.sha256:
            before = partial.size
            try:
                self._receive(shard, partial)
            except _FINAL:
                raise
            except Unavailable:
                failures = 1 if _can_continue(shard) and partial.size - before >= CHUNK else failures + 1
                if failures == tries:
                    raise
                is_continued = _can_continue(shard)
                if not is_continued:
                    self._restart(partial)
                self.pause(failures)
                continue
            if shard.sha256 in (None, partial.sha256):
                return
            if not is_continued:
                raise wrong_bytes(shard)
            is_continued = False  # the part that was continued may be what is wrong
            self._restart(partial)

    def _receive(self, shard: PublishedShard, partial: PartialFile) -> None:
        with open_shard(self.client, self.repository, shard, partial.size) as found:
            if found.start != partial.size:
                self._restart(partial)
            if found.total is not None:
                self._check_room(found.total - found.start)
            for chunk in found.chunks:
                if self.stop.is_set():
                    raise Interrupted("interrupted", hint="run it again: it continues from what is there")
                self.budget.take(len(chunk))
                partial.write(chunk)
                size = shard.size if found.total is None else found.total
                self.on_progress(Advanced("download", shard.name, partial.size, size, partial.begun))

    def _check_room(self, count: int) -> None:
        self.budget.check(count)
        free = shutil.disk_usage(self.partials).free
        if count > free:
            raise OSFailure(f"{self.folder}: {count:,} bytes do not fit on the disk", hint="free some space")

    def _restart(self, partial: PartialFile) -> None:
        self.budget.give_back(partial.size)
        partial.restart()


def _all_failed(failures: Sequence[AtpubError]) -> Unavailable:
    """Return the error of a shard that its own source and its mirrors do not give."""
    mirrors = "; ".join(error.message for error in failures[1:])
    return Unavailable(f"{failures[0].message}; of its mirrors, {mirrors}", hint=failures[0].hint)


@contextmanager
def open_shard(
    client: TransportClient, repository: Repository, shard: PublishedShard, start: int = 0
) -> Generator[Download]:
    """Open a shard from a position on, or from its start; raises Unavailable, or BlobNotFound."""
    if not isinstance(shard.source, Blob):
        with open_url(client, shard.source, start) as found:
            yield found
        return
    yield Download(bounded_blob(repository, shard.source), 0, shard.source.size)


def _can_continue(shard: PublishedShard) -> bool:
    """Return whether bytes can be added to those of an earlier try: getBlob has no ranges, and a digest must judge."""
    return shard.sha256 is not None and not isinstance(shard.source, Blob)


def wrong_bytes(shard: PublishedShard) -> Unavailable:
    """Return the error of bytes that the checksum does not fit."""
    hint = "it was changed after it was published, or damaged on its way: do not trust it"
    return _WrongBytes(f"{shard.name} is not what its checksum says", hint=hint)
