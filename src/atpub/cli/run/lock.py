"""`atpub lock`."""

from __future__ import annotations

from atpub.cli.output import print_data, print_json, tell
from atpub.pipeline import read_manifest
from atpub.report.lock import absent_text, lock_json, lock_text
from atpub.shards.locking import update_lock
from atpub.user_folders import cache_folder


def run(manifests: tuple[str, ...], environment: str | None, *, as_json: bool, prune: bool) -> None:
    """Update atpub.lock, and print what changed."""
    update = update_lock(read_manifest(manifests, environment), prune=prune, cache=cache_folder())
    if as_json:
        print_json(lock_json(update))
        return
    if update.absent:
        tell(absent_text(update))
    print_data(lock_text(update))
