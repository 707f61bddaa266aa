"""Uploads of a plan's blobs: those that the repository lacks, and its descriptions of those that it has."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final, cast

from atpub.atproto.data import Blob, blobs_in
from atpub.atproto.syntax import Cid
from atpub.engine.apply.events import ApplyHooks
from atpub.engine.apply.upload_queue import UploadQueue
from atpub.engine.plan.model import Change, Plan, Upload
from atpub.engine.plan.order import Group
from atpub.errors import RepositoryError, RequestTooLarge
from atpub.progress import Advanced, Completed, Ended, Progress, Started
from atpub.repository.backoff import stopwatch
from atpub.repository.interface import BlobJournal, BlobSource, Repository

SECONDS_PER_COMMIT: Final = 10
"""Seconds of uploads after which a commit is made of what is up."""
FIRST_BYTES: Final = 64_000_000
"""The bytes that the first commit waits for, while it is not known how long uploads take."""
_AGAIN: Final = 2
"""How often a blob is sent again in one run."""


class Uploads:
    """Uploads of the blobs of a plan; `sources` has their bytes by CID. They run in threads until it is closed."""

    def __init__(
        self,
        plan: Plan,
        repository: Repository,
        sources: Mapping[str, BlobSource],
        journal: BlobJournal,
        hooks: ApplyHooks,
    ) -> None:
        self._plan = plan
        self._repository = repository
        self._sources = sources
        self._journal = journal
        self._hooks = hooks
        self._planned = {upload.cid: upload for upload in plan.uploads}
        self._lacking = dict(self._planned)
        self._described: dict[Cid, Blob] = {}
        self._remembered: dict[Cid, Upload] = {}  # what the journal alone says is there, the oldest first
        self._again: Counter[Cid] = Counter()
        self._queue = UploadQueue(self._upload, stopwatch)
        self._has_begun = False
        self._telling = Lock()

    def describe(self, cid: Cid) -> Blob | None:
        """Return a blob as the repository describes it; None where it is not there."""
        return self._described.get(cid)

    def found(self, blobs: Iterable[Blob], lost: Collection[Cid] = ()) -> None:
        """Note blobs that live records refer to; those of `lost` bytes are lacking still."""
        for blob in blobs:
            self._described[blob.cid] = blob
            if blob.cid not in lost:
                self._lacking.pop(blob.cid, None)

    def check(self) -> None:
        """Raise RepositoryError where bytes are wanted and not here, or are more than the repository takes."""
        absent = [str(upload.file) for upload in self._lacking.values() if upload.cid not in self._sources]
        if absent:
            raise RepositoryError(
                f"the bytes of {', '.join(absent)} are needed and not here", hint="run it where the files are"
            )
        limit = self._repository.blob_limit() if self._lacking else None
        for upload in self._lacking.values():
            if limit is not None and upload.size > limit:
                message = f"{upload.file} has {upload.size:,} bytes; {self._plan.account} takes blobs of {limit:,}"
                raise RequestTooLarge(message, hint="make smaller shards")

    def begin(self, changes: Iterable[Change]) -> None:
        """Begin to upload lost blobs of live records, then what these changes need, in their order; wait for the first.

        What the journal says is up is not sent.
        """
        repairs = {upload.cid: upload for upload in self._lacking.values() if upload.repair}
        needed = (self._lacking.get(blob.cid) for blob in _blobs_of(changes))
        uploads = repairs | {upload.cid: upload for upload in needed if upload}
        if not uploads:
            return
        self._has_begun = True
        self._tell(Started("upload", len(uploads), sum(upload.size for upload in uploads.values())))
        for upload in uploads.values():
            self._recall(upload)
        self._queue.add(upload for upload in uploads.values() if upload.cid in self._lacking)
        self._queue.wait(repairs)

    def close(self) -> None:
        """Begin no other upload, and wait for those under way."""
        self._queue.close()
        if self._has_begun:
            self._tell(Ended("upload"))

    def bring(self, changes: Iterable[Change]) -> bool:
        """Wait for the blobs of these changes to be up; return whether the plan uploads any of them."""
        cids = {blob.cid for blob in _blobs_of(changes)} & self._planned.keys() if self._planned else set[Cid]()
        self._queue.wait(cids)
        return bool(cids)

    def reach(self, groups: Sequence[Group]) -> int:
        """Return how many of these groups, the first ones, at least one, a commit may wait for."""
        if not self._lacking:
            return len(groups)
        rate = self._queue.rate
        left = FIRST_BYTES if rate is None else rate * SECONDS_PER_COMMIT
        needed = set[Cid]()
        for number, group in enumerate(groups):
            new = {blob.cid for blob in _blobs_of(group)} - needed
            left -= sum(upload.size for cid in new if (upload := self._lacking.get(cid)))
            if left < 0 and number:
                return number
            needed |= new
        return len(groups)

    def commit(self, changes: Iterable[Change]) -> None:
        """Note that records refer to the blobs of these changes now."""
        cids = {blob.cid for blob in _blobs_of(changes)}
        for cid in cids:
            self._remembered.pop(cid, None)
        self._journal.remove(cids)

    def bring_again(self, changes: Iterable[Change], lost: Collection[str]) -> bool:
        """Upload again what is lost of the blobs of these changes; return False where nothing is left to try.

        Where the server names what is `lost`, that is sent, and with each round more of what only the journal says is
        up. Else all of that is sent; then the plan's own uploads; then all whose bytes are here, since the record may
        be gone that held one which the plan did not have to bring.
        """
        here = {blob.cid: blob for blob in _blobs_of(changes) if blob.cid in self._sources}
        remembered = [cid for cid in self._remembered if cid in here]
        if lost:
            named = [cid for cid in here if cid in lost and self._again[cid] < _AGAIN]
            others = [cid for cid in remembered if cid not in lost]
            return self._send_again(here, [*named, *others[: self._again.total()]] if named else ())
        for suspects in (remembered, [cid for cid in here if cid in self._planned], here):
            if new := [cid for cid in suspects if not self._again[cid]]:
                return self._send_again(here, new)
        return self._send_again(here, [cid for cid in here if self._again[cid] < _AGAIN])

    def bring_remembered(self, changes: Iterable[Change]) -> bool:
        """Upload again what only the journal says is up, such as one that the server describes otherwise by now."""
        here = {blob.cid: blob for blob in _blobs_of(changes) if blob.cid in self._sources}
        return self._send_again(here, [cid for cid in self._remembered if cid in here])

    def _send_again(self, blobs: Mapping[Cid, Blob], cids: Collection[Cid]) -> bool:
        self._journal.remove(cids)
        self._again.update(cids)
        for cid in cids:
            self._remembered.pop(cid, None)
            self._lacking[cid] = self._planned.get(cid) or _upload_of(blobs[cid])
        self._queue.add([self._lacking[cid] for cid in cids], first=True)
        self._queue.wait(cids)
        return bool(cids)

    def _recall(self, upload: Upload) -> None:
        """Take a blob for uploaded that the journal knows."""
        blob = None if upload.repair else self._journal.find(upload.cid)
        if blob is not None and blob.size == upload.size:
            self._remembered[upload.cid] = upload
            self.found((blob,))
            self._tell(Completed("upload", str(upload.file), upload.size, is_known=True))

    def _upload(self, upload: Upload) -> None:
        if upload.cid not in self._lacking:  # another client's record refers to it by now
            return
        self._hooks.check()
        source = _Watched(self._sources[upload.cid], str(upload.file), self._tell, self._queue.slow_down)
        try:
            blob = self._repository.upload_blob(source, upload.mime_type, cid=upload.cid)
        except OSError as error:  # of a caller's stream
            hint = "check it, then run it again"
            raise RepositoryError(f"{upload.file} cannot be read: {error.strerror or error}", hint=hint) from error
        if (blob.cid, blob.size) != (upload.cid, upload.size):
            hint = "did the file change? run it again"
            raise RepositoryError(f"{upload.file} arrived as another blob than planned ({blob.cid})", hint=hint)
        self._journal.add(blob)
        self.found((blob,))
        self._tell(Completed("upload", str(upload.file), upload.size))

    def _tell(self, progress: Progress) -> None:
        with self._telling:
            self._hooks.on_progress(progress)


@dataclass(slots=True)
class _Watched:
    """A source that tells how far it was read, and of each new try."""

    source: BlobSource
    file: str
    tell: Callable[[Progress], None]
    retry: Callable[[], None]
    tries: int = 0

    @property
    def size(self) -> int:
        return self.source.size

    def open(self) -> BinaryIO:
        self.tries += 1
        if self.tries > 1:
            self.retry()
        return cast("BinaryIO", _WatchedStream(self.source.open(), self._advance))

    def _advance(self, done: int) -> None:
        self.tell(Advanced("upload", self.file, done, self.size))


class _WatchedStream(io.RawIOBase):
    """A stream that tells how many bytes were read."""

    def __init__(self, stream: BinaryIO, advance: Callable[[int], None]) -> None:
        self._stream = stream
        self._advance = advance
        self._done = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._stream.read(size)
        self._done += len(chunk)
        if chunk:
            self._advance(self._done)
        return chunk

    def close(self) -> None:
        self._stream.close()
        super().close()


def _upload_of(blob: Blob) -> Upload:
    return Upload(blob.cid, blob.size, blob.mime_type, Path(blob.cid))


def _blobs_of(changes: Iterable[Change]) -> Iterator[Blob]:
    """Yield the blobs that the records of some changes refer to."""
    return (blob for change in changes if change.after is not None for blob in blobs_in(change.after))
