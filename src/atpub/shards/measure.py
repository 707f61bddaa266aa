"""Local shards: their size, digest and samples, measured in parallel and remembered between runs."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from atpub.atomic_files import write_text
from atpub.atproto.mime_types import ANY_BYTES, HEAD_LENGTH, sniff
from atpub.problems import Problem
from atpub.progress import Advanced, Completed, Ended, Failed, OnProgress, Started, ignore
from atpub.shards.cache import Entries, Entry, FileIdentity, dump_entries, load_entries
from atpub.shards.digest_stream import DigestStream
from atpub.shards.file_facts import FileFacts, Measured
from atpub.shards.sample_types import SampleFilter
from atpub.shards.stand_ins import stand_in_blob
from atpub.shards.tar import FIRST_SAMPLE, TarFacts, read_tar

_CACHE_FILE = "measured-shards.json"
_AGAIN = "wait until nothing writes to it, and run again"


def measure_files(
    paths: Iterable[Path],
    *,
    workers: int | None = None,
    cache: Path | None = None,
    tar: bool = True,
    samples: Mapping[Path, SampleFilter] = MappingProxyType({}),
    on_progress: OnProgress = ignore,
) -> Mapping[Path, Measured]:
    """Measure each file, in the order given: its facts, or its problem. Reads each file in constant memory.

    `workers` threads hash at once (None: one for each CPU, at most 8). `cache` is a folder that remembers facts;
    whatever is wrong with it costs time only. Without `tar`, any file will do and samples are not counted. `samples`
    says of which shards more than the first sample is looked at, in the same pass; the cache does not know these.
    """
    unique = list(dict.fromkeys(paths))
    if not unique:
        return {}
    run = _Run(tar, on_progress, samples, dict(_load_cache(cache)))
    on_progress(Started("hash", len(unique), _total_size(unique)))
    try:
        results: dict[Path, Measured | None] = {path: run.recall(path) for path in unique}
        unknown = [path for path, facts in results.items() if facts is None]
        results.update(zip(unknown, _in_parallel(run.measure, unknown, workers or _default_workers()), strict=True))
    finally:
        on_progress(Ended("hash"))
        if run.learned:
            _save_cache(cache, run.merged())
    return MappingProxyType({path: facts for path, facts in results.items() if facts is not None})


def _default_workers() -> int:
    return min(os.cpu_count() or 1, 8)


def _total_size(paths: Iterable[Path]) -> int:
    """Return the bytes of the files that are there."""
    total = 0
    for path in paths:
        with suppress(OSError):  # measuring it reports that
            found = path.stat()
            total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total


def _in_parallel(measure: Callable[[Path], Measured], paths: Sequence[Path], workers: int) -> list[Measured]:
    pool = ThreadPoolExecutor(max_workers=max(1, min(workers, len(paths))), thread_name_prefix="atpub-measure")
    try:
        return list(pool.map(measure, paths))
    finally:
        # After Ctrl-C the files that wait must not be read first.
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Run:
    """One call of `measure_files`: how to measure, what is known, and what is learned on the way."""

    tar: bool
    on_progress: OnProgress
    samples: Mapping[Path, SampleFilter]
    known: dict[str, Entry]
    learned: dict[str, Entry] = field(default_factory=dict[str, Entry])

    def recall(self, path: Path) -> FileFacts | None:
        """Return the cached facts of an unchanged file."""
        entry = self.known.get(str(path.absolute()))
        if entry is None or path in self.samples or (self.tar and entry.samples is None):
            return None
        try:
            unchanged = FileIdentity.of(path.stat()) == entry.identity
        except OSError:
            return None
        if not unchanged:
            return None
        try:
            facts = self._facts(path, entry)
        except OSError:
            return None
        self.on_progress(Completed("hash", str(path), entry.identity.size, is_known=True))
        return facts

    def measure(self, path: Path) -> Measured:
        """Measure a file by reading it."""
        found = self._try_to_measure(path)
        self.on_progress(
            Failed("hash", str(path)) if isinstance(found, Problem) else Completed("hash", str(path), found.size)
        )
        return found

    def _try_to_measure(self, path: Path) -> Measured:
        try:
            entry = self._read(path)
            return entry if isinstance(entry, Problem) else self._facts(path, entry)
        except OSError as error:
            return Problem("file-unreadable", f"{path} cannot be read: {error.strerror or error}")

    def _read(self, path: Path) -> Entry | Problem:
        started = time.time_ns()
        before = path.stat()
        if not stat.S_ISREG(before.st_mode):
            return Problem("not-a-regular-file", f"{path} is not a regular file")
        with path.open("rb", buffering=0) as file:
            stream = DigestStream(file, before.st_size, self._report(path, before.st_size))
            held = self._look(stream, path)
            if isinstance(held, Problem):
                return held
            digest = stream.hexdigest()
        identity = FileIdentity.of(before)
        if FileIdentity.of(path.stat()) != identity:
            return Problem("file-changed", f"{path} changed while it was read", hint=_AGAIN)
        entry = Entry(identity, digest, None)
        if held is not None:
            entry = Entry(identity, digest, held.samples, held.notes, held.first, held.others)
        if identity.is_settled(started):
            self.learned[str(path.absolute())] = entry
        return entry

    def _look(self, stream: DigestStream, path: Path) -> TarFacts | Problem | None:
        if self.tar:
            return read_tar(stream, str(path), samples=self.samples.get(path, FIRST_SAMPLE))
        return stand_in_blob(stream.read(HEAD_LENGTH), str(path))

    def _report(self, path: Path, size: int) -> Callable[[int], object]:
        """Return what tells the progress of a file."""
        name = str(path)
        return lambda done: self.on_progress(Advanced("hash", name, done, size))

    def _facts(self, path: Path, entry: Entry) -> FileFacts:
        size = entry.identity.size
        if self.tar:
            return FileFacts(
                size, entry.sha256, entry.samples, notes=entry.notes, first=entry.first, others=entry.others
            )
        with path.open("rb") as stream:
            return FileFacts(size, entry.sha256, None, sniff(stream.read(HEAD_LENGTH)) or ANY_BYTES)

    def merged(self) -> Entries:
        """Return the cache entries with those of this run, the newest last."""
        return {path: entry for path, entry in self.known.items() if path not in self.learned} | self.learned


def _load_cache(folder: Path | None) -> Entries:
    try:
        return load_entries((folder / _CACHE_FILE).read_text("utf-8")) if folder else {}
    except (OSError, ValueError):
        return {}


def _save_cache(folder: Path | None, entries: Entries) -> None:
    if folder is None:
        return
    # A cache that cannot be written (a full disk, a read-only checkout) is one that is not there.
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / _CACHE_FILE, dump_entries(entries), private=True)
