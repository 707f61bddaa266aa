"""The update of a lock, for people and for programs."""

from __future__ import annotations

from atpub.atproto.data import JsonObject
from atpub.report.problems import FORMAT_VERSION
from atpub.report.style import counted
from atpub.shards.lock import listed
from atpub.shards.locking import LockUpdate


def lock_text(update: LockUpdate) -> str:
    """Return a line with the numbers of locked files and URLs, and of those that changed."""
    kinds = [(len(update.lock.files), "file"), (len(update.lock.urls), "URL")]
    held = ", ".join(counted(count, noun) for count, noun in kinds if count) or "nothing to lock"
    if not (update.added or update.changed or update.removed):
        return f"{update.file}: {held}, all up to date."
    added, changed, removed = len(update.added), len(update.changed), len(update.removed)
    return f"{update.file}: {held}; {added} added, {changed} changed, {removed} removed."


def absent_text(update: LockUpdate) -> str:
    """Return a line that names the absent files."""
    return f"not here, and kept in the lock: {listed(update.absent)} (--prune drops them)"


def lock_json(update: LockUpdate) -> JsonObject:
    """Return the update as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "lock": str(update.file),
        "files": len(update.lock.files),
        "urls": len(update.lock.urls),
        "added": [*sorted(update.added)],
        "changed": [*sorted(update.changed)],
        "removed": [*sorted(update.removed)],
        "absent": [*sorted(update.absent)],
    }
