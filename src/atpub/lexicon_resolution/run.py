"""`atpub lex pull`: published lexicons as files in a folder, with a lock beside it.

Everything is fetched and checked before the first file is written.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from atpub.atomic_files import write_text
from atpub.atproto.syntax import Nsid
from atpub.errors import AtpubError, FileConflict
from atpub.lexicon_resolution.closure import (
    PulledLexicon,
    PullOptions,
    State,
    collect,
)
from atpub.lexicon_resolution.shelf import Shelf
from atpub.lexicon_resolution.sources import LexiconSource
from atpub.lexicon_tools.layout import format_json
from atpub.lexicon_tools.starters import path_of
from atpub.manifest.lexicon_lock import LexiconLock, Resolution, lock_text
from atpub.problems import Problem
from atpub.text.paths import outside_target


@dataclass(frozen=True, slots=True)
class PulledFile:
    """A lexicon that was pulled now or before, and its file."""

    nsid: Nsid
    file: Path
    state: State
    resolution: Resolution


@dataclass(frozen=True, slots=True)
class PullResult:
    """The lexicons of a lock, the files that it no longer needs, and warnings about what is not published."""

    files: tuple[PulledFile, ...]
    unneeded: tuple[str, ...]
    warnings: tuple[Problem, ...]


def pull(shelf: Shelf, options: PullOptions, source: LexiconSource) -> PullResult:
    """Pull lexicons into a folder and lock them; raises before anything is written."""
    start = time.monotonic()
    lock, held = shelf.read_lock(), shelf.read()
    collected = collect(held, lock, source, options, lambda: time.monotonic() - start)
    files = [_place(item, shelf) for _, item in sorted(collected.pulled.items())]
    for file in files:
        if file.state != "unchanged":
            _check_path(file, shelf, collected.pulled[file.nsid], force=options.force)
    roots = lock.roots | options.names
    new = LexiconLock(roots, {file.nsid: file.resolution for file in files})
    _write(files, collected.pulled, shelf, lock_text(new))
    unneeded = (held[nsid].file for nsid in sorted(lock.resolutions.keys() - new.resolutions) if nsid in held)
    return PullResult(tuple(files), tuple(unneeded), tuple(map(_warning, collected.missing.values())))


def _place(item: PulledLexicon, shelf: Shelf) -> PulledFile:
    file = Path(item.held.file) if item.held else shelf.folder / path_of(item.found.nsid)
    return PulledFile(item.found.nsid, file, item.state, item.found.resolution)


def _check_path(file: PulledFile, shelf: Shelf, item: PulledLexicon, *, force: bool) -> None:
    """Raise FileConflict where a symlink leads out of the folder, or another file is in the way."""
    if outside := outside_target(file.file.parent, shelf.folder):
        message = f"{file.file.parent} leads to {outside}, outside the folder {shelf.folder}"
        raise FileConflict(message, hint="replace the symlink by a folder")
    above = next((path for path in file.file.parents if os.path.lexists(path)), shelf.folder)
    if not above.is_dir():
        raise FileConflict(f"{above} exists and is not a folder", hint="move it away")
    is_there = os.path.lexists(file.file)
    if is_there and not file.file.is_file():
        raise FileConflict(f"{file.file} exists and is not a file", hint="move it away")
    if is_there and item.held is None and not force:
        raise FileConflict(f"{file.file} exists and is not the lexicon {file.nsid}", hint="move it away, or --force")


def _write(files: Iterable[PulledFile], pulled: Mapping[Nsid, PulledLexicon], shelf: Shelf, lock: str) -> None:
    """Write the lock, then the files that have changed: if they are interrupted, the next pull restores the others."""
    texts = {
        file.file: format_json(json.dumps(pulled[file.nsid].found.value, ensure_ascii=False))
        for file in files
        if file.state != "unchanged"
    }
    shelf.folder.mkdir(parents=True, exist_ok=True)
    if not shelf.lock.exists() or shelf.lock.read_bytes() != lock.encode():
        write_text(shelf.lock, lock)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)


def _warning(error: AtpubError) -> Problem:
    return Problem("lexicon-not-published", f"{error.message}: it is only mentioned there", None, error.hint, "warning")
