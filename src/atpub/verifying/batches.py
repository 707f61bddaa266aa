"""Looking at many blobs and shards: in batches, several at once, and within a limit of bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final

from atpub.errors import Interrupted
from atpub.executors import result_of, submit_batches
from atpub.progress import Advanced, Completed, Ended, OnProgress, Started, ignore
from atpub.pulling.download import Source
from atpub.verifying.model import DataLocation, Reading
from atpub.verifying.reading import read_batch, read_found

MOST_BYTES: Final = 1 << 40
"""The most bytes that are read if the user states no limit."""

_HEADS_AT_ONCE: Final = 16
_WHOLE_AT_ONCE: Final = 4
_BATCH: Final = 32
_BATCH_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class BatchReader:
    """How locations are looked at: in threads, or by an executor, whose workers need atpub and the same files."""

    max_bytes: int = MOST_BYTES
    executor: Executor | None = None
    on_progress: OnProgress = ignore
    stop: Event = field(default_factory=Event)
    sizes: dict[Source, int] = field(default_factory=dict[Source, int])
    """The bytes of shards at URLs, as their servers state them."""

    def look_at(self, locations: Iterable[DataLocation]) -> Mapping[DataLocation, Reading]:
        """Return what was found at each location, each looked at once.

        Whether all of a shard at a URL is read depends on its size, so its server is asked for that first.
        """
        wanted = list(dict.fromkeys(locations))
        known = [location.size for location in wanted if location.depth == "whole"]
        size = sum(filter(None, known)) if known and None not in known else None
        self.on_progress(Started("verify", len(wanted), size))
        try:
            return self._look_at(wanted)
        finally:
            self.on_progress(Ended("verify"))

    def _look_at(self, wanted: Sequence[DataLocation]) -> Mapping[DataLocation, Reading]:
        asked: dict[DataLocation, list[DataLocation]] = defaultdict(list)
        for item in wanted:
            if item.depth == "head" or (item.size is None and not isinstance(item.source, Path)):
                asked[replace(item, depth="head")].append(item)
        found: dict[DataLocation, Reading] = {}

        def note_head(head: DataLocation, reading: Reading) -> None:
            for item in asked[head]:
                found[item] = reading
                if item.depth == "head" or reading.fault:
                    self._complete(item, reading)

        self._run(list(asked), _HEADS_AT_ONCE, note_head)
        self.sizes.update({item.source: reading.size for item, reading in found.items() if reading.size is not None})
        further = [item for item in wanted if item.depth != "head" and (item not in found or not found[item].fault)]
        samples = {item: item for item in further if item.depth == "sample"}
        whole, refused = self._within_limit([item for item in further if item.depth == "whole"], found)
        for item, reading in refused.items():
            found[item] = reading
            self._complete(item, reading)
        parts = {**samples, **whole}

        def note(part: DataLocation, reading: Reading) -> None:
            item = parts[part]
            found[item] = _merge(found.get(item, Reading()), reading)
            self._complete(item, reading)

        self._run(list(samples), _HEADS_AT_ONCE, note)
        self._run(list(whole), _WHOLE_AT_ONCE, note)
        return found

    def _complete(self, location: DataLocation, found: Reading) -> None:
        self.on_progress(Completed("verify", location.name, found.read))

    def _within_limit(
        self, wanted: Collection[DataLocation], asked: Mapping[DataLocation, Reading]
    ) -> tuple[dict[DataLocation, DataLocation], dict[DataLocation, Reading]]:
        """Share out the limit of bytes: first to those of known size, then equally to the others."""
        left = self.max_bytes
        given: dict[DataLocation, DataLocation] = {}
        refused: dict[DataLocation, Reading] = {}
        open_ended: list[DataLocation] = []
        for item in wanted:
            size = item.size if item.size is not None else asked[item].size
            if size is None:
                open_ended.append(item)
            elif size > left:
                reason = f"not read: with its {size:,} bytes, more than {self.max_bytes:,} would be read in all"
                refused[item] = Reading("oversized", reason, size=size)
            else:
                left -= size
                given[replace(item, most=size)] = item
        for item in open_ended:
            given[replace(item, most=left // len(open_ended))] = item
        return given, refused

    def _run(
        self, locations: Sequence[DataLocation], workers: int, done: Callable[[DataLocation, Reading], object]
    ) -> None:
        """Look at each location, and tell what was found there, in their order."""
        batches = list(_batches(locations, workers))
        with self._results(batches, workers) as results:
            for batch, result in zip(batches, results, strict=True):
                for location, reading in zip(batch, read_found(result), strict=True):
                    done(location, reading)

    @contextmanager
    def _results(self, batches: Sequence[Sequence[DataLocation]], workers: int) -> Generator[Iterator[bytes]]:
        """Yield the results of batches; end those that are left if it is stopped."""
        if self.executor is not None:
            with submit_batches(self.executor, read_batch, batches) as futures:
                yield map(result_of, futures)
            return
        pool = ThreadPoolExecutor(workers, thread_name_prefix="atpub-verify")
        try:
            jobs = [pool.submit(partial(read_batch, watch=self._watch), batch) for batch in batches]
            yield (job.result() for job in jobs)
        except BaseException:
            self.stop.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _watch(self, location: DataLocation, done: int) -> None:
        if self.stop.is_set():
            raise Interrupted("interrupted")
        if location.depth == "whole":
            self.on_progress(Advanced("verify", location.name, done, location.size or self.sizes.get(location.source)))


def _batches(locations: Sequence[DataLocation], workers: int) -> Iterator[Sequence[DataLocation]]:
    """Yield batches for the workers; one that reads many bytes holds few locations."""
    most = min(_BATCH, -(-len(locations) // workers))
    batch: list[DataLocation] = []
    size = 0
    for item in locations:
        cost = item.most if item.depth == "whole" else 0
        if batch and (len(batch) == most or size + cost > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += cost
    if batch:
        yield batch


def _merge(asked: Reading, later: Reading) -> Reading:
    """Return what was found by reading, with the digest that the store states where none was computed."""
    if later.fault:
        return later
    return replace(later, size=asked.size if later.size is None else later.size, sha256=later.sha256 or asked.sha256)
