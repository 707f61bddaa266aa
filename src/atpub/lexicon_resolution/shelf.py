"""A folder of lexicons and its lock: what is in them, what they need, and how they differ."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidInput, RepositoryError, StaleFiles, Usage
from atpub.generated import LEXICONS
from atpub.lexicon_resolution.closure import HeldLexicon, references_of
from atpub.lexicon_resolution.files import read_folder, read_found
from atpub.lexicon_resolution.sources import FoundLexicon
from atpub.lexicon_tools.starters import path_of
from atpub.manifest.lexicon_lock import LexiconLock, find_lock, read_lock


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of lexicons and its lock file."""

    folder: Path
    lock: Path

    @classmethod
    def of(cls, folder: Path, lock: Path | None) -> Shelf:
        """Return a folder with its lock, which is beside it unless it is named; raises Usage for one within."""
        file = lock or find_lock(folder)
        if file.resolve().is_relative_to(folder.resolve()):
            raise Usage(f"the lock {file} may not be in the folder of lexicons", hint="name another: --lock FILE")
        return cls(folder, file)

    def read_lock(self) -> LexiconLock:
        """Read the lock; an empty one if there is none. Raises InvalidInput."""
        return read_lock(str(self.lock)) if os.path.lexists(self.lock) else LexiconLock()

    def read(self) -> Mapping[Nsid, HeldLexicon]:
        """Read the lexicons in the folder."""
        return read_held(self.folder) if self.folder.exists() else {}


def read_held(folder: Path) -> Mapping[Nsid, HeldLexicon]:
    """Read the lexicons in a folder by their NSIDs; those that are invalid have no content."""
    held: dict[Nsid, HeldLexicon] = {}
    for name, source in read_folder(folder).files.items():
        if Nsid.accepts(name):
            found: FoundLexicon | None = None
            with suppress(InvalidInput, RepositoryError):
                found = read_found(Nsid(name), source, source.file)
            held[Nsid(name)] = HeldLexicon(source.file, found)
    return held


def needed_by(folders: Iterable[Path], shelf: Shelf) -> frozenset[Nsid]:
    """Return the lexicons that those in some folders need, and that neither these nor the shelf nor atpub has.

    Raises InvalidInput for a lexicon that is invalid: what it refers to is unknown.
    """
    locked = shelf.read_lock().resolutions.keys()
    at_hand = set[str]({*LEXICONS.lexicons.by_nsid, *shelf.read()})
    needed = set[Nsid]()
    for folder in folders:
        for name, source in read_folder(folder).files.items():
            at_hand.add(name)
            if Nsid.accepts(name) and name not in locked:
                needed |= references_of(read_found(Nsid(name), source, source.file))[0]
    return frozenset(needed - (at_hand - locked))


def check_frozen(shelf: Shelf, wanted: Iterable[Nsid]) -> LexiconLock:
    """Return the lock if the files are as it says, and all that is wanted is in it; reads files only.

    Raises StaleFiles with each difference.
    """
    lock, held = shelf.read_lock(), shelf.read()
    differences = [*_differing(lock, held, shelf.folder), *_find_unlocked(lock, held, wanted)]
    if differences:
        listed = "".join(f"\n  {line}" for line in differences)
        hint = f"run `atpub lex pull`, and commit {shelf.folder} and {shelf.lock}"
        raise StaleFiles(f"{shelf.folder} is not as {shelf.lock} says:{listed}", hint=hint)
    return lock


def _differing(lock: LexiconLock, held: Mapping[Nsid, HeldLexicon], folder: Path) -> Iterable[str]:
    for nsid, locked in sorted(lock.resolutions.items()):
        item = held.get(nsid)
        if item is None:
            yield f"{nsid}: there is no file {folder / path_of(nsid)}"
        elif item.found is None:
            yield f"{nsid}: {item.file} is no valid lexicon"
        elif item.found.resolution.cid != locked.cid:
            yield f"{nsid}: {item.file} has the CID {item.found.resolution.cid}, and the lock {locked.cid}"


def _find_unlocked(lock: LexiconLock, held: Mapping[Nsid, HeldLexicon], wanted: Iterable[Nsid]) -> Iterable[str]:
    """Yield what the lock does not have: what was named, and what locked lexicons need and is no file of the user's."""
    for nsid in sorted((lock.roots | {*wanted}) - lock.resolutions.keys()):
        yield f"{nsid}: the lock does not have it"
    for nsid in sorted(lock.resolutions):
        item = held.get(nsid)
        needed = references_of(item.found)[0] if item and item.found else frozenset[Nsid]()
        for name in sorted(needed - lock.resolutions.keys() - held.keys()):
            yield f"{name}: the lock does not have it, and {nsid} refers to it"
