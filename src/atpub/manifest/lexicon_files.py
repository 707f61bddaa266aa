"""Lexicon files, read and linked, with every problem at its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from atpub.errors import InvalidInput, Problem
from atpub.lexicon.link import link
from atpub.lexicon.model import Lexicon, Lexicons
from atpub.lexicon.parse import parse
from atpub.manifest.document import Document
from atpub.manifest.json_document import placed, read_json


@dataclass(frozen=True, slots=True)
class LexiconFile:
    """A lexicon, the document that it was read from, and what of it was passed over."""

    document: Document
    lexicon: Lexicon
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Linked:
    """Lexicons by NSID (none where there are problems), what is wrong between them, and what was passed over."""

    lexicons: Lexicons
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def lexicon_files(folder: Path) -> Sequence[Path]:
    """The files in a folder and its folders that hold lexicons: all that end in .json, sorted."""
    return sorted(file for file in folder.rglob("*.json") if file.is_file())


def why_none(folder: Path) -> str:
    """What keeps a folder from having lexicons."""
    if folder.is_file():
        return "is a file, not a folder"
    return "has no lexicons (*.json) in it" if folder.exists() else "does not exist"


def read_lexicon(file: Path) -> LexiconFile:
    """The lexicon in a file; raises InvalidInput with every problem."""
    document = read_json(str(file))
    try:
        lexicon = parse(document.value, document.file)
        return LexiconFile(document, lexicon, placed(lexicon.warnings, document))
    except InvalidInput as error:
        raise InvalidInput(placed(error.problems, document)) from None


def link_files(files: Sequence[LexiconFile], known: Lexicons, *, complete: bool, allow_missing: bool = False) -> Linked:
    """The lexicons of some files together; where these are not all, what is not at hand is no problem yet."""
    documents = {file.document.file: file.document for file in files}
    pairs = [(file.document.file, file.lexicon) for file in files]
    try:
        linked = link(pairs, known, allow_missing=allow_missing)
    except InvalidInput as error:
        found = _placed(error.problems, documents)
        counted = [problem for problem in found if complete or "is not at hand" not in problem.message]
        return Linked(Lexicons({}), tuple(counted))
    return Linked(linked, (), tuple(_placed(linked.warnings, documents)))


def _placed(problems: Iterable[Problem], documents: Mapping[str, Document]) -> list[Problem]:
    return [placed([problem], documents[problem.place.file])[0] for problem in problems if problem.place]
