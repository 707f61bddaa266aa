"""Lexicon files, read and linked, with every problem at its place."""

from __future__ import annotations

from collections.abc import Sequence
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
    """A lexicon, and the document that it was read from."""

    document: Document
    lexicon: Lexicon


@dataclass(frozen=True, slots=True)
class Linked:
    """Lexicons by NSID (none where there are problems), and what is wrong between them."""

    lexicons: Lexicons
    problems: tuple[Problem, ...]


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
        return LexiconFile(document, parse(document.value, document.file))
    except InvalidInput as error:
        raise InvalidInput(placed(error.problems, document)) from None


def link_files(files: Sequence[LexiconFile], known: Lexicons, *, complete: bool) -> Linked:
    """The lexicons of some files together; where these are not all, what is not at hand is no problem yet."""
    try:
        return Linked(link([(file.document.file, file.lexicon) for file in files], known), ())
    except InvalidInput as error:
        documents = {file.document.file: file.document for file in files}
        found = [placed([problem], documents[problem.place.file])[0] for problem in error.problems if problem.place]
        counted = [problem for problem in found if complete or "is not at hand" not in problem.message]
        return Linked(Lexicons({}), tuple(counted))
