"""The shards that the user names, read from the disk: files, folders and patterns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wcmatch import glob

from atpub.problems import Problem
from atpub.shards.braces import expand_keeping_escapes, unescape
from atpub.shards.survey import ShardSurvey, survey_shard

SUFFIX: Final = ".tar"
_CHECKSUMS: Final = (".sha256", ".sha256sum", "sha256sums", "sha256sum.txt", "sha256sums.txt")


@dataclass(frozen=True, slots=True)
class FoundShards:
    """The files that paths name, each once, and the problem of each path that names none."""

    files: tuple[Path, ...]
    problems: tuple[Problem, ...]


def find_shards(paths: Sequence[str]) -> FoundShards:
    """Find the shards that files, folders (`*.tar` in them, and in their folders) and patterns name."""
    found: dict[Path, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        files = _find(path)
        if isinstance(files, Problem):
            problems.append(files)
        else:
            found.update({file.absolute(): file for file in files if file.absolute() not in found})
    return FoundShards(tuple(found.values()), tuple(problems))


def survey_files(files: Sequence[Path], most: int | None) -> Iterator[ShardSurvey]:
    """Yield the survey of each file, one after the other; a file that cannot be read has a problem."""
    for file in files:
        yield survey_file(file, str(file), most)


def survey_file(file: Path, name: str, most: int | None) -> ShardSurvey:
    """Return the survey of a file; `name` is what reports call it."""
    try:
        with file.open("rb") as stream:
            return survey_shard(stream, name, most)
    except OSError as error:
        return unreadable(name, Problem("file-unreadable", f"{name} cannot be read: {error.strerror or error}"))


def unreadable(name: str, problem: Problem) -> ShardSurvey:
    """Return the survey of a shard that cannot be read."""
    return ShardSurvey(name, 0, None, "none", 0, {}, (problem,))


def find_checksums(folder: Path) -> list[Path]:
    """Return the files in a folder that by their names hold checksums."""
    return sorted(file for file in folder.iterdir() if file.is_file() and file.name.lower().endswith(_CHECKSUMS))


def _find(path: str) -> list[Path] | Problem:
    if "://" in path:
        hint = "download a shard first: curl --remote-name URL"
        return Problem("not-a-file", f"{path} is a URL, and not a local file", hint=hint)
    if Path(path).is_file():
        return [Path(path)]
    if Path(path).is_dir():
        return _in_folder(path)
    names = expand_keeping_escapes(path)
    if isinstance(names, Problem):
        return names
    matches = [match for name in names for match in sorted(glob.glob(name, flags=glob.GLOBSTAR), key=os.fsencode)]
    files = [Path(match) for match in matches if Path(match).is_file()]
    if files:
        return files
    if Path(unescape(path)).exists():
        return Problem("not-a-regular-file", f"{path} is not a regular file")
    return Problem("file-missing", f"{path} names no file", hint="name a tar file, a folder of them, or a pattern")


def _in_folder(folder: str) -> list[Path] | Problem:
    found = [
        Path(base, name)
        for base, folders, names in os.walk(folder)
        if not folders.sort()  # and so they are walked
        for name in sorted(names)
        if name.lower().endswith(SUFFIX) and not name.startswith(".")
    ]
    shards = [file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts)]
    if shards:
        return shards
    return Problem("no-match", f"{folder} holds no {SUFFIX} file", hint="name the shards, or the folder that has them")
