"""`atpub lock`: the lock of a manifest's data, brought up to date."""

from __future__ import annotations

from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, tell
from atpub.cli.progress import show_progress
from atpub.desired import read_manifest
from atpub.report.results import LockSummary, absent_text, lock_json, lock_text
from atpub.shards.locking import LockUpdate, update_lock
from atpub.user_folders import cache_folder


def run_lock(manifests: tuple[str, ...], environment: str | None, *, as_json: bool, prune: bool) -> None:
    """Update atpub.lock, and print what changed."""
    manifest = read_manifest(manifests, environment, environ())
    with show_progress() as on_progress:
        lock = _summary(update_lock(manifest, prune=prune, cache=cache_folder(), on_progress=on_progress))
    if as_json:
        print_json(lock_json(lock))
        return
    if lock.absent:
        tell(absent_text(lock))
    print_data(lock_text(lock))


def _summary(update: LockUpdate) -> LockSummary:
    return LockSummary(
        update.file,
        len(update.lock.files),
        len(update.lock.urls),
        update.added,
        update.changed,
        update.removed,
        update.absent,
    )
