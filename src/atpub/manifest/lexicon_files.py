"""Lexicon files, read and linked, with every problem at its place."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from atpub.atproto import data
from atpub.atproto.data import Json
from atpub.atproto.lexicon.link import link, references
from atpub.atproto.lexicon.model import Lexicon, Lexicons
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidInput
from atpub.problems import Problem
from atpub.text.document import Document
from atpub.text.files import read_source
from atpub.text.json_document import parse_json, place_problems
from atpub.text.paths import REFUSALS, refuse
from atpub.text.source import Source
from atpub.text.spans import Part

Selection: TypeAlias = Callable[[Sequence[Lexicon], Collection[str]], Collection[str]]
"""Takes the lexicons that can be read and the names of those that cannot; returns the names of those to use."""


@dataclass(frozen=True, slots=True)
class LexiconFile:
    """A lexicon, the file and the JSON that it was read from, and what of it was passed over."""

    source: Source
    value: Json
    lexicon: Lexicon
    warnings: tuple[Problem, ...] = ()

    def place(self, problems: Iterable[Problem], of: Part = "value") -> list[Problem]:
        """Return the problems at the places that their paths lead to, if such can be found."""
        document = find_places(self.source)
        return [*place_problems(problems, document, of)] if document else [*problems]


@dataclass(frozen=True, slots=True)
class LexiconSet:
    """The lexicons of some folders: as JSON, linked, and what of them was passed over."""

    documents: Mapping[Nsid, Json]
    lexicons: Lexicons
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Linked:
    """Lexicons by NSID (none where there are problems), what is wrong between them, and what was passed over."""

    lexicons: Lexicons
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def lexicon_files(folder: Path) -> Sequence[Path]:
    """List the lexicon files in a folder and its subfolders: all that end in .json, sorted."""
    named = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names if name.endswith(".json"))
    return sorted(filter(Path.exists, named), key=str)


def why_none(folder: Path) -> str:
    """Explain why a folder has no lexicons."""
    if folder.is_file():
        return "is a file, not a folder"
    return "has no lexicons (*.json) in it" if folder.exists() else "does not exist"


def read_folders(
    folders: Iterable[Path], known: Lexicons, *, allow_missing: bool = False, selection: Selection | None = None
) -> LexiconSet:
    """Read the lexicons in some folders; they may refer to known ones. Raises InvalidInput with every problem.

    With a selection, problems of files that it neither selects nor needs are warnings, and these files are left out.
    """
    read, broken = read_files({file: folder for folder in folders for file in _some_files(folder)})
    problems: list[Problem] = []
    idle: list[Problem] = []
    if selection is not None:
        wanted = selection([file.lexicon for file in read], broken)
        read = [file for file in read if file.lexicon.id in wanted]
        idle = as_warnings(problem for name in broken if name not in wanted for problem in broken[name])
        problems = [problem for problem in idle if problem.severity == "error"]
        broken = {name: found for name, found in broken.items() if name in wanted}
    problems.extend(chain.from_iterable(broken.values()))
    linked = link_files(read, known, complete=not problems, allow_missing=allow_missing)
    problems.extend(linked.problems)
    theirs = known.by_nsid.keys()  # known lexicons are published: the user cannot change them
    warnings = [warning for file in read if file.lexicon.id not in theirs for warning in file.warnings]
    if problems:
        raise InvalidInput((*problems, *warnings))
    documents = {found.lexicon.id: found.value for found in read}
    return LexiconSet(documents, linked.lexicons, (*warnings, *linked.warnings, *idle))


def read_files(files: Mapping[Path, Path]) -> tuple[list[LexiconFile], dict[str, tuple[Problem, ...]]]:
    """Read the lexicons in some files, each of which must be inside its root.

    Returns those that can be read, and the problems of the others by the NSID that these state, empty if none.
    """
    read: list[LexiconFile] = []
    broken: dict[str, tuple[Problem, ...]] = {}
    for file, root in files.items():
        try:
            read.append(read_lexicon(file, root))
        except InvalidInput as error:
            name = _named_id(file, root)
            broken[name] = (*broken.get(name, ()), *error.problems)
    return read, broken


def read_unlinked(files: Mapping[Path, Path]) -> tuple[Lexicons, tuple[Problem, ...]]:
    """Read the lexicons in some files, whatever they refer to; files that are no lexicons make warnings.

    Raises InvalidInput where a file may not be read.
    """
    read, broken = read_files(files)
    problems = as_warnings(chain.from_iterable(broken.values()))
    if any(problem.severity == "error" for problem in problems):
        raise InvalidInput(tuple(problems))
    return Lexicons({file.lexicon.id: file.lexicon for file in read}), tuple(problems)


def as_warnings(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems of lexicons that are not used: these do no harm, unless the file itself may not be read."""
    return [problem if problem.code in REFUSALS else replace(problem, severity="warning") for problem in problems]


