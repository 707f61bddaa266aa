"""The lexicon files of a command: those that its paths name, those beside them, and those that it writes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from atpub.atomic_files import write_text
from atpub.atproto.syntax import Nsid
from atpub.errors import FileConflict, InvalidInput, Usage
from atpub.lexicon_tools.layout import format_json
from atpub.lexicon_tools.starters import path_of, starter_text
from atpub.manifest.lexicon_files import lexicon_files, read_files, why_none
from atpub.manifest.lexicon_lock import find_lock, read_lock
from atpub.problems import Problem
from atpub.text.files import read_source
from atpub.text.json_document import parse_json
from atpub.text.paths import refuse


def find_files(paths: Iterable[Path]) -> Mapping[Path, Path]:
    """Return the lexicon files that some paths name, each with its folder; raises Usage where one names none.

    A file that is named twice counts once.
    """
    found: dict[Path, tuple[Path, Path]] = {}
    for path in paths:
        files = [path] if path.is_file() else lexicon_files(path)
        if not files:
            raise Usage(f"{path} {why_none(path)}", hint="name lexicon files, or folders of them")
        for file in files:
            found.setdefault(file.absolute(), (file, path.parent if path.is_file() else path))
    return dict(found.values())


def leave_out_pulled(files: Mapping[Path, Path]) -> Mapping[Path, Path]:
    """Return lexicon files, each with its folder, without those that were pulled: their style is that of others."""
    locks = {folder: find_lock(folder) for folder in {*files.values()}}
    locked = {folder: read_lock(str(lock)).resolutions for folder, lock in locks.items() if lock.exists()}
    pulled = {folder / path_of(nsid) for folder, nsids in locked.items() for nsid in nsids}
    return {file: folder for file, folder in files.items() if file not in pulled}


def files_beside(named: Iterable[Path], folders: Iterable[Path]) -> Mapping[Path, Path]:
    """Return the lexicon files in some folders, each with its folder, without those that are named."""
    absolute = {file.absolute() for file in named}
    files = ((file, folder) for folder in folders if folder.is_dir() for file in lexicon_files(folder))
    return {file: folder for file, folder in files if file.absolute() not in absolute}


@dataclass(frozen=True, slots=True)
class FormattedFile:
    """A lexicon file, and its text in the one layout; None where it has it."""

    file: Path
    new_text: str | None


def format_files(files: Mapping[Path, Path]) -> Sequence[FormattedFile]:
    """Return the layout of some files, each with its folder; raises InvalidInput with every problem."""
    found: list[FormattedFile] = []
    problems: list[Problem] = []
    for file, root in files.items():
        try:
            found.append(_format_file(file, root))
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(tuple(problems))
    return found


def _format_file(file: Path, root: Path) -> FormattedFile:
    if refused := refuse(file, root):
        raise InvalidInput((refused,))
    document = parse_json(read_source(str(file)))
    if not isinstance(document.value, dict) or "lexicon" not in document.value:
        problem = Problem("lexicon", "$: expected a lexicon: an object with lexicon, id and defs", document.place(()))
        raise InvalidInput((problem,))
    text = format_json(document.source.text)
    return FormattedFile(file, None if file.read_bytes() == text.encode() else text)


def write_formatted(files: Iterable[FormattedFile]) -> None:
    """Write the files that have another layout, each whole or not at all; a symlink stays, its target is written."""
    for found in files:
        if found.new_text is not None:
            write_text(found.file.resolve(), found.new_text)


def write_new(nsid: Nsid, kind: str, folder: Path) -> Path:
    """Write a new lexicon to a folder of lexicons and return its file; raises FileConflict rather than replace one."""
    file = folder / path_of(nsid)
    if refused := refuse(file, folder):
        raise InvalidInput((refused,))
    for found in read_files(dict.fromkeys(lexicon_files(folder), folder))[0]:
        if found.lexicon.id == nsid and Path(found.source.file) != file:
            raise FileConflict(f"{nsid} is in {found.source.file} already", hint="change it there")
    if os.path.lexists(file):
        raise FileConflict(f"{file} exists", hint="change it, or move it away")
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, starter_text(nsid, kind), overwrite=False)
    return file
