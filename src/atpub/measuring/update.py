"""Updating atpub.lock: measure the data that a manifest names, and write down what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from atpub.atomic_files import require_own, write_text
from atpub.errors import InvalidInput
from atpub.manifest.model import Manifest
from atpub.measuring.journal import Journal
from atpub.measuring.model import UNREAD, FailedShard, KnownShard, MeasuredShard, Outcome, ShardTask
from atpub.measuring.wids import INDEX_START, build_indexes, index_file
from atpub.problems import Problem
from atpub.progress import OnProgress, ignore
from atpub.shards.facts import Facts, gather
from atpub.shards.lock import LOCK_FILE, Lock, StoreFacts, dump_lock, read_lock
from atpub.shards.remote import AskedShard
from atpub.storage.registry import http_url


@dataclass(frozen=True, slots=True)
class LockUpdate:
    """A lock, and how it differs from the lock before it, by the names of files and URLs.

    `absent` files are not on this machine; the lock keeps their entries, as it does those of `failures`: shards whose
    store did not state what it was asked for. `warnings` are those of shards that were read.
    """

    file: Path
    lock: Lock
    added: Sequence[str]
    changed: Sequence[str]
    removed: Sequence[str]
    absent: Sequence[str]
    failures: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()
    read: int = 0
    """The number of bytes of the shards at URLs that were read."""

    @property
    def is_current(self) -> bool:
        """Whether the lock before it is the same."""
        return not (self.added or self.changed or self.removed)


def update_lock(
    manifest: Manifest,
    *,
    prune: bool = False,
    check: bool = False,
    index: bool = False,
    cache: Path | None = None,
    executor: Executor | None = None,
    on_progress: OnProgress = ignore,
) -> LockUpdate:
    """Measure a manifest's data and write the lock beside the manifest; an up-to-date lock is not touched.

    `prune` drops the entries of absent files; `cache` is the folder of earlier measurements; `check` writes nothing and
    reads no shard at a URL; `index` also writes an index of each dataset for wids. An `executor` measures shards at
    URLs in place of threads. Raises InvalidInput if the data has errors, or if the lock cannot be read and is not
    pruned, and FileConflict if an index would replace another file.
    """
    before = _read_lock(manifest.folder, prune=prune)
    facts = gather(manifest, lock=None if prune else before, cache=cache)
    _check(facts)
    for address in facts.shards if index else ():
        require_own(manifest.folder / index_file(address), "an index of a dataset", INDEX_START)
    journal = Journal(manifest.folder)
    found = _Found(journal, check=check)
    try:
        if facts.asked:
            from atpub.measuring.run import measure_all  # brings the network, which files need not

            tasks = _tasks(facts.asked, before or Lock(), journal.read(), check=check)
            measure_all(tasks, found.add, executor=executor, on_progress=on_progress)
    finally:
        update = _compare(manifest.folder / LOCK_FILE, before or Lock(), facts, found)
        if not check:
            _write(update.file, dump_lock(update.lock))
            journal.remove()
    return _with_indexes(update, facts) if index else update


def _with_indexes(update: LockUpdate, facts: Facts) -> LockUpdate:
    """Write the index of each dataset."""
    problems: list[Problem] = []
    folder = update.file.parent
    for address, text in build_indexes(facts, update.lock, folder):
        if isinstance(text, Problem):
            problems.append(text)
        else:
            _write(folder / index_file(address), text)
    return replace(update, failures=(*update.failures, *problems))


def _read_lock(folder: Path, *, prune: bool) -> Lock | None:
    """Read the present lock; with `prune`, a broken lock is ignored."""
    try:
        return read_lock(folder)
    except InvalidInput:
        if not prune:
            raise
        return None


def _check(facts: Facts) -> None:
    # Differences from the lock are only warnings, which the new lock resolves; it also has the missing checksums.
    errors = [problem for problem in facts.problems if problem.severity == "error"]
    errors = [problem for problem in errors if problem.code != "checksum-not-locked"]
    if errors:
        raise InvalidInput(tuple(errors))


def _tasks(
    asked: Sequence[AskedShard], lock: Lock, journal: Mapping[str, MeasuredShard], *, check: bool
) -> Sequence[ShardTask]:
    tasks: dict[str, ShardTask] = {}
    for shard in asked:
        if shard.url not in tasks or shard.missing == "fetch":
            known = _known(shard.url, lock, journal)
            address = http_url(shard.location, shard.endpoint)
            tasks[shard.url] = ShardTask(shard.url, address, shard.missing, shard.endpoint, known, is_check=check)
    return list(tasks.values())


def _known(url: str, lock: Lock, journal: Mapping[str, MeasuredShard]) -> KnownShard | None:
    """Return what the run that broke off has measured, else what the lock has."""
    if shard := journal.get(url):
        return KnownShard(shard.sha256, shard.facts, is_recent=True)
    return KnownShard(lock.urls[url], lock.stored[url]) if url in lock.urls and url in lock.stored else None


class _Found:
    """The outcomes so far; those that are new are also in the journal."""

    def __init__(self, journal: Journal, *, check: bool) -> None:
        self._journal = journal
        self._is_check = check
        self.measured: dict[str, MeasuredShard] = {}
        self.failed: dict[str, Problem] = {}

    def add(self, outcome: Outcome) -> None:
        """Take one more outcome."""
        if isinstance(outcome, FailedShard):
            self.failed[outcome.url] = outcome.problem
            return
        self.measured[outcome.url] = outcome
        if outcome.source != "known" and not self._is_check:
            self._journal.add(outcome)

    def lock(self, facts: Facts, before: Lock) -> Lock:
        """Return the lock of all that is known; shards without an outcome keep their entries."""
        urls, stored = dict(facts.lock.urls), dict(facts.lock.stored)
        for shard in facts.asked:
            if found := self.measured.get(shard.url):
                urls[shard.url], stored[shard.url] = found.sha256, found.facts
            elif shard.url in before.urls:
                urls[shard.url] = before.urls[shard.url]
                stored[shard.url] = before.stored.get(shard.url, StoreFacts())
        return Lock(facts.lock.files, urls, stored)


def _write(file: Path, text: str) -> None:
    if not file.is_symlink() and file.is_file() and file.read_bytes() == text.encode():
        return
    write_text(file, text)


def _compare(file: Path, before: Lock, facts: Facts, found: _Found) -> LockUpdate:
    lock = found.lock(facts, before)
    old, new = _entries(before), _entries(lock)
    places = {shard.url: shard.place for shard in facts.asked}
    failed = [replace(problem, place=places[url]) for url, problem in found.failed.items()]
    odd = [replace(shard.warning, place=places[url]) for url, shard in found.measured.items() if shard.warning]
    unread = {url: None for url, problem in found.failed.items() if problem.code == UNREAD}
    return LockUpdate(
        file,
        lock,
        added=[name for name in new if name not in old] + [url for url in unread if url not in old],
        changed=[name for name in new if name in old and (old[name] != new[name] or name in unread)],
        removed=[name for name in old if name not in new],
        absent=[name for name in lock.files if file.parent / name in facts.absent],
        failures=[problem for problem in failed if problem.code != UNREAD],
        warnings=odd,
        read=sum(shard.facts.size or 0 for shard in found.measured.values() if shard.source == "read"),
    )


def _entries(lock: Lock) -> Mapping[str, object]:
    return {**lock.files, **{url: (digest, lock.stored.get(url)) for url, digest in lock.urls.items()}}
