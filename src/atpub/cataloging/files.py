"""A folder of pages: files are replaced one by one, and only those that atpub has written are replaced or removed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from atpub.atomic_files import replacing
from atpub.atproto.data import Json
from atpub.errors import FileConflict

LIST: Final = ".atpub-catalog.json"
"""The file that lists the files of a catalog, and by which its folder is known."""

_OWN: Final = re.compile(r"(?:index\.html|datasets/[A-Za-z0-9_-]{1,100}\.(?:html|json|csv|croissant\.json))")
_HINT: Final = "give another --out, or move that away"


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """How many files a folder has now, how many of them were written, and how many others were removed."""

    files: int
    written: int
    removed: int


def write_pages(folder: Path, pages: Iterable[tuple[str, str]], paths: Iterable[str]) -> WrittenFiles:
    """Write files, given by path, to a folder of their own, and remove those of an earlier run that are gone.

    `paths` are those of all pages. The folder is new, empty, or one that this function has written; raises FileConflict
    for any other, before anything is written.
    """
    old, new = read_list(folder), frozenset(paths)
    for path in new - old:
        if _is_taken(folder / path):
            raise FileConflict(f"{folder / path} exists, and no catalog has written it", hint=_HINT)
    for parent in {folder, *((folder / path).parent for path in new)}:
        if parent.is_symlink() and parent != folder:
            raise FileConflict(f"{parent} is a symlink", hint=_HINT)
        parent.mkdir(parents=True, exist_ok=True)
    _write_list(folder, old | new)  # first, so that a run that stops leaves no file that is not listed
    written = sum(_write(folder / path, text) for path, text in pages)
    removed = sum(_remove(folder / path) for path in old - new)
    _write_list(folder, new)
    return WrittenFiles(len(new), written, removed)


def read_list(folder: Path) -> frozenset[str]:
    """Return the files of the catalog in a folder; raises FileConflict where there is something else."""
    if not folder.is_dir():
        if _is_taken(folder):
            raise FileConflict(f"{folder} is not a folder", hint=_HINT)
        return frozenset()
    try:
        found: Json = json.loads((folder / LIST).read_text("utf-8"))
    except FileNotFoundError:
        if any(folder.iterdir()):
            raise FileConflict(f"{folder} holds files that are no catalog's", hint=_HINT) from None
        return frozenset()
    except ValueError:
        found = None
    match found:
        case {"files": list(files)}:
            return frozenset(path for path in files if isinstance(path, str) and _OWN.fullmatch(path))
        case _:
            raise FileConflict(f"{folder / LIST} does not list the files of a catalog", hint=_HINT)


def _is_taken(file: Path) -> bool:
    return file.exists() or file.is_symlink()


def _write_list(folder: Path, paths: Iterable[str]) -> None:
    _write(folder / LIST, json.dumps({"format_version": 1, "files": sorted(paths)}, indent=1) + "\n")


def _write(file: Path, text: str) -> bool:
    """Write a file, unless it has this text already; return whether it was written."""
    data = text.encode()
    with suppress(FileNotFoundError):
        if not file.is_symlink() and file.read_bytes() == data:
            return False
    with replacing(file, durable=False) as stream:  # pages can be made again
        stream.write(data)
    return True


def _remove(file: Path) -> bool:
    if file.parent.is_symlink():
        return False
    with suppress(FileNotFoundError):
        file.unlink()
        return True
    return False
