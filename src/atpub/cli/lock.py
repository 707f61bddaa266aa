"""`atpub lock`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from atpub.cli.files import write_text
from atpub.cli.options import json_option, manifest_options

if TYPE_CHECKING:
    from atpub.atproto.data import JsonObject
    from atpub.shards.facts import Facts
    from atpub.shards.lock import Lock


@click.command("lock")
@manifest_options
@json_option
@click.option("--prune", is_flag=True, help="Begin anew: files that are not here leave the lock.")
def command(manifests: tuple[str, ...], environment: str | None, *, as_json: bool, prune: bool) -> int:
    """Write down what the data is: atpub.lock, beside the manifest, to be committed with it.

    It has the size, SHA-256 and number of samples of each local file that the manifest names, and the SHA-256 of each
    URL for which a checksum file has it; of nothing else. Where such a file is not there, the lock stands in for it:
    validate and plan need no data, and apply only that which is not published yet. Where a file is there, it counts:
    if it is not what the lock says, that is a warning, and with --locked an error.

    A file that is in the lock and not here stays in it, if the manifest names it still; with --prune it does not.
    """
    # Help does not wait for these.
    from atpub.cli.output import print_data, print_json
    from atpub.pipeline import read_manifest
    from atpub.shards.facts import gather
    from atpub.shards.lock import LOCK_FILE, Lock, dump_lock
    from atpub.user_folders import cache_folder

    manifest = read_manifest(manifests, environment)
    before = _before(manifest.folder, prune=prune)
    facts = gather(manifest, lock=None if prune else before, cache=cache_folder())
    _stop_at_errors(facts)
    file = manifest.folder / LOCK_FILE
    _write(file, dump_lock(facts.lock))
    changes = _changes(before or Lock(), facts, manifest.folder)
    if as_json:
        print_json(_as_json(file, facts.lock, changes))
    else:
        _tell_absent(changes)
        print_data(f"{file}: {_as_text(facts.lock, changes)}")
    return 0


def _before(folder: Path, *, prune: bool) -> Lock | None:
    """The lock that is there; with `prune`, a broken one is none."""
    from atpub.errors import InvalidInput
    from atpub.shards.lock import read_lock

    try:
        return read_lock(folder)
    except InvalidInput:
        if not prune:
            raise
        return None


def _stop_at_errors(facts: Facts) -> None:
    from atpub.errors import InvalidInput

    # What differs from the lock is no reason to stop, and no news: the lock is made to say it.
    errors = tuple(problem for problem in facts.problems if problem.severity == "error")
    if errors:
        raise InvalidInput(errors)


def _write(file: Path, text: str) -> None:
    """Write a file whole or not at all; one that is right already is not touched."""
    file = file.resolve()  # or a symlink would give way to a file
    if file.is_file() and file.read_bytes() == text.encode():
        return
    write_text(file, text)


@dataclass(frozen=True, slots=True)
class _Changes:
    """The files and URLs that a new lock has, has otherwise and has no more, and those that it took from the old."""

    added: Sequence[str]
    changed: Sequence[str]
    removed: Sequence[str]
    absent: Sequence[str]


def _changes(before: Lock, facts: Facts, folder: Path) -> _Changes:
    old, new = {**before.files, **before.urls}, {**facts.lock.files, **facts.lock.urls}
    return _Changes(
        added=[name for name in new if name not in old],
        changed=[name for name, known in new.items() if name in old and old[name] != known],
        removed=[name for name in old if name not in new],
        absent=[name for name in facts.lock.files if folder / name in facts.absent],
    )


def _tell_absent(changes: _Changes) -> None:
    from atpub.cli.output import tell
    from atpub.shards.lock import listed

    if changes.absent:
        tell(f"not here, and kept as they were: {listed(changes.absent)} (or forget them: --prune)")


def _as_text(lock: Lock, changes: _Changes) -> str:
    from atpub.report.style import counted

    kinds = [(len(lock.files), "file"), (len(lock.urls), "URL")]
    held = ", ".join(counted(count, noun) for count, noun in kinds if count) or "nothing to lock"
    if not (changes.added or changes.changed or changes.removed):
        return f"{held}, all up to date."
    added, changed, removed = len(changes.added), len(changes.changed), len(changes.removed)
    return f"{held}; {added} added, {changed} changed, {removed} removed."


def _as_json(file: Path, lock: Lock, changes: _Changes) -> JsonObject:
    from atpub.report.problems import FORMAT_VERSION

    return {
        "format_version": FORMAT_VERSION,
        "lock": str(file),
        "files": len(lock.files),
        "urls": len(lock.urls),
        "added": [*sorted(changes.added)],
        "changed": [*sorted(changes.changed)],
        "removed": [*sorted(changes.removed)],
        "absent": [*sorted(changes.absent)],
    }
