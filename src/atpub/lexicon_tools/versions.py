"""The two sides of `atpub lex breaking`: lexicons in files, of a git revision, or published by an account."""

from __future__ import annotations

import functools
import json
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from atpub.atproto.data import JsonObject
from atpub.atproto.evolution.model import LexiconVersion
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidInput, Problem, Usage
from atpub.lexicon_tools.files import find_files
from atpub.lexicon_tools.git import is_revision, read_revision
from atpub.manifest.lexicon_files import LexiconFile, as_warnings, link_files, parse_lexicon, read_lexicon
from atpub.manifest.lexicon_lock import COLLECTION
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Record
from atpub.text.source import Source, decode


@dataclass(frozen=True, slots=True)
class VersionFiles:
    """The files of a version. It is `partial` if a lexicon that is not among them need not be gone."""

    files: tuple[LexiconFile, ...]
    problems: tuple[Problem, ...] = ()
    partial: bool = False

    @property
    def nsids(self) -> frozenset[Nsid]:
        """The NSIDs of the lexicons."""
        return frozenset(file.lexicon.id for file in self.files)

    def link(self, known: Lexicons, nsids: Iterable[Nsid]) -> LexiconVersion:
        """Return the lexicons with these NSIDs, linked with all the others."""
        unique = {file.lexicon.id: file for file in self.files}
        linked = link_files([*unique.values()], known, complete=False, allow_missing=True)
        if linked.problems:  # references to what a lexicon does not define
            raise InvalidInput(linked.problems)
        documents = {nsid: unique[nsid].value for nsid in nsids if nsid in unique}
        return LexiconVersion(documents, known.and_also(linked.lexicons))


def read_version(text: str) -> VersionFiles:
    """Return the lexicons in a file, a folder, or `REVISION:PATH` of git; raises Usage."""
    if not is_revision(text):
        return read_paths([Path(text)])
    revision, _, path = text.partition(":")
    files = read_revision(text)
    readers = (functools.partial(_parse, content, f"{revision}:{name}") for name, content in files.items())
    return _collect(readers, partial=posixpath.normpath(path) in files)


def read_paths(paths: Sequence[Path]) -> VersionFiles:
    """Return the lexicons in some files and folders; raises Usage where one has none."""
    readers = (functools.partial(read_lexicon, file, root) for file, root in find_files(paths).items())
    return _collect(readers, partial=all(path.is_file() for path in paths))


def read_published(repository: Repository, account: str) -> VersionFiles:
    """Return the lexicons that an account publishes; raises Usage where there are none."""
    found = list_published(repository)
    if not found:
        hint = "compare with files, such as HEAD~1:lexicons; `lexicons:` in the manifest publishes them"
        raise Usage(f"{account} publishes no lexicons", hint=hint)
    sources = (
        Source(f"at://{repository.did}/{record.path}", published_text(record.value)) for record in found.values()
    )
    return _collect((functools.partial(parse_lexicon, source) for source in sources), partial=True)


def list_published(repository: Repository) -> Mapping[Nsid, Record]:
    """Return the records of lexicons that an account publishes, sorted by NSID."""
    live = repository.read(RecordFilter(frozenset({COLLECTION}))).records
    return {Nsid(path.rkey): record for path, record in sorted(live.items()) if Nsid.accepts(path.rkey)}


def published_text(value: JsonObject) -> str:
    """Return the lexicon that a record holds, as the text of a file."""
    return json.dumps({key: item for key, item in value.items() if key != "$type"}, indent=2, ensure_ascii=False)


def _parse(content: bytes, name: str) -> LexiconFile:
    return parse_lexicon(decode(content, name))


def _collect(readers: Iterable[Callable[[], LexiconFile]], *, partial: bool) -> VersionFiles:
    """Return the lexicons that can be read, and the problems of the others."""
    files: list[LexiconFile] = []
    problems: list[Problem] = []
    for read in readers:
        try:
            files.append(read())
        except InvalidInput as error:
            problems += error.problems
    return VersionFiles(tuple(files), tuple(problems), partial)


def problems_of(old: VersionFiles, new: VersionFiles) -> Sequence[Problem]:
    """Return warnings of invalid lexicons in OLD, which are not compared; raises InvalidInput for those in NEW."""
    if new.problems:
        raise InvalidInput(new.problems)
    return as_warnings(old.problems)


def files_by_nsid(version: VersionFiles) -> Mapping[Nsid, LexiconFile]:
    """Return the files of a version by the NSIDs of their lexicons."""
    return {file.lexicon.id: file for file in version.files}
