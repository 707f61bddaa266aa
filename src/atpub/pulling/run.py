"""Pulling a dataset: its shards become files in a folder, several at once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from atpub.errors import AtpubError, Interrupted, Usage
from atpub.progress import Completed, Ended, Failed, OnProgress, Started, ignore
from atpub.pulling.download import new_client
from atpub.pulling.entries import PublishedDataset, PublishedShard
from atpub.pulling.partial import partial_folder
from atpub.pulling.save import ByteLimit, Saver

AT_ONCE: Final = 4
"""The number of shards that are downloaded at once."""
MOST_BYTES: Final = 1 << 40
"""The most bytes of all shards together, if neither the record nor the user states a limit."""

_MOST_FAILURES: Final = 10


@dataclass(frozen=True, slots=True)
class PulledShard:
    """The outcome of one shard: saved now, there already, failed, or not tried after too many failures.

    `continued` is how many of its bytes an earlier run had saved.
    """

    shard: PublishedShard
    file: Path
    status: Literal["saved", "present", "failed", "skipped"]
    size: int = 0
    continued: int = 0
    error: AtpubError | None = None


@dataclass(frozen=True, slots=True)
class PulledDataset:
    """The outcome of all shards, in the order of the record."""

    dataset: PublishedDataset
    folder: Path
    shards: Sequence[PulledShard]

    @property
    def files(self) -> list[Path]:
        """The files that are there."""
        return [item.file for item in self.shards if item.status in ("saved", "present")]

    @property
    def error(self) -> AtpubError | None:
        """The first failure."""
        return next((item.error for item in self.shards if item.error), None)


OnShard = Callable[[PulledShard], object]


def pull_dataset(
    dataset: PublishedDataset,
    folder: Path,
    *,
    max_bytes: int | None = None,
    on_shard: OnShard = lambda _: None,
    on_progress: OnProgress = ignore,
) -> PulledDataset:
    """Save each shard under its name in a folder, which is made; a shard that fails leaves the others alone.

    Each is verified by its checksum, if the record has one. `on_shard` is told of each, in the order of the record.
    `max_bytes` limits all of them together, instead of the size that the record states. Raises Busy, FileConflict.
    """
    if max_bytes is not None and max_bytes < 1:
        raise Usage(f"{max_bytes} is no number of bytes", hint="give 1 or more")
    limit = max_bytes or dataset.size or MOST_BYTES
    with partial_folder(folder) as partials, new_client() as client:
        saver = Saver(dataset.repository, client, folder, partials, ByteLimit(limit), on_progress)
        done: list[PulledShard] = []
        on_progress(Started("download", len(dataset.shards), dataset.size))
        try:
            with closing(_pull_all(saver, dataset.shards)) as items:  # so that threads end before the folder is left
                for item in items:
                    on_shard(item)
                    done.append(item)
        finally:
            on_progress(Ended("download"))
    return PulledDataset(dataset, folder, done)


def _pull_all(saver: Saver, shards: Sequence[PublishedShard]) -> Generator[PulledShard]:
    failures = _Failures()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="atpub-pull") as pool:
        jobs = [pool.submit(_pull, saver, shard, failures) for shard in shards]
        try:
            for job in jobs:
                yield job.result()
        except BaseException:
            saver.stop.set()
            pool.shutdown(cancel_futures=True)
            raise


@dataclass(slots=True)
class _Failures:
    """How many shards have failed; threads may miss each other's last ones."""

    count: int = 0


def _pull(saver: Saver, shard: PublishedShard, failures: _Failures) -> PulledShard:
    item = _try_to_pull(saver, shard, failures)
    if item.status in ("saved", "present"):
        saver.on_progress(Completed("download", shard.name, item.size, is_known=item.status == "present"))
    else:
        saver.on_progress(Failed("download", shard.name))
    return item


def _try_to_pull(saver: Saver, shard: PublishedShard, failures: _Failures) -> PulledShard:
    file = saver.folder / shard.name
    if failures.count >= _MOST_FAILURES:
        return PulledShard(shard, file, "skipped")
    try:
        continued = saver.save(shard)
    except Interrupted:
        raise
    except AtpubError as error:
        failures.count += 1
        return PulledShard(shard, file, "failed", error=error)
    size = file.stat().st_size
    return PulledShard(shard, file, "present" if continued is None else "saved", size, continued or 0)
