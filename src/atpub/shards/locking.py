"""Updating atpub.lock: measure the data that a manifest names, and write down what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from atpub.atomic_files import write_text
from atpub.errors import InvalidInput
from atpub.manifest.model import Manifest
from atpub.progress import OnProgress, ignore
from atpub.shards.facts import Facts, gather
from atpub.shards.lock import LOCK_FILE, Lock, dump_lock, read_lock


@dataclass(frozen=True, slots=True)
class LockUpdate:
    """A lock that was written, and how it differs from the lock before it, by the names of files and URLs.

    `absent` files are not on this machine; the lock keeps their entries.
    """

    file: Path
    lock: Lock
    added: Sequence[str]
    changed: Sequence[str]
    removed: Sequence[str]
    absent: Sequence[str]


def update_lock(
    manifest: Manifest, *, prune: bool = False, cache: Path | None = None, on_progress: OnProgress = ignore
) -> LockUpdate:
    """Measure a manifest's data and write the lock beside the manifest; an up-to-date lock is not touched.

    `prune` drops the entries of absent files; `cache` is the folder of earlier measurements. Raises InvalidInput if the
    data has errors, or if the lock cannot be read and is not pruned.
    """
    before = _read_lock(manifest.folder, prune=prune)
    facts = gather(manifest, lock=None if prune else before, cache=cache, on_progress=on_progress)
    _check(facts)
    file = manifest.folder / LOCK_FILE
    _write(file, dump_lock(facts.lock))
    return _compare(file, before or Lock(), facts)


def _read_lock(folder: Path, *, prune: bool) -> Lock | None:
    """Read the present lock; with `prune`, a broken lock is ignored."""
    try:
        return read_lock(folder)
    except InvalidInput:
        if not prune:
            raise
        return None


def _check(facts: Facts) -> None:
    # Differences from the lock are only warnings, which the new lock resolves.
    errors = tuple(problem for problem in facts.problems if problem.severity == "error")
    if errors:
        raise InvalidInput(errors)


def _write(file: Path, text: str) -> None:
    if not file.is_symlink() and file.is_file() and file.read_bytes() == text.encode():
        return
    write_text(file, text)


def _compare(file: Path, before: Lock, facts: Facts) -> LockUpdate:
    old, new = {**before.files, **before.urls}, {**facts.lock.files, **facts.lock.urls}
    return LockUpdate(
        file,
        facts.lock,
        added=[name for name in new if name not in old],
        changed=[name for name, known in new.items() if name in old and old[name] != known],
        removed=[name for name in old if name not in new],
        absent=[name for name in facts.lock.files if file.parent / name in facts.absent],
    )
