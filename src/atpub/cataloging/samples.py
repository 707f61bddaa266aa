"""The first samples of a published dataset, received from its first shard in bounded reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from tarfile import TarError
from time import monotonic
from typing import TYPE_CHECKING, Final

from atpub.atproto.data import Blob
from atpub.catalog.model import SampleSet, SampleValue, SampleView, Scalar
from atpub.cataloging.media import sample_value
from atpub.cataloging.values import read_values
from atpub.errors import AtpubError
from atpub.published.model import DatasetView, ShardView
from atpub.pulling.download import Download, Url
from atpub.pulling.sources import open_url
from atpub.redact import redact_urls
from atpub.repository.interface import Repository, bounded_blob
from atpub.shards.sample_groups import NotASampleError, Sample, group_samples
from atpub.shards.tar_stream import read_members

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import TransportClient

_MOST_SAMPLES: Final = 200
"""So many samples are counted in charts, if `_ENOUGH` bytes hold them."""
_ENOUGH: Final = 4 << 20
_MOST: Final = 64 << 20
"""The most bytes that are received of a shard."""
_PATIENCE: Final = 60.0
"""The most seconds for a shard, after which what has come is shown."""
_MOST_COLUMNS: Final = 50
_LARGEST_BLOB: Final = 1 << 40


def read_samples(
    dataset: DatasetView,
    repository: Repository,
    client: TransportClient,
    shown: int,
    is_stopped: Callable[[], bool] = bool,
) -> SampleSet:
    """Return the first `shown` samples of a dataset; why there are none, or fewer, is said in the result.

    Reading ends early once `is_stopped` returns true.
    """
    if not dataset.shards:
        return SampleSet(problem="The record names no shard.")
    reader = _Reader(max(shown, 1), is_stopped)
    problem: str | None = None
    try:
        with _open_shard(dataset.shards[0], repository, client) as found:
            reader.read(found.chunks)
    except (AtpubError, OSError, NotASampleError, TarError) as error:
        problem = f"The first shard could not be read: {redact_urls(str(error))}"
    return reader.result(None if reader.has_enough else problem)


def _open_shard(shard: ShardView, repository: Repository, client: TransportClient) -> AbstractContextManager[Download]:
    if shard.blob is not None:
        blob = Blob(shard.blob, "application/x-tar", shard.size or _LARGEST_BLOB)
        return nullcontext(Download(iter(bounded_blob(repository, blob))))
    return open_url(client, Url(shard.url or ""))


class _Reader:
    def __init__(self, shown: int, is_stopped: Callable[[], bool]) -> None:
        self._most_shown = shown
        self._is_stopped = is_stopped
        self._shown: list[SampleView] = []
        self._columns: dict[str, list[Scalar]] = {}
        self._looked_at = 0
        self._received = 0

    @property
    def has_enough(self) -> bool:
        """Whether all samples are there that the page shows."""
        return len(self._shown) == self._most_shown

    def read(self, chunks: Iterator[bytes]) -> None:
        """Read samples until there are enough."""
        for sample in group_samples(_files(self._limit(chunks))):
            self._add(sample)
            if self.has_enough and (self._looked_at == _MOST_SAMPLES or self._received > _ENOUGH):
                break

    def _limit(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        end = monotonic() + _PATIENCE
        for chunk in chunks:
            self._received += len(chunk)
            yield chunk
            if self._received > _MOST or monotonic() > end or self._is_stopped():
                return

    def _add(self, sample: Sample) -> None:
        key, files = sample
        values = read_values(files)
        self._looked_at += 1
        if not self.has_enough:
            self._shown.append(SampleView(key, sorted(map(sample_value, values), key=_is_below)))
        for name, scalar in (item for value in values for item in value.scalars.items()):
            if name in self._columns or len(self._columns) < _MOST_COLUMNS:
                self._columns.setdefault(name, []).append(scalar)

    def result(self, problem: str | None) -> SampleSet:
        """Return what was read."""
        if not self._shown and problem is None:
            problem = "The first shard has no samples."
        return SampleSet(self._shown, self._looked_at, self._columns, problem)


def _is_below(value: SampleValue) -> bool:
    """Return whether a value stands below the images of a sample."""
    return value.kind != "image"


def _files(chunks: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    return ((file.name, file.data) for file in read_members(chunks, _ignore) if file.data is not None)


def _ignore(_: bytes) -> None:
    pass
