"""Which local files a manifest's patterns name; reads folders, not files."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path, PurePosixPath

from atpub.problems import Problem
from atpub.shards.braces import expand_keeping_escapes, shortened, unescape
from atpub.suggest import nearest
from atpub.text.paths import leads_out, refuse

_WILDCARD = re.compile(r"(?:[^\\*?\[]|\\.)*[*?\[]", re.DOTALL)
_SIBLINGS = 10_000
_WILDCARDS = 1_000
_MISSING = "file-missing"
_COPY = "copy its content into a file"
_COPY_INSIDE = "copy the file into the folder: a symlink may not leave it"
_LINK = "make a symlink to the data in the folder, and name that"


@dataclass(frozen=True, slots=True)
class Found:
    """The files that patterns name, those named one by one that do not exist (as written), and every problem."""

    files: tuple[Path, ...]
    missing: tuple[str, ...]
    problems: tuple[Problem, ...]


def expand_files(patterns: Sequence[str], folder: Path, *, shards: bool = False) -> Found:
    r"""Find the files that patterns name in a folder: each `folder / name` once, in the order of the patterns.

    A pattern is a path relative to the folder, with `/`, brace notation (as in `expand_braces`) and wildcards: `*`,
    `?`, `[…]` and `**` (any folders, symlinked ones left out); `\` stands before a character that means itself. What
    wildcards match is sorted bytewise; they match neither folders nor names that begin with a dot. A pattern that leads
    out of the folder is a Problem. So is a symlink that does, except among `shards`: data often is on another disk.
    A match that cannot be read, such as a broken symlink, is one too: what is published would lack it unnoticed.
    """
    found = [_expand(pattern, folder, shards=shards) for pattern in patterns]
    if not shards:
        found = [_inside(part, folder) for part in found]
    return Found(
        tuple(dict.fromkeys(file for part in found for file in part.files)),
        tuple(dict.fromkeys(name for part in found for name in part.missing)),
        tuple(problem for part in found for problem in part.problems),
    )


def _expand(pattern: str, folder: Path, *, shards: bool) -> Found:
    if "://" in pattern:
        hint = "save it beside the manifest; shards at URLs are listed under `urls:`"
        return _only(Problem("not-a-file", f"{pattern} is a URL, and here a file is named", hint=hint))
    names = expand_keeping_escapes(pattern)
    if isinstance(names, Problem):
        return _only(names)
    if not names:
        return _only(Problem("no-match", "the pattern is empty", hint="name a file, or several as in data/*.tar"))
    if outside := next((name for name in names if leads_out(unescape(name))), None):
        message = f"{unescape(outside)} leads out of the manifest's folder"
        return _only(Problem("outside-folder", message, hint=_LINK if shards else _COPY_INSIDE))
    names = tuple(dict.fromkeys(names))
    wild = sum(_WILDCARD.match(name) is not None for name in names)
    if wild > _WILDCARDS:
        message = f"{shortened(pattern)} stands for {wild:,} patterns, each of which searches the folder"
        return _only(Problem("brace-too-many", message, hint="let a wildcard stand for what the braces list"))
    return _join(
        [_glob(name, folder) if _WILDCARD.match(name) else _find_named(name, folder, shards=shards) for name in names]
    )


def _inside(found: Found, folder: Path) -> Found:
    """Leave out the files that a symlink leads out to, and say so."""
    refused = {file: problem for file in found.files if (problem := refuse(file, folder))}
    files = tuple(file for file in found.files if file not in refused)
    return Found(files, found.missing, (*found.problems, *refused.values()))


def _only(problem: Problem) -> Found:
    return Found((), (), (problem,))


def _join(parts: Sequence[Found]) -> Found:
    """Join the parts of one pattern; its missing files, perhaps thousands, become one Problem."""
    missing = tuple(name for part in parts for name in part.missing)
    others = tuple(problem for part in parts for problem in part.problems if problem.code != _MISSING)
    alike = [problem for part in parts for problem in part.problems if problem.code == _MISSING]
    if len(alike) > 1:
        listed = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        hint = next((problem.hint for problem in alike if problem.hint), "")
        alike = [Problem(_MISSING, f"{len(missing)} of {len(parts)} files do not exist: {listed}", hint=hint)]
    return Found(tuple(file for part in parts for file in part.files), missing, (*alike, *others))


def _glob(pattern: str, folder: Path) -> Found:
    from wcmatch import glob  # most names have no wildcards

    names = sorted(glob.glob(pattern, flags=glob.GLOBSTAR, root_dir=folder), key=os.fsencode)
    files = tuple(folder / name for name in names if (folder / name).is_file())
    others = sorted({folder / name for name in names}.difference(files)) if len(files) < len(names) else ()
    unusable = [_find_path(path.relative_to(folder).as_posix(), path, folder) for path in others if not path.is_dir()]
    if files or unusable:
        return _join([Found(files, (), ()), *unusable])
    hint = "it matches folders only: add /*.tar" if names else _missing_folder(pattern, folder)
    return _only(Problem("no-match", f"{pattern} matches no file in {folder}", hint=hint))


def _missing_folder(pattern: str, folder: Path) -> str:
    plain = takewhile(lambda part: not _WILDCARD.match(part), PurePosixPath(pattern).parts)
    base = folder.joinpath(*map(unescape, plain))
    found = os.path.isdir(base)  # noqa: PTH112 - Path.is_dir raises for a name that is too long
    return "" if found else _nearest(base, folder)


def _find_named(name: str, folder: Path, *, shards: bool) -> Found:
    name = unescape(name)
    return _find_path(name, folder / name, folder, shards=shards)


def _find_path(name: str, path: Path, folder: Path, *, shards: bool = True) -> Found:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return Found((), (name,), (_missing(name, path, folder),))
    except OSError as error:
        return _only(Problem("file-unreadable", f"{name} cannot be read: {error.strerror}"))
    if stat.S_ISDIR(mode):
        hint = f"name the files in it: {name.rstrip('/')}/*.tar" if shards else "name a file in it"
        return _only(Problem("not-a-file", f"{name} is a folder", hint=hint))
    if not stat.S_ISREG(mode):
        return _only(Problem("not-a-regular-file", f"{name} is not a regular file", hint=_COPY))
    return Found((path,), (), ())


def _missing(name: str, path: Path, folder: Path) -> Problem:
    try:
        target = path.readlink()
    except (OSError, ValueError):
        return Problem(_MISSING, f"{name} does not exist", hint=_nearest(path, folder))
    return Problem(_MISSING, f"{name} is a symlink to {target}, which does not exist")


def _nearest(path: Path, folder: Path) -> str:
    """Suggest the nearest name beside `path`, or name the missing part of its folder."""
    try:
        siblings = [entry.name for entry in islice(path.parent.iterdir(), _SIBLINGS)]
    except (OSError, ValueError):
        return f"there is no folder {path.parent}" if path.parent != folder else f"{folder} cannot be read"
    near = nearest(path.name, siblings)
    return f"did you mean {(path.parent / near).relative_to(folder)}?" if near else ""
