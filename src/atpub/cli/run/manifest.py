"""`atpub validate`, `atpub lock` and `atpub manifest-schema`: the commands that need no repository."""

from __future__ import annotations

import sys

from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, style_for, tell, tell_warnings
from atpub.desired import read_manifest, validate
from atpub.manifest.schema import manifest_schema
from atpub.report.results import LockSummary, absent_text, lock_json, lock_text, valid_json, valid_text
from atpub.shards.locking import LockUpdate, update_lock
from atpub.user_folders import cache_folder


def run_validate(manifests: tuple[str, ...], environment: str | None, *, as_json: bool, locked: bool) -> None:
    """Validate a manifest, and print the number of its records."""
    manifest = read_manifest(manifests, environment, environ())
    desired, warnings = validate(manifest, locked=locked)
    tell_warnings(warnings)
    if as_json:
        print_json(valid_json(manifest.project, len(desired), warnings))
    else:
        print_data(valid_text(manifest.project, len(desired), warnings, style_for(sys.stdout)))


def run_lock(manifests: tuple[str, ...], environment: str | None, *, as_json: bool, prune: bool) -> None:
    """Update atpub.lock, and print what changed."""
    lock = _summary(update_lock(read_manifest(manifests, environment, environ()), prune=prune, cache=cache_folder()))
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


def run_manifest_schema() -> None:
    """Print the JSON Schema of the manifest."""
    print_json(manifest_schema())
