"""What a manifest's entries say about data, looked up: files found and measured, URLs expanded, checksums matched.

Where a file is not there, the lock stands in for it: the facts are the same, and only the bytes are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from atpub.atproto.data import Json
from atpub.errors import InvalidInput, Place, Problem, Severity
from atpub.manifest.model import (
    Address,
    ChecksumFile,
    ChecksumMap,
    DatasetEntry,
    Entry,
    FileShards,
    Manifest,
    NoChecksums,
    UrlShards,
    blob_argument,
    free_values,
    placeholder,
)
from atpub.progress import OnProgress, ignore
from atpub.shards.braces import expand_braces, readable_pattern
from atpub.shards.checksums import Checksums, join_checksums, match_checksums, parse_checksums
from atpub.shards.file_facts import FileFacts, FileSource, Measured
from atpub.shards.files import Found, expand_files
from atpub.shards.lock import LOCK_FILE, LOCK_HERE, NOT_THERE, Located, Locator, Lock, LockedFile
from atpub.storage.blobs import LARGEST_SHARD
from atpub.storage.interface import Location, parse_sha256
from atpub.storage.registry import CHECKSUMS_KEY, check_locations, parse_location
from atpub.storage.urls import check_pattern
from atpub.suggest import listed
from atpub.text.paths import outside_target

if TYPE_CHECKING:
    from atpub.shards.cache import Note

Steps: TypeAlias = tuple[str | int, ...]

_RUN_LOCK: Final = f"run `atpub lock`, and commit {LOCK_FILE}"


@dataclass(frozen=True, slots=True)
class LocalShards:
    """Shards in local files, in the order in which the record lists them; `links` lead out of the manifest's folder."""

    files: tuple[tuple[Path, FileFacts], ...]
    links: Mapping[Path, Path] = field(default_factory=dict[Path, Path])


