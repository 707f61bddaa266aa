"""Files by patterns in a manifest's folder and, where they are not there, in its lock."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from atpub.problems import Problem
from atpub.shards.braces import expand_keeping_escapes, unescape
from atpub.shards.files import Found, expand_files
from atpub.shards.lock import LOCK_FILE, Lock, bytewise
from atpub.suggest import short_list


@dataclass(frozen=True, slots=True)
class Located:
    """The files that patterns name, those of them that only the lock has, and every problem."""

    files: tuple[Path, ...]
    absent: frozenset[Path]
    problems: tuple[Problem, ...]


class Locator:
    """Finds files by patterns in a manifest's folder and, where they are not there, in its lock."""

    def __init__(self, folder: Path, lock: Lock | None) -> None:
        self._folder = folder
        self._locked = None if lock is None else _Paths(lock.files)

    def locate(self, patterns: Sequence[str], *, shards: bool = False) -> Located:
        """Return the files in the order of a complete folder; otherwise as `expand_files`."""
        parts = [self._locate(pattern, shards=shards) for pattern in patterns]
        return Located(
            tuple(dict.fromkeys(file for part in parts for file in part.files)),
            frozenset(file for part in parts for file in part.absent),
            tuple(problem for part in parts for problem in part.problems),
        )

    def _locate(self, pattern: str, *, shards: bool) -> Located:
        found = expand_files([pattern], self._folder, shards=shards)
        names = expand_keeping_escapes(pattern)
        if isinstance(names, Problem) or not names:
            return Located(found.files, frozenset(), found.problems)
        here = {file.relative_to(self._folder).as_posix() for file in found.files}
        absent = self._absent(names, here)
        if not absent:
            return Located(found.files, frozenset(), tuple(map(self._add_hint, found.problems)))
        return self._both(names, found, here, absent)

    def _add_hint(self, problem: Problem) -> Problem:
        return add_lock_hint(problem, has_lock=self._locked is not None)

    def _absent(self, names: Sequence[str], here: set[str]) -> set[str]:
        if self._locked is None:
            return set()
        locked = {path for name in names for path in self._locked.matching(name)}
        return {path for path in locked - here if _is_absent(self._folder / path)}

    def _both(self, names: Sequence[str], found: Found, here: set[str], absent: set[str]) -> Located:
        known = _Paths(here | absent)
        matched = {name: known.matching(name) for name in names}
        ordered = dict.fromkeys(self._folder / path for name in names for path in matched[name])
        problems = [problem for problem in found.problems if problem.code not in NOT_THERE]
        if nowhere := _nowhere(matched, found, known):
            message = f"neither here nor in {LOCK_FILE}: {short_list(nowhere)}"
            problems.append(Problem("file-missing", message, hint=LOCK_HERE))
        return Located(
            # What the disk has counts, even where names are matched otherwise there (upper and lower case).
            tuple(dict.fromkeys([*ordered, *found.files])),
            frozenset(self._folder / path for path in absent),
            tuple(problems),
        )


def add_lock_hint(problem: Problem, *, has_lock: bool) -> Problem:
    """Add a hint about the lock to the problem of a missing file."""
    if problem.code not in NOT_THERE:
        return problem
    hint = f"{LOCK_FILE} does not have it either: {LOCK_HERE}" if has_lock else _LOCK_THERE
    return replace(problem, hint=f"{problem.hint}; {hint}" if problem.hint else hint)


NOT_THERE: Final = ("file-missing", "no-match")
LOCK_HERE: Final = f"run `atpub lock` where the files are, and commit {LOCK_FILE}"
_LOCK_THERE = f"if the files are elsewhere, run `atpub lock` there, and commit {LOCK_FILE}"


def _nowhere(matched: Mapping[str, Sequence[str]], found: Found, known: _Paths) -> list[str]:
    """List the names without a file; for other kinds of path the disk's own problem is enough."""
    unmatched = [name for name, paths in matched.items() if not paths and not _is_plain(name)]
    return [*(name for name in found.missing if name not in known), *unmatched]


def _is_absent(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return False


_PLAIN = re.compile(r"(?:[^\\*?\[]|\\.?)*", re.DOTALL)


def _is_plain(name: str) -> bool:
    """Whether a name without braces has no wildcards either."""
    return _PLAIN.fullmatch(name) is not None


class _Paths:
    """Paths relative to a folder, to be matched as `expand_files` matches the files in it."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._sorted = sorted(paths)
        self._known = frozenset(self._sorted)

    def __contains__(self, path: str) -> bool:
        return PurePosixPath(path).as_posix() in self._known

    def matching(self, name: str) -> Sequence[str]:
        """Return the paths that match a name without braces, sorted bytewise."""
        if _is_plain(name):
            path = PurePosixPath(unescape(name)).as_posix()
            return [path] if path in self else []
        pattern = "/".join(part for part in name.split("/") if unescape(part) not in ("", "."))
        if name.startswith("/") or unescape(name.rpartition("/")[2]) in ("", "."):
            return []  # outside the folder, or folders only
        from wcmatch import glob  # most names have no wildcards

        found = glob.globfilter(list(self._beginning(pattern)), pattern, flags=glob.GLOBSTAR)
        return sorted(map(str, found), key=bytewise)

    def _beginning(self, pattern: str) -> Iterator[str]:
        """Yield the paths that begin like the pattern up to its first wildcard."""
        plain = _PLAIN.match(pattern)
        start = unescape(plain[0]) if plain else ""
        for index in range(bisect_left(self._sorted, start), len(self._sorted)):
            if not self._sorted[index].startswith(start):
                return
            yield self._sorted[index]
