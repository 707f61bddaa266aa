"""The two sides of `atpub lex breaking`: lexicons in files, of a git revision, or published by an account."""

from __future__ import annotations

import functools
import json
import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.evolution.model import LexiconVersion
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.syntax import Did, Nsid
from atpub.errors import InvalidInput, Usage
from atpub.lexicon_tools.files import find_files
from atpub.lexicon_tools.git import is_revision, read_revision
from atpub.manifest.lexicon_files import LexiconFile, Linked, as_warnings, link_files, parse_lexicon, read_lexicon
from atpub.manifest.lexicon_lock import COLLECTION
from atpub.problems import Place, Problem
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

    def link(self, known: Lexicons) -> Linked:
        """Return the lexicons linked with each other; if references lead to no definition, as they are."""
        linked = link_files([*files_by_nsid(self).values()], known, complete=False, allow_missing=True)
        if not linked.problems:
            return linked
        return replace(linked, lexicons=Lexicons({file.lexicon.id: file.lexicon for file in self.files}))

    def select(self, nsids: Iterable[Nsid]) -> Mapping[Nsid, Json]:
        """Return the JSON of the lexicons with these NSIDs, of those that there are."""
        files = files_by_nsid(self)
        return {nsid: files[nsid].value for nsid in nsids if nsid in files}


@dataclass(frozen=True, slots=True)
class LinkedVersions:
    """Two versions to compare, and warnings about the old one."""

    old: LexiconVersion
    new: LexiconVersion
    warnings: tuple[Problem, ...]


def link_versions(old: VersionFiles, new: VersionFiles, known: Lexicons, nsids: Collection[Nsid]) -> LinkedVersions:
    """Link the lexicons with these NSIDs; raises InvalidInput where the new version is invalid.

    Faults of the old one are warnings: it is published, and stays as it is. A lexicon that it refers to and does not
    have is taken from the new one.
    """
    before, after = old.link(known), new.link(known)
    if problems := [*new.problems, *after.problems]:
        raise InvalidInput(tuple(problems))
    later = known.and_also(after.lexicons)
    missing = Lexicons({nsid: item for nsid, item in later.by_nsid.items() if nsid not in old.nsids})
    earlier = known.and_also(before.lexicons).and_also(missing)
    return LinkedVersions(
        LexiconVersion(old.select(nsids), earlier),
        LexiconVersion(new.select(nsids), later),
        tuple(as_warnings((*old.problems, *before.problems))),
    )


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
    did = repository.did
    readers = (functools.partial(_parse_published, nsid, record, did) for nsid, record in found.items())
    return _collect(readers, partial=True)


def list_published(repository: Repository) -> Mapping[Nsid, Record]:
    """Return the records of lexicons that an account publishes, sorted by NSID."""
    live = repository.read(RecordFilter(frozenset({COLLECTION}))).records
    return {Nsid(path.rkey): record for path, record in sorted(live.items()) if Nsid.accepts(path.rkey)}


def published_text(value: JsonObject) -> str:
    """Return the lexicon that a record holds, as the text of a file."""
    return json.dumps({key: item for key, item in value.items() if key != "$type"}, indent=2, ensure_ascii=False)


def _parse_published(nsid: Nsid, record: Record, did: Did) -> LexiconFile:
    """Parse the lexicon in a record, which programs find by its record key alone; raises InvalidInput."""
    file = parse_lexicon(Source(f"at://{did}/{record.path}", published_text(record.value)))
    if file.lexicon.id != nsid:
        message = f"the record is not the lexicon {nsid}, its record key: its id is {file.lexicon.id}"
        problem = Problem("lexicon-id", message, Place(file.source.file), "publish it again under its id", path=("id",))
        raise InvalidInput(tuple(file.place([problem])))
    return file


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


def files_by_nsid(version: VersionFiles) -> Mapping[Nsid, LexiconFile]:
    """Return the files of a version by the NSIDs of their lexicons."""
    return {file.lexicon.id: file for file in version.files}