@dataclass(frozen=True, slots=True)
class RemoteShards:
    """Shards at URLs, each with its SHA-256 (None: it was said that there is none)."""

    shards: tuple[tuple[Location, str | None], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the data: each dataset's shards, each `$blob` file, and every problem on the way.

    `absent` are the files whose facts come from the lock; `lock` is what a lock of these facts holds.
    """

    shards: Mapping[Address, LocalShards | RemoteShards]
    files: Mapping[str, tuple[Path, FileFacts]]
    problems: tuple[Problem, ...]
    absent: frozenset[Path] = frozenset()
    lock: Lock = field(default_factory=Lock)

    @property
    def sources(self) -> Mapping[str, FileSource]:
        """Where the bytes of each blob are, by its CID; without those of absent files."""
        local = [shard for shards in self.shards.values() if isinstance(shards, LocalShards) for shard in shards.files]
        return {
            facts.cid: FileSource(path, facts.size)
            for path, facts in [*local, *self.files.values()]
            if path not in self.absent
        }


def gather(
    manifest: Manifest,
    *,
    lock: Lock | None = None,
    locked: bool = False,
    cache: Path | None = None,
    on_progress: OnProgress = ignore,
) -> Facts:
    """Gather the facts of all data that a manifest names; `cache` and `on_progress` are those of `measure_files`.

    `lock` stands in for what is not there. That it says otherwise than what is there is a warning; where all must be
    as `locked`, it is an error, and so is what the lock does not have. Before it reads any file, it raises InvalidInput
    for shards that are too large.
    """
    return _Gatherer(manifest, lock, _Run(locked, cache, on_progress)).gather()


class _Run(NamedTuple):
    """How one call of `gather` goes about it."""

    locked: bool
    cache: Path | None
    on_progress: OnProgress


class _Gatherer:
    def __init__(self, manifest: Manifest, lock: Lock | None, run: _Run) -> None:
        self._manifest = manifest
        self._lock = lock or Lock()
        self._has_lock = lock is not None
        self._run = run
        self._locator = Locator(manifest.folder, lock)
        self._absent: set[Path] = set()
        self._files: dict[str, LockedFile] = {}
        self._urls: dict[str, str] = {}
        self._problems: list[Problem] = []

    def gather(self) -> Facts:
        local = dict(self._local_files())
        named = dict(self._blob_files())
        self._refuse_oversized(local.values())
        tars = self._measure([path for paths, _ in local.values() for path in paths], tar=True)
        plain = self._measure([path for path, _ in named.values()], tar=False)
        shards: dict[Address, LocalShards | RemoteShards] = {}
        for address, (paths, steps) in local.items():
            links = {path: target for path in paths if (target := outside_target(path, self._manifest.folder))}
            shards[address] = LocalShards(self._known(tars, paths, steps), links)
        for entry in self._datasets():
            if isinstance(entry.shards, UrlShards):
                shards[entry.common.address] = self._remote(entry, entry.shards)
        files = {name: found for name, (path, steps) in named.items() for found in self._known(plain, (path,), steps)}
        self._note_no_lock()
        return Facts(shards, files, tuple(self._problems), frozenset(self._absent), Lock(self._files, self._urls))

    def _refuse_oversized(self, found: Iterable[tuple[tuple[Path, ...], Steps]]) -> None:
        """Raise InvalidInput if shards are larger than a blob may be: that is known before any file is read."""
        large = [problem for paths, steps in found for path in paths for problem in self._oversized(path, steps)]
        if large:
            raise InvalidInput((*self._problems, *large))

    def _oversized(self, path: Path, steps: Steps) -> Iterator[Problem]:
        try:
            size = 0 if path in self._absent else path.stat().st_size
        except OSError:
            return  # measuring it reports that
        if size > LARGEST_SHARD:
            message = f"{self._name(path)} has {size:,} bytes, and a shard in a blob at most {LARGEST_SHARD:,}"
            yield Problem("shard-too-large", message, self._manifest.place(steps), "make smaller shards")

    def _measure(self, paths: Iterable[Path], *, tar: bool) -> Mapping[Path, Measured]:
        """Return the facts of files: measured if the file is here, otherwise from the lock."""
        unique = dict.fromkeys(paths)
        if not unique:
            return {}
        from atpub.shards.measure import measure_files  # threads and tar files, which URLs do not need

        here = [path for path in unique if path not in self._absent]
        measured = measure_files(here, cache=self._run.cache, on_progress=self._run.on_progress, tar=tar)
        return {path: measured[path] if path in measured else self._as_locked(path, tar=tar) for path in unique}

    def _as_locked(self, path: Path, *, tar: bool) -> Measured:
        name = self._name(path)
        message = f"{name} is not here, and {LOCK_FILE} has it without its samples"
        return self._lock.files[name].facts(tar=tar) or Problem("file-missing", message, hint=LOCK_HERE)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._manifest.folder).as_posix()

    def _known(
        self, measured: Mapping[Path, Measured], paths: Sequence[Path], steps: Steps
    ) -> tuple[tuple[Path, FileFacts], ...]:
        known: list[tuple[Path, FileFacts]] = []
        for path in paths:
            found = measured[path]
            if isinstance(found, Problem):
                self._note([found], steps)
            else:
                known.append((path, found))
                self._note([note_problem(self._name(path), note) for note in found.notes], steps)
        self._keep_files({self._name(path): LockedFile.of(facts) for path, facts in known}, steps)
        return tuple(known)

    # What a lock of these facts holds, and whether it is what the lock says

    def _keep_files(self, files: Mapping[str, LockedFile], steps: Steps) -> None:
        for name, file in files.items():
            if file.samples is not None or name not in self._files:  # a file may be a shard here, and a blob there
                self._files[name] = file
        locked = self._lock.files
        differing = [name for name, file in files.items() if name in locked and not locked[name].says(file)]
        self._compare(f"other data than in {LOCK_FILE}", differing, steps)
        self._miss([name for name in files if name not in locked], steps)

    def _keep_urls(self, digests: Mapping[str, str], steps: Steps) -> None:
        twice = [url for url, digest in digests.items() if self._urls.setdefault(url, digest) != digest]
        if twice:
            message = f"another checksum than in another dataset: {listed(twice)}"
            self._note([Problem("checksum-conflict", message, hint="one of the checksum files is out of date")], steps)
        locked = self._lock.urls
        differing = [url for url, digest in digests.items() if locked.get(url, digest) != digest]
        self._compare(f"other checksums than in {LOCK_FILE}", differing, steps)
        self._miss([url for url in digests if url not in locked], steps)

    def _compare(self, what: str, differing: Sequence[str], steps: Steps) -> None:
        if differing:
            severity: Severity = "error" if self._run.locked else "warning"
            self._note([Problem("lock-differs", f"{what}: {listed(differing)}", None, _RUN_LOCK, severity)], steps)

    def _miss(self, names: Sequence[str], steps: Steps) -> None:
        if names and self._run.locked and self._has_lock:
            self._note([Problem("not-locked", f"not in {LOCK_FILE}: {listed(names)}", hint=_RUN_LOCK)], steps)

    def _note_no_lock(self) -> None:
        if self._run.locked and not self._has_lock and (self._files or self._urls):
            place = Place(str(self._manifest.folder / LOCK_FILE))
            self._problems.append(Problem("no-lock", f"there is no {LOCK_FILE}", place, _RUN_LOCK))

    def _datasets(self) -> Iterator[DatasetEntry]:
        for entry in self._manifest.entries.values():
            if isinstance(entry, DatasetEntry):
                yield entry

    def _local_files(self) -> Iterator[tuple[Address, tuple[tuple[Path, ...], Steps]]]:
        for entry in self._datasets():
            if isinstance(entry.shards, FileShards):
                steps = (*entry.common.address.steps, entry.shards.key)
                found = self._locate(entry.shards.patterns, steps, shards=True)
                yield entry.common.address, (found.files, steps)

    def _blob_files(self) -> Iterator[tuple[str, tuple[Path, Steps]]]:
        for entry in self._manifest.entries.values():
            for steps, name in blob_files(entry):
                found = self._locate([name], steps)
                if len(found.files) == 1:
                    yield name, (found.files[0], steps)
                elif found.files:
                    self._note([Problem("one-of", f"{name!r} is {len(found.files)} files", hint="name one")], steps)

    def _locate(self, patterns: Sequence[str], steps: Steps, *, shards: bool = False) -> Located:
        found = self._locator.locate(patterns, shards=shards)
        self._absent |= found.absent
        self._note(found.problems, steps)
        return found

    def _remote(self, entry: DatasetEntry, shards: UrlShards) -> RemoteShards:
        steps = (*entry.common.address.steps, shards.key)
        urls: list[str] = []
        for pattern in shards.urls:
            expanded = check_pattern(pattern) or expand_braces(pattern)
            if isinstance(expanded, Problem):
                self._note([expanded], steps)
            else:
                urls.extend(expanded)
        parsed = [parse_location(url) for url in urls]
        known = [item for item in parsed if not isinstance(item, Problem)]
        self._note([item for item in parsed if isinstance(item, Problem)], steps)
        self._note(check_locations(known), steps)
        self._note(_unreadable(urls), steps)
        digests = self._digests(entry, shards, urls)
        if isinstance(shards.checksums, NoChecksums):
            return RemoteShards(tuple((item, None) for item in known))
        return RemoteShards(
            tuple(
                (item, digests[url])
                for url, item in zip(urls, parsed, strict=True)
                if not isinstance(item, Problem) and url in digests
            )
        )

    def _digests(self, entry: DatasetEntry, shards: UrlShards, urls: list[str]) -> Mapping[str, str]:
        steps = (*entry.common.address.steps, CHECKSUMS_KEY)
        match shards.checksums:
            case ChecksumFile(path=name):
                return self._filed_digests(name, urls, steps)
            case ChecksumMap(digests=digests):
                known = {name: digest for name, text in digests.items() if (digest := parse_sha256(text))}
                self._note([_not_sha256(name) for name in digests if name not in known], steps)
            case NoChecksums() | None:
                return {}
        return self._match(urls, known, steps)

    def _match(self, urls: Sequence[str], known: Mapping[str, str], steps: Steps) -> Mapping[str, str]:
        matched = match_checksums(urls, known)
        self._note(matched.problems, steps)
        return matched.digests

    def _filed_digests(self, name: str, urls: Sequence[str], steps: Steps) -> Mapping[str, str]:
        """Read the digests of URLs from checksum files; if there is none, from the lock."""
        found = expand_files([name], self._manifest.folder)
        digests = {url: self._lock.urls[url] for url in urls if url in self._lock.urls}
        if digests and any(problem.code in NOT_THERE for problem in found.problems):
            missing = [url for url in urls if url not in digests]
            if missing:
                message = f"{name} is not here, and {LOCK_FILE} does not have the checksum of {listed(missing)}"
                self._note([Problem("file-missing", message, hint=LOCK_HERE)], steps)
        else:
            known = self._checksum_files(found, steps)
            digests = {} if known is None else dict(self._match(urls, known, steps))
        self._keep_urls(digests, steps)
        return digests

    def _checksum_files(self, found: Found, steps: Steps) -> Mapping[str, str] | None:
        if found.problems:
            self._note([self._locator.hinted(problem) for problem in found.problems], steps)
            return None
        read = [parsed for file in found.files if (parsed := self._checksum_file(file, steps))]
        joined = join_checksums(read)
        self._note(joined.problems, steps)
        return joined.digests if len(read) == len(found.files) else None

    def _checksum_file(self, file: Path, steps: Steps) -> Checksums | None:
        name = self._name(file)
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

    def _note(self, problems: list[Problem] | tuple[Problem, ...], steps: Steps) -> None:
        if not problems:
            return
        place = self._manifest.place(steps)
        self._problems.extend(replace(problem, place=problem.place or place) for problem in problems)


def blob_files(entry: Entry) -> Iterator[tuple[Steps, str]]:
    """Every `{$blob: file}` of an entry: where it stands in the manifest, and the file."""
    stack: list[tuple[Steps, Json]] = [(entry.common.address.steps, free_values(entry))]
    while stack:
        steps, value = stack.pop()
        match placeholder(value), value:
            case ("$blob", argument), _:
                if blob := blob_argument(argument):
                    yield steps, blob.file
            case None, dict():
                stack.extend(((*steps, key), item) for key, item in value.items())
            case None, list():
                stack.extend(((*steps, index), item) for index, item in enumerate(value))
            case _:
                pass


_ODDITIES: Final = {
    "scattered-samples": (
        "the files of the sample {!r} are not side by side: every reader takes them for several broken samples",
        "write it again in order: tar --sort=name",
    ),
    "link-member": (
        "{!r} is a link, whose content readers leave out",
        "write the file itself: tar --dereference --hard-dereference",
    ),
}


def note_problem(name: str, note: Note) -> Problem:
    """Return the warning that a note on a shard of this name stands for."""
    message, hint = _ODDITIES[note.code]
    return Problem(note.code, f"{name}: {message.format(note.member)}", None, hint, "warning")


def _unreadable(urls: list[str]) -> list[Problem]:
    reason = readable_pattern(urls) if len(urls) > 1 else None
    hint = "atdata joins the URLs of a dataset into one pattern: give them numbers of one width"
    return [Problem("unreadable-urls", reason, hint=hint)] if reason else []


def _not_sha256(name: str) -> Problem:
    return Problem("bad-checksum", f"the checksum of {name!r} is not a SHA-256: 64 hexadecimal digits")
