"""The files of samples that the user names: in folders, or in tars. Only names and headers are read here."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from atpub.errors import OSFailure
from atpub.inspection.files import SUFFIX, find_shards
from atpub.packing.model import SourceFile, is_hidden, parse_name
from atpub.problems import Problem
from atpub.shards.headers import Member
from atpub.shards.tar import read_tar
from atpub.suggest import pluralize, short_list

Stamps: TypeAlias = Mapping[str, tuple[int, int]]
"""The size and time of each tar when its headers were read."""

MOST_FILES: Final = 10_000_000
"""The most files of a run, whose names are held in memory: 300 to 600 bytes each."""

_MOST_PROBLEMS: Final = 100
_MOST_SKIPPED: Final = 5
_CHUNK: Final = 1 << 20
_SORTED_OUT: Final = frozenset({"tar-duplicate", "tar-empty"})
"""Codes of tars that are judged with the files of all sources."""


class _Full(Exception):
    """There are too many problems or files to go on."""


@dataclass(slots=True)
class Sources:
    """The files of samples that were found, their problems, and the names that shards may have by default.

    `left_out` is how many files readers skip; `skipped` names the first that are not hidden.
    """

    files: list[SourceFile] = field(default_factory=list[SourceFile])
    problems: list[Problem] = field(default_factory=list[Problem])
    names: set[str] = field(default_factory=set[str])
    folders: list[Path] = field(default_factory=list[Path])
    left_out: int = 0
    stamps: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    skipped: list[str] = field(default_factory=list[str])

    def add(self, name: str, where: str, make: Callable[[str, str], SourceFile | Problem]) -> None:
        """Add a file by its name in its folder or tar; `make` makes it of its key and extension."""
        found = parse_name(name, where)
        if found is None:
            if not is_hidden(name):
                self.left_out += 1
                if len(self.skipped) < _MOST_SKIPPED:
                    self.skipped.append(where)
            return
        made = found if isinstance(found, Problem) else make(*found)
        if isinstance(made, Problem):
            self.refuse(made)
            return
        self.files.append(made)
        if len(self.files) > MOST_FILES:
            message = f"{where}: there are more than {MOST_FILES:,} files"
            self.problems.append(Problem("too-many-files", message, hint="pack them in several runs"))
            raise _Full

    def refuse(self, problem: Problem) -> None:
        """Add a problem; raises _Full where there are enough of them."""
        self.problems.append(problem)
        if len(self.problems) >= _MOST_PROBLEMS:
            raise _Full

    @property
    def warnings(self) -> list[Problem]:
        """What was left out that the user may miss; hidden files are not."""
        if not self.skipped:
            return []
        message = f"{pluralize(self.left_out, 'file')} of no sample left out: {short_list(self.skipped)}"
        hint = "readers skip names without an extension"
        return [Problem("left-out", message, hint=hint, severity="warning")]


def find_sources(paths: Sequence[str]) -> Sources:
    """Find the files of samples in folders, in tars, in folders of tars, and in the tars that patterns name."""
    found = Sources()
    try:
        for path in paths:
            if not Path(path).is_dir() or _holds_tars(path):
                _add_tars(path, found)
            else:
                _add_folder(path, found)
    except _Full:
        pass
    return found


def read_file(file: SourceFile, stamps: Stamps) -> Iterator[bytes]:
    """Yield the bytes of a file, each read once; raises OSFailure where they are no longer as they were found."""
    with Path(file.path).open("rb", buffering=0) as stream:
        now = os.fstat(stream.fileno())
        known = (file.size, now.st_mtime_ns) if file.start is None else stamps[file.path]
        left = file.size if known == (now.st_size, now.st_mtime_ns) else -1
        if file.start:
            stream.seek(file.start)
        while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
            left -= len(chunk)
            yield chunk
    if left:
        raise OSFailure(f"{file} has changed since it was found", hint="run it again when nothing writes there")


def _visible_files(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield what is in a folder and in its folders but folders: in any order, links as such, nothing hidden."""
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield entry
                elif not entry.name.startswith("."):
                    waiting.append(entry.path)


def _holds_tars(folder: str) -> bool:
    """Return whether a folder holds tars, and no other files but hidden ones."""
    names = (entry.name.lower() for entry in _visible_files(folder) if not entry.name.startswith("."))
    first = next(names, "")
    return first.endswith(SUFFIX) and all(name.endswith(SUFFIX) for name in names)  # it ends at the first other file


def _add_folder(folder: str, found: Sources) -> None:
    found.names.add(Path(folder).resolve().name)
    found.folders.append(Path(folder))
    for entry in _visible_files(folder):
        name = Path(os.path.relpath(entry.path, folder)).as_posix()
        if entry.is_dir() and not is_hidden(name):  # a symlink to a folder, whose name has seldom an extension
            found.refuse(_link(entry.path, "name that folder as another source"))
        else:
            found.add(name, entry.path, partial(_of_entry, entry))


def _of_entry(entry: os.DirEntry[str], key: str, extension: str) -> SourceFile | Problem:
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        return _link(entry.path, "copy the file in its place: cp --dereference")
    if not stat.S_ISREG(status.st_mode):
        return _special(entry.path)
    if extension == SUFFIX.removeprefix("."):
        hint = "keep tars and files apart; of a folder with both, name the tars"
        return Problem("mixed-sources", f"{entry.path}: a tar among other files is no member of a sample", hint=hint)
    return SourceFile(key, extension, entry.path, None, status.st_size)


def _add_tars(path: str, found: Sources) -> None:
    shards = find_shards([path])
    found.problems.extend(shards.problems)
    for shard in shards.files:
        if str(shard) not in found.stamps:
            _add_tar(str(shard), found)


def _add_tar(path: str, found: Sources) -> None:
    found.names.add(re.sub(r"(?<=.)[-_.]?\d+$", "", Path(path).stem))
    try:
        with Path(path).open("rb") as stream:
            status = os.fstat(stream.fileno())
            found.stamps[path] = (status.st_size, status.st_mtime_ns)
            held = read_tar(stream, path, lambda member: _add_member(path, member, found))
    except OSError as error:
        found.problems.append(Problem("file-unreadable", f"{path} cannot be read: {error.strerror or error}"))
        return
    if isinstance(held, Problem) and held.code not in _SORTED_OUT:
        found.problems.append(held)


def _add_member(path: str, member: Member, found: Sources) -> None:
    where = f"{path}: {member.name}" + ("" if member.start is None else f" at byte {member.start:,}")
    found.add(member.name, where, partial(_of_member, path, member, where))


def _of_member(path: str, member: Member, where: str, key: str, extension: str) -> SourceFile | Problem:
    if member.is_link:
        return _link(where, "write the file itself: tar --dereference --hard-dereference")
    if member.is_special:
        return _special(where)
    if member.start is None:
        return Problem("sparse-member", f"{where} is a sparse file", hint="write the tar again without --sparse")
    return SourceFile(key, extension, path, member.start, member.size)


def _link(where: str, hint: str) -> Problem:
    return Problem("link-member", f"{where} is a link, whose content readers leave out", hint=hint)


def _special(where: str) -> Problem:
    return Problem("special-member", f"{where} is no regular file, and readers skip it", hint="remove it, or rename it")
