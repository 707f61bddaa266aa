"""`atpub lex pull`: published lexicons as files in a folder, with a lock beside it.

Everything is fetched and checked before the first file is written.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from atpub.atomic_files import write_text
from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.lexicons import authority_of
from atpub.atproto.identity.resolve import resolve
from atpub.atproto.syntax import AtUri, Did, Nsid, SyntaxViolation
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import base_url
from atpub.errors import AtpubError, FileConflict, InvalidInput, Problem, RepositoryError, StaleFiles, Usage
from atpub.generated import LEXICONS
from atpub.lexicon_resolution.closure import (
    HeldLexicon,
    PulledLexicon,
    PullOptions,
    State,
    collect,
    references_of,
)
from atpub.lexicon_resolution.files import FilesSource, read_folder, read_found, read_revision
from atpub.lexicon_resolution.network import NetworkSource
from atpub.lexicon_resolution.sources import FoundLexicon, LexiconSource
from atpub.lexicon_tools.layout import format_json
from atpub.lexicon_tools.starters import path_of
from atpub.manifest.lexicon_lock import LexiconLock, Resolution, find_lock, lock_text, read_lock
from atpub.text.paths import outside_target


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of lexicons and its lock file."""

    folder: Path
    lock: Path

    @classmethod
    def of(cls, folder: Path, lock: Path | None) -> Shelf:
        """Return a folder with its lock, which is beside it unless it is named; raises Usage for one within."""
        file = lock or find_lock(Path(os.path.normpath(folder.absolute())))
        if file.resolve().is_relative_to(folder.resolve()):
            raise Usage(f"the lock {file} may not be in the folder of lexicons", hint="name another: --lock FILE")
        return cls(folder, lock or Path(os.path.relpath(file)))

    def read_lock(self) -> LexiconLock:
        """Read the lock; an empty one if there is none. Raises InvalidInput."""
        return read_lock(str(self.lock)) if os.path.lexists(self.lock) else LexiconLock()

    def read(self) -> Mapping[Nsid, HeldLexicon]:
        """Read the lexicons in the folder."""
        return read_held(self.folder) if self.folder.exists() else {}


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


@dataclass(slots=True)
class AnySource:
    """The source of each lexicon: where the lock has it from, else what `--from` names, else the account in the DNS."""

    network: NetworkSource
    named: FilesSource | None = None
    _read: dict[str, FilesSource] = field(default_factory=dict[str, FilesSource])

    def fetch(self, nsid: Nsid, known: Resolution | None) -> FoundLexicon:
        """Return a lexicon from its source."""
        if known and known.source:
            if known.source not in self._read:
                self._read[known.source] = read_files(known.source)
            return self._read[known.source].fetch(nsid, known)
        return (self.network if known or self.named is None else self.named).fetch(nsid, known)


def read_files(name: str) -> FilesSource:
    """Read the lexicons in a folder, or at the Git revision `REV:PATH`; raises Usage where there is none."""
    return read_folder(Path(name)) if Path(name).is_dir() or ":" not in name else read_revision(name)


def open_source(name: str | None, wanted: Iterable[Nsid], http: HttpClient, config: ResolverConfig) -> LexiconSource:
    """Return the source that `--from` names; raises Usage.

    An account or a PDS that is named has the lexicons wanted, and all others of the same authorities.
    """
    own = frozenset(map(authority_of, wanted))
    if name is None:
        return AnySource(NetworkSource(http, config))
    if name.startswith("at://"):
        return AnySource(NetworkSource(http, config, own, account=_account(name, http, config)))
    if name.startswith(("https://", "http://")):
        return AnySource(NetworkSource(http, config, own, pds=base_url(name)))
    if not Path(name).is_dir() and ":" not in name:
        hint = "a folder, REV:PATH of this Git repository, https://PDS or at://ACCOUNT"
        raise Usage(f"--from {name}: there is no such folder", hint=hint)
    return AnySource(NetworkSource(http, config), read_files(name))


def _account(name: str, http: HttpClient, config: ResolverConfig) -> Did:
    try:
        uri = AtUri.parse(name)
    except SyntaxViolation as error:
        raise Usage(f"--from {error}", hint="such as at://lab.example.org or at://did:plc:…") from None
    if uri.collection:
        raise Usage(f"--from {name}: name the account alone", hint=f"at://{uri.authority}, and the NSID before it")
    return uri.authority if isinstance(uri.authority, Did) else resolve(uri.authority, http, config=config).did


def pull(shelf: Shelf, options: PullOptions, source: LexiconSource) -> PullResult:
    """Pull lexicons into a folder and lock them; raises before anything is written."""
    start = time.monotonic()
    lock, held = shelf.read_lock(), shelf.read()
    collected = collect(held, lock, source, options, lambda: time.monotonic() - start)
    files = [_placed(item, shelf) for _, item in sorted(collected.pulled.items())]
    for file in files:
        if file.state != "unchanged":
            _check_path(file, shelf, collected.pulled[file.nsid], force=options.force)
    roots = lock.roots | options.names
    new = LexiconLock(roots, {file.nsid: file.resolution for file in files})
    _write(files, collected.pulled, shelf, lock_text(new))
    unneeded = (held[nsid].file for nsid in sorted(lock.resolutions.keys() - new.resolutions) if nsid in held)
    return PullResult(tuple(files), tuple(unneeded), tuple(map(_warning, collected.missing.values())))


def _placed(item: PulledLexicon, shelf: Shelf) -> PulledFile:
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


def check_frozen(shelf: Shelf, wanted: Iterable[Nsid]) -> LexiconLock:
    """Return the lock if the files are as it says, and all that is wanted is in it; reads files only.

    Raises StaleFiles with each difference.
    """
    lock, held = shelf.read_lock(), shelf.read()
    differences = [*_differing(lock, held, shelf.folder), *_unlocked(lock, held, wanted)]
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


def _unlocked(lock: LexiconLock, held: Mapping[Nsid, HeldLexicon], wanted: Iterable[Nsid]) -> Iterable[str]:
    """Yield what the lock does not have: what was named, and what locked lexicons need and is no file of the user's."""
    for nsid in sorted((lock.roots | {*wanted}) - lock.resolutions.keys()):
        yield f"{nsid}: the lock does not have it"
    for nsid in sorted(lock.resolutions):
        item = held.get(nsid)
        needed = references_of(item.found)[0] if item and item.found else frozenset[Nsid]()
        for name in sorted(needed - lock.resolutions.keys() - held.keys()):
            yield f"{name}: the lock does not have it, and {nsid} refers to it"