def find_needed(read: Sequence[LexiconFile], names: Iterable[str]) -> frozenset[str]:
    """Return some NSIDs and those that their lexicons refer to, near or far, at hand or not."""
    targets: defaultdict[str, set[str]] = defaultdict(set)
    for file in read:
        targets[file.lexicon.id].update(name.nsid for _, name, _ in references(file.lexicon))
    found = set(names)
    waiting = list(found)
    while waiting:
        new = targets[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return frozenset(found)


def _named_id(file: Path, root: Path) -> str:
    """Return the NSID that a broken lexicon states; empty where it states none, or may not be read."""
    if refuse(file, root):
        return ""
    try:
        value = data.loads(read_source(str(file)).text)
    except (ValueError, InvalidInput):
        return ""
    name = value.get("id") if isinstance(value, dict) else None
    return name if isinstance(name, str) else ""


def _some_files(folder: Path) -> Sequence[Path]:
    files = lexicon_files(folder)
    if not files:
        hint = "name a folder of Lexicon JSON files; on the command line: --lexicons DIR"
        raise InvalidInput((Problem("no-lexicons", f"{folder} {why_none(folder)}", hint=hint),))
    return files


def read_lexicon(file: Path, root: Path) -> LexiconFile:
    """Read the lexicon in a file, which must be inside the root; raises InvalidInput with every problem."""
    if refused := refuse(file, root):
        raise InvalidInput((refused,))
    return parse_lexicon(read_source(str(file)))


def parse_lexicon(source: Source) -> LexiconFile:
    """Parse the lexicon in a text; raises InvalidInput with every problem."""
    try:
        value = data.loads(source.text)
    except ValueError:
        value = parse_json(source).value  # which says where
    try:
        lexicon = parse(value, source.file)
    except InvalidInput as error:
        raise InvalidInput(place_problems(error.problems, parse_json(source))) from None
    warnings = _place(lexicon.warnings, {source.file: source})
    return LexiconFile(source, value, lexicon, tuple(warnings))


def link_files(files: Sequence[LexiconFile], known: Lexicons, *, complete: bool, allow_missing: bool = False) -> Linked:
    """Link the lexicons of some files; if files are missing, unresolved references are no problem yet."""
    sources = {file.source.file: file.source for file in files}
    pairs = [(file.source.file, file.lexicon) for file in files]
    try:
        linked = link(pairs, known, allow_missing=allow_missing, complete=complete)
    except InvalidInput as error:
        return Linked(Lexicons({}), tuple(_place(error.problems, sources)))
    return Linked(linked, (), tuple(_place(linked.warnings, sources)))


def link_used(files: Sequence[LexiconFile], known: Lexicons, used: Collection[str] | None, *, complete: bool) -> Linked:
    """Link the lexicons of some files; problems between those that are not used (None: all are) are warnings."""
    linked = link_files(files, known, complete=complete)
    if used is None or not linked.problems:
        return linked
    kept = link_files([file for file in files if file.lexicon.id in used], known, complete=complete)
    idle = as_warnings(problem for problem in linked.problems if problem not in kept.problems)
    return replace(kept, warnings=(*kept.warnings, *idle))


def _place(problems: Sequence[Problem], sources: Mapping[str, Source]) -> list[Problem]:
    """Return problems of some files at their places in these."""
    documents = {name: find_places(sources[name]) for name in {found.place.file for found in problems if found.place}}
    return [
        place_problems([problem], document)[0] if (document := documents[problem.place.file]) else problem
        for problem in problems
        if problem.place
    ]


def find_places(source: Source) -> Document | None:
    """Return JSON with the place of every part; None if extensions in it are nested too deeply for that."""
    try:
        return parse_json(source)
    except InvalidInput:
        return None
