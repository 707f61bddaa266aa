"""`atpub lock`: the lock of a manifest's data, brought up to date."""

from __future__ import annotations

from atpub.cli.interrupt import continuing
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, tell, tell_warnings
from atpub.cli.progress import show_progress
from atpub.desired import read_manifest
from atpub.errors import Usage
from atpub.executors import open_executor
from atpub.measuring.update import update_lock
from atpub.report.results import absent_text, lock_json, lock_text
from atpub.user_folders import cache_folder


def run_lock(
    manifests: tuple[str, ...],
    environment: str | None,
    *,
    as_json: bool,
    prune: bool,
    check: bool,
    index: str | None,
    executor: str,
) -> int:
    """Update atpub.lock, and print what changed.

    Return 1 where the checksum of a shard was not found; with `check`, 2 where the lock is out of date.
    """
    if check and index:
        raise Usage("--check writes nothing, and --index a file", hint="give one of them")
    manifest = read_manifest(manifests, environment, environ())
    rest = "the shards that are not measured yet"
    with continuing(rest), open_executor(executor) as opened, show_progress() as on_progress:
        update = update_lock(
            manifest,
            prune=prune,
            check=check,
            index=index is not None,
            cache=cache_folder(),
            executor=opened,
            on_progress=on_progress,
        )
    if as_json:
        print_json(lock_json(update))
    else:
        if update.absent:
            tell(absent_text(update))
        print_data(lock_text(update, is_check=check))
    tell_warnings((*update.warnings, *update.failures))
    if update.failures:
        return 1
    return 2 if check and not update.is_current else 0
