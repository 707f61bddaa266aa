"""The checksums of shards at URLs: as the manifest gives them, or its checksum files; the lock stands in for these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from atpub.manifest.model import ChecksumFiles, ChecksumMap, Manifest, NoChecksums, UrlShards
from atpub.problems import Problem
from atpub.shards.checksums import Checksums, join_checksums, match_checksums, parse_checksums
from atpub.shards.files import Found, expand_files
from atpub.shards.locator import LOCK_HERE, NOT_THERE, add_lock_hint
from atpub.shards.lock import LOCK_FILE, Lock
from atpub.storage.interface import parse_sha256
from atpub.suggest import short_list

Steps: TypeAlias = tuple[str | int, ...]
Note: TypeAlias = Callable[[Sequence[Problem], Steps], None]


class ChecksumReader:
    """Finds the checksums of URLs in a manifest and its checksum files, noting every problem."""

    def __init__(self, manifest: Manifest, lock: Lock | None, note: Note) -> None:
        self._folder = manifest.folder
        self._has_lock = lock is not None
        self._lock = lock or Lock()
        self._note = note

    def find(self, shards: UrlShards, urls: Sequence[str], steps: Steps) -> Mapping[str, str]:
        """Return the SHA-256 by URL, as far as a map or file has it; note the missing ones if there must be none."""
        match shards.checksums:
            case NoChecksums() | None:
                return {}
            case ChecksumFiles(patterns=patterns, missing=missing):
                return self._find_in_files(patterns, urls, steps, all_of_them=missing is None)
            case ChecksumMap(digests=given):
                known = {name: digest for name, text in given.items() if (digest := parse_sha256(text))}
                self._note([_not_sha256(name) for name in given if name not in known], steps)
                return self._match(urls, known, steps, all_of_them=True)

    def _match(
        self, urls: Sequence[str], known: Mapping[str, str], steps: Steps, *, all_of_them: bool
    ) -> Mapping[str, str]:
        matched = match_checksums(urls, known)
        problems = [problem for problem in matched.problems if all_of_them or problem.code != "checksum-missing"]
        self._note(problems, steps)
        return matched.digests

    def _find_in_files(
        self, patterns: Sequence[str], urls: Sequence[str], steps: Steps, *, all_of_them: bool
    ) -> Mapping[str, str]:
        """Read the digests of URLs from checksum files; if there is none, from the lock."""
        found = expand_files(list(patterns), self._folder)
        digests = {url: self._lock.urls[url] for url in urls if url in self._lock.urls}
        if digests and any(problem.code in NOT_THERE for problem in found.problems):
            missing = [url for url in urls if url not in digests]
            if missing and all_of_them:
                what = ", ".join(patterns)
                message = f"{what} is not here, and {LOCK_FILE} does not have the checksum of {short_list(missing)}"
                self._note([Problem("file-missing", message, hint=LOCK_HERE)], steps)
            return digests
        known = self._read_files(found, steps)
        return {} if known is None else self._match(urls, known, steps, all_of_them=all_of_them)

    def _read_files(self, found: Found, steps: Steps) -> Mapping[str, str] | None:
        if found.problems:
            self._note([add_lock_hint(problem, has_lock=self._has_lock) for problem in found.problems], steps)
            return None
        read = [parsed for file in found.files if (parsed := self._read_file(file, steps))]
        joined = join_checksums(read)
        self._note(joined.problems, steps)
        return joined.digests if len(read) == len(found.files) else None

    def _read_file(self, file: Path, steps: Steps) -> Checksums | None:
        name = file.relative_to(self._folder).as_posix()
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError as error:
            message = f"{name} is not UTF-8: byte {error.start + 1:,} is 0x{error.object[error.start]:02X}"
            self._note([Problem("not-utf8", message, hint="is it what sha256sum wrote? save it as UTF-8")], steps)
            return None
        except OSError as error:
            self._note([Problem("file-unreadable", f"{name} cannot be read: {error.strerror}")], steps)
            return None
        return parse_checksums(text, str(file))


def _not_sha256(name: str) -> Problem:
    return Problem("bad-checksum", f"the checksum of {name!r} is not a SHA-256: 64 hexadecimal digits")
