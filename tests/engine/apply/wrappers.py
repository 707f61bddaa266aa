"""Small repositories around a real one: they count, narrow its limits, and fail at the call that a test names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from atpub.atproto.data import Blob
from atpub.atproto.syntax import Cid, Did, Nsid, RecordPath
from atpub.engine.plan.build import points_of
from atpub.errors import RateLimited, RequestTooLarge
from atpub.repository.filter import FollowUp, RecordFilter
from atpub.repository.interface import BlobSource, Limits, Repository
from atpub.repository.model import Commit, Head, Live, Page, Record, Write


class Around:
    """A repository that hands every call on to another; the base of the others here."""

    def __init__(self, inner: Repository) -> None:
        self.inner = inner

    @property
    def did(self) -> Did:
        return self.inner.did

    @property
    def limits(self) -> Limits:
        return self.inner.limits

    def blob_limit(self) -> int | None:
        return self.inner.blob_limit()

    def head(self) -> Head | None:
        return self.inner.head()

    def read(self, wanted: RecordFilter, follow_up: FollowUp | None = None, *, recall: bool = False) -> Live:
        return self.inner.read(wanted, follow_up, recall=recall)

    def get_record(self, path: RecordPath) -> Record | None:
        return self.inner.get_record(path)

    def list_records(self, collection: Nsid, limit: int | None = None, cursor: str | None = None) -> Page:
        return self.inner.list_records(collection, limit, cursor)

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        return self.inner.upload_blob(source, mime_type, cid=cid)

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        return self.inner.apply_writes(writes, swap_commit)

    def get_blob(self, cid: Cid) -> Iterator[bytes]:
        return self.inner.get_blob(cid)

    def blob_source(self, cid: Cid) -> Path | str:
        return self.inner.blob_source(cid)

    def export_car(self, stream: BinaryIO) -> None:
        self.inner.export_car(stream)

    def close(self) -> None:
        self.inner.close()


class Counting(Around):
    """Keeps what was uploaded and what was committed."""

    def __init__(self, inner: Repository) -> None:
        super().__init__(inner)
        self.uploads: list[Blob] = []
        self.batches: list[tuple[Write, ...]] = []

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        blob = self.inner.upload_blob(source, mime_type, cid=cid)
        self.uploads.append(blob)
        return blob

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        commit = self.inner.apply_writes(writes, swap_commit)
        self.batches.append(tuple(writes))
        return commit


class Narrow(Around):
    """Takes no more than so many writes at once, and so large a blob; says so, or leaves it to be found out."""

    def __init__(self, inner: Repository, writes: int, *, blob: int | None = None, told: bool = True) -> None:
        super().__init__(inner)
        self.writes = writes
        self.refused = 0
        self._limits = replace(inner.limits, writes=writes if told else inner.limits.writes)
        self._blob = blob

    @property
    def limits(self) -> Limits:
        return self._limits

    def blob_limit(self) -> int | None:
        return self._blob

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        if len(writes) > self.writes:
            self.refused += 1
            raise RequestTooLarge(f"{len(writes)} writes; {self.writes} are allowed")
        return self.inner.apply_writes(writes, swap_commit)


When: TypeAlias = Literal["before", "after"]


class Crash(Exception):
    """The process dies here."""


class Failing(Around):
    """Raises at these commits (counted from 0), before or after carrying them out; else goes on as usual."""

    def __init__(
        self, inner: Repository, at: Collection[int], error: Callable[[], Exception], when: When = "before"
    ) -> None:
        super().__init__(inner)
        self._at = at
        self._error = error
        self._when: When = when
        self.calls = 0

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        call, self.calls = self.calls, self.calls + 1
        if call not in self._at:
            return self.inner.apply_writes(writes, swap_commit)
        if self._when == "after":
            self.inner.apply_writes(writes, swap_commit)
        raise self._error()


class Interrupted(Around):
    """Another client does something just before the n-th commit (from 0 on)."""

    def __init__(self, inner: Repository, at: int, meanwhile: Callable[[], None]) -> None:
        super().__init__(inner)
        self._at = at
        self._meanwhile = meanwhile
        self.calls = 0

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        call, self.calls = self.calls, self.calls + 1
        if call == self._at:
            self._meanwhile()
        return self.inner.apply_writes(writes, swap_commit)


class Metered(Around):
    """Takes writes of so many points an hour, and says what is left after the first reply, as a PDS does."""

    def __init__(self, inner: Repository, points: int, *, told: bool = True) -> None:
        super().__init__(inner)
        self.points = self._left = points
        self.now = 1_714_564_800
        self.sizes: list[int] = []
        self.refused = 0
        self.told = told
        self._heard = False

    @property
    def reset(self) -> int:
        """The end of this hour, in seconds since 1970."""
        return (self.now // 3600 + 1) * 3600

    @property
    def limits(self) -> Limits:
        known = (self._left, self.reset) if self._heard and self.told else (None, None)
        return replace(self.inner.limits, points=known[0], reset=known[1])

    def spend(self, points: int) -> None:
        """Another client writes."""
        self._left -= points

    def wait(self, until: int) -> None:
        """The hour passes."""
        assert until == self.reset
        self.now, self._left, self._heard = until, self.points, False

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        cost = points_of(map(type, writes))
        self._heard = True
        if cost > self._left:
            self.refused += 1
            self._left = 0
            raise RateLimited("too many", reset=self.reset)
        self._left -= cost
        self.sizes.append(len(writes))
        return self.inner.apply_writes(writes, swap_commit)
