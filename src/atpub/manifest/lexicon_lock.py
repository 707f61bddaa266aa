"""The lock of a folder of lexicons: which were pulled, from where, and the CID of each.

The format is that of `lexicons.json` by `lex install` (npm: @atproto/lex), to the byte, so that a project with programs
in both languages can have one file: two spaces, keys sorted, no line break at the end. Lexicons from a folder or a Git
revision have no record, and `lex install` no place for them: they are in `files`, a key that it passes over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri, Cid, Did, Nsid
from atpub.errors import InvalidInput
from atpub.generated.com.atproto.lexicon import schema
from atpub.problems import Problem
from atpub.text.files import read_json
from atpub.text.json_document import place_problems

VERSION: Final = 1
COLLECTION: Final = Nsid(schema.NSID)
_SHARED: Final = "lexicons.json"
_HINT: Final = "restore the file from version control, or remove it and pull again"


@dataclass(frozen=True, slots=True)
class Resolution:
    """The place that a lexicon was pulled from, and the CID of its record.

    `uri` is that of the record; for a file it is None, and `source` is what `--from` named.
    """

    cid: Cid
    uri: AtUri | None = None
    source: str = ""

    @property
    def origin(self) -> str:
        """The place, for people."""
        return str(self.uri or self.source)


@dataclass(frozen=True, slots=True)
class LexiconLock:
    """The lexicons that were asked for by name, and each that was pulled for them."""

    roots: frozenset[Nsid] = frozenset()
    resolutions: Mapping[Nsid, Resolution] = field(default_factory=dict[Nsid, Resolution])


def read_lock(file: str) -> LexiconLock:
    """Read a lock; raises InvalidInput with every problem."""
    document = read_json(file)
    reader = _Reader()
    lock = reader.read(document.value)
    if reader.problems:
        raise InvalidInput(place_problems(reader.problems, document))
    return lock


def find_lock(folder: Path) -> Path:
    """Return the lock of a folder of lexicons: `lexicons.lock.json` beside lexicons/, or that of `lex install`.

    The latter is `lexicons.json`; it counts if there is no other.
    """
    named = folder if folder.name not in ("", "..") else folder.resolve()
    own, shared = named.with_name(f"{named.name}.lock.json"), named.with_name(_SHARED)
    return shared if not is_present(own) and _is_lock(shared) else own


def is_present(file: Path) -> bool:
    """Return whether a lock is there."""
    try:
        return file.exists()
    except OSError:  # such as a name that is too long, which the folder's reader reports
        return False


def _is_lock(file: Path) -> bool:
    """Return whether a file is a lock, and not something else of that name."""
    try:
        value = read_json(str(file)).value
    except InvalidInput:
        return False
    return isinstance(value, dict) and "resolutions" in value


def lock_text(lock: LexiconLock) -> str:
    """Return the text of a lock."""
    records = {nsid: item for nsid, item in sorted(lock.resolutions.items()) if item.uri}
    files = {nsid: item for nsid, item in sorted(lock.resolutions.items()) if not item.uri}
    value: JsonObject = {
        "version": VERSION,
        "lexicons": [*sorted(lock.roots - files.keys())],
        "resolutions": {nsid: {"uri": str(item.uri), "cid": item.cid} for nsid, item in records.items()},
    }
    if files:
        value["files"] = {nsid: {"from": item.source, "cid": item.cid} for nsid, item in files.items()}
    return json.dumps(value, indent=2, ensure_ascii=False)


class _Reader:
    """A reader of locks that goes on after a problem. Every lexicon's key is an NSID: none names a path elsewhere."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, value: Json) -> LexiconLock:
        """Return the lock in a JSON value."""
        if not isinstance(value, dict):
            self._note("expected an object with version, lexicons and resolutions")
            return LexiconLock()
        version = value.get("version")
        if version is True or version != VERSION:
            hint = f"this atpub reads version {VERSION}: update atpub, or remove the file and pull again"
            self._note(f"the lock has the version {str(version)[:20]}, not {VERSION}", "version", hint=hint)
            return LexiconLock()
        roots = self._roots(value.get("lexicons"))
        records = self._entries(value.get("resolutions"), "resolutions", _record, "uri and cid")
        files = self._entries(value.get("files", {}), "files", _file, "from and cid")
        for nsid in records.keys() & files.keys():
            self._note(f"{nsid} is in resolutions, too", "files", nsid)
        return LexiconLock(frozenset([*roots, *files]), {**records, **files})

    def _roots(self, value: Json) -> Iterator[Nsid]:
        if not isinstance(value, list):
            self._note("expected a list of NSIDs", "lexicons")
            return
        for index, name in enumerate(value):
            if isinstance(name, str) and Nsid.accepts(name):
                yield Nsid(name)
            else:
                self._note(f"{str(name)[:80]!r} is not an NSID", "lexicons", index)

    def _entries(
        self, value: Json, key: str, parse: Callable[[str, Json], Resolution | None], fields: str
    ) -> Mapping[Nsid, Resolution]:
        found: dict[Nsid, Resolution] = {}
        if not isinstance(value, dict):
            self._note("expected an object with an NSID for each key", key)
            return found
        for name, item in value.items():
            resolution = parse(name, item) if Nsid.accepts(name) else None
            if resolution is not None:
                found[Nsid(name)] = resolution
            elif Nsid.accepts(name):
                self._note(f"expected an object with {fields} of that lexicon", key, name)
            else:
                self._note(f"{name[:80]!r} is not an NSID", key, name)
        return found

    def _note(self, message: str, *path: str | int, hint: str = _HINT) -> None:
        self.problems.append(Problem("lexicon-lock", message, None, hint, path=path))


def _record(name: str, item: Json) -> Resolution | None:
    match item:
        case {"uri": str(uri), "cid": str(cid)} if AtUri.accepts(uri) and Cid.accepts(cid):
            found = AtUri.parse(uri)
            if isinstance(found.authority, Did) and found.path == (COLLECTION, name):
                return Resolution(Cid(cid), found)
        case _:
            pass
    return None


def _file(_: str, item: Json) -> Resolution | None:
    match item:
        case {"from": str(source), "cid": str(cid)} if Cid.accepts(cid):
            return Resolution(Cid(cid), None, source)
        case _:
            return None
