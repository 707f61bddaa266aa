"""The lexicons that a manifest names, for its records or to be published: read, linked, and added to those of atpub."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.syntax import Nsid, Rkey
from atpub.generated import LEXICONS
from atpub.manifest.lexicon_files import (
    LexiconFile,
    as_warnings,
    find_needed,
    lexicon_files,
    link_used,
    read_files,
    why_none,
)
from atpub.manifest.lexicon_lock import find_lock, is_present, read_lock
from atpub.manifest.model import Address, Common, LexiconEntry
from atpub.manifest.named_files import NamedFiles
from atpub.problems import Place, Problem
from atpub.text.merge import MergedDocument
from atpub.text.paths import outside_target

_STEPS: Final = ("lexicons", "path")


class FoundLexicons(NamedTuple):
    """All lexicons at hand, the entries of those to publish, and whether none that records may be of is missing."""

    lexicons: Lexicons
    published: Sequence[LexiconEntry]
    are_usable: bool


class OwnLexicons:
    """Reads the lexicons of a manifest's value; adds to its problems and warnings."""

    def __init__(
        self,
        bundle: MergedDocument,
        value: JsonObject,
        files: NamedFiles,
        problems: list[Problem],
        warnings: list[Problem],
    ) -> None:
        self._value = value
        self._own = _object(value.get("lexicons"))
        self._files = files
        self._place = bundle.place(_STEPS)
        self._problems = problems
        self._warnings = warnings

    def read(self) -> FoundLexicons:
        """Read the files and link them."""
        name = str(self._own["path"])
        files = self._list_files(name)
        read, broken = read_files(dict.fromkeys(files, self._files.folder))
        used = None if self._own.get("publish") else self._find_used(read)
        is_complete = self._note_broken(broken, used)
        pulled = self._find_pulled(self._files.folder / name)
        for file in read:
            if file.lexicon.id in LEXICONS.lexicons.by_nsid.keys() - pulled:
                self._warn_builtin(file)
        new = [file for file in read if file.lexicon.id not in LEXICONS.lexicons.by_nsid]
        linked = link_used(new, LEXICONS.lexicons, used, complete=is_complete)
        self._problems.extend(linked.problems)
        self._warnings.extend([*(warning for file in new for warning in file.warnings), *linked.warnings])
        published = [_entry(file.lexicon.id, _object(file.value)) for file in read if file.lexicon.id not in pulled]
        return FoundLexicons(
            LEXICONS.lexicons.and_also(linked.lexicons),
            published if self._own.get("publish") else (),
            are_usable=is_complete and not linked.problems and bool(files),
        )

    def _list_files(self, name: str) -> Sequence[Path]:
        if not self._files.is_inside(name, _STEPS):
            return []
        files = lexicon_files(self._files.folder / name)
        if not files:
            message = f"{name!r} {why_none(self._files.folder / name)}"
            hint = "name the folder of the project's Lexicon JSON files, relative to the manifest"
            self._problems.append(Problem("no-lexicons", message, self._place, hint))
        return files

    def _find_pulled(self, folder: Path) -> Collection[str]:
        """Return the NSIDs of lexicons that were pulled (`atpub lex pull`): they are published by others."""
        file = find_lock(folder)
        if not is_present(file) or outside_target(file, self._files.folder):
            return frozenset()
        lock = self._files.read(lambda file: read_lock(str(file)), file, _STEPS)
        return lock.resolutions.keys() if lock else frozenset()

    def _find_used(self, read: Sequence[LexiconFile]) -> frozenset[str]:
        """Return the NSIDs that the records need; if some are missing, with that of files that state none."""
        records = _object(self._value.get("records")).values()
        found = find_needed(read, (str(_object(record).get("collection")) for record in records))
        missing = found - {file.lexicon.id for file in read} - LEXICONS.lexicons.by_nsid.keys()
        return found | {""} if missing else found

    def _note_broken(self, broken: Mapping[str, Sequence[Problem]], used: Collection[str] | None) -> bool:
        """Note the problems of lexicons that cannot be read; return whether all that are used (None: all) can be."""
        is_complete = True
        for name, problems in broken.items():
            placed = [replace(problem, place=problem.place or self._place) for problem in problems]
            if used is None or name in used:
                self._problems.extend(placed)
                is_complete = False
            else:
                for problem in as_warnings(placed):
                    (self._problems if problem.severity == "error" else self._warnings).append(problem)
        return is_complete

    def _warn_builtin(self, file: LexiconFile) -> None:
        message = f"atpub has a lexicon {file.lexicon.id} of its own, and goes by that"
        problem = Problem("builtin-lexicon", message, Place(file.source.file), "remove the file", "warning", ("id",))
        self._warnings.extend(file.place([problem]))


def _entry(nsid: Nsid, document: JsonObject) -> LexiconEntry:
    return LexiconEntry(Common(Address("lexicons", nsid), nsid, Rkey(nsid)), document)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
