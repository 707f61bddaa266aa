"""The two sides of `atpub lex breaking`: lexicons in files, of a git revision, or published by an account."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.atproto.evolution.model import LexiconVersion
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidInput, Problem, Usage
from atpub.lexicon_tools.files import find_files
from atpub.lexicon_tools.git import read_revision, split_revision
from atpub.manifest.lexicon_files import LexiconFile, as_warnings, link_files, parse_lexicon, read_lexicon
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.text.source import Source

COLLECTION: Final = Nsid("com.atproto.lexicon.schema")


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
    if not Path(text).exists() and (named := split_revision(text)):
        sources = read_revision(*named)
        return replace(_parse(sources), partial=len(sources) == 1)
    return read_paths([Path(text)])


def read_paths(paths: Sequence[Path]) -> VersionFiles:
    """Return the lexicons in some files and folders; raises Usage where one has none."""
    read: list[LexiconFile] = []
    problems: list[Problem] = []
    for file, root in find_files(paths).items():
        try:
            read.append(read_lexicon(file, root))
        except InvalidInput as error:
            problems += error.problems
    return VersionFiles(tuple(read), tuple(problems), all(path.is_file() for path in paths))


def read_published(repository: Repository, account: str) -> VersionFiles:
    """Return the lexicons that an account publishes; raises Usage where there are none."""
    found = repository.read(RecordFilter(frozenset({COLLECTION}))).records
    if not found:
        raise Usage(f"{account} publishes no lexicons", hint=f"they are records of the collection {COLLECTION}")
    sources = [
        Source(f"at://{repository.did}/{path.collection}/{path.rkey}", published_text(record.value))
        for path, record in sorted(found.items())
    ]
    return replace(_parse(sources), partial=True)


def published_text(value: JsonObject) -> str:
    """Return the lexicon that a record holds, as the text of a file."""
    return json.dumps({key: item for key, item in value.items() if key != "$type"}, indent=2, ensure_ascii=False)


def _parse(sources: Iterable[Source]) -> VersionFiles:
    read: list[LexiconFile] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            read.append(parse_lexicon(source))
        except InvalidInput as error:
            problems += error.problems
    return VersionFiles(tuple(read), tuple(problems))


def problems_of(old: VersionFiles, new: VersionFiles) -> Sequence[Problem]:
    """Return warnings of invalid lexicons in OLD, which are not compared; raises InvalidInput for those in NEW."""
    if new.problems:
        raise InvalidInput(new.problems)
    return as_warnings(old.problems)


def files_by_nsid(version: VersionFiles) -> Mapping[Nsid, LexiconFile]:
    """Return the files of a version by the NSIDs of their lexicons."""
    return {file.lexicon.id: file for file in version.files}
