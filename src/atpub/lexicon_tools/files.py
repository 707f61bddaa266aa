"""The lexicon files that a command is about: those that its paths name, and those beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from atpub.errors import Usage
from atpub.manifest.lexicon_files import lexicon_files, why_none


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


def files_beside(named: Iterable[Path], folders: Iterable[Path]) -> Mapping[Path, Path]:
    """Return the lexicon files in some folders, each with its folder, without those that are named."""
    absolute = {file.absolute() for file in named}
    files = ((file, folder) for folder in folders if folder.is_dir() for file in lexicon_files(folder))
    return {file: folder for file, folder in files if file.absolute() not in absolute}
