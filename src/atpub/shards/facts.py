"""What a manifest's entries say about data, looked up: files found and measured, URLs expanded, checksums matched.

Where a file is not there, the lock stands in for it: the facts are the same, and only the bytes are missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from atpub.atproto.data import Json
from atpub.errors import InvalidInput
from atpub.manifest.model import (
    Address,
    ChecksumFiles,
    DatasetEntry,
    Entry,
    FileShards,
    Manifest,
    UrlShards,
    blob_argument,
    free_values,
    placeholder,
)
from atpub.problems import Place, Problem, Severity
from atpub.shards.braces import PatternTotal, expand_braces, readable_pattern
from atpub.shards.file_facts import FileFacts, FileSource, Measured
from atpub.shards.locator import LOCK_HERE, Located, Locator
from atpub.shards.lock import LOCK_FILE, Lock, LockedFile, StoreFacts
from atpub.shards.notes import FIRST_SHARD_NOTE, note_problem
from atpub.shards.remote import (
    RUN_LOCK,
    AskedShard,
    RemoteShards,
    asked_shards,
    may_have_none,
    not_found_yet,
    states_checksums,
)
from atpub.storage.blobs import LARGEST_SHARD
from atpub.storage.interface import Location
from atpub.storage.registry import CHECKSUMS_KEY, check_locations, parse_location
from atpub.storage.urls import check_pattern
from atpub.suggest import short_list
from atpub.text.paths import outside_target

if TYPE_CHECKING:
    from atpub.progress import OnProgress
    from atpub.shards.sample_types import SampleFilter

Steps: TypeAlias = tuple[str | int, ...]
FindFilter: TypeAlias = Callable[[Sequence[Address]], "SampleFilter | None"]
"""A function that says which samples of a shard of these datasets are looked at; None for the first."""


@dataclass(frozen=True, slots=True)
class LocalShards:
    """Shards in local files, in the order in which the record lists them; `links` lead out of the manifest's folder."""

    files: tuple[tuple[Path, FileFacts], ...]
    links: Mapping[Path, Path] = field(default_factory=dict[Path, Path])

    def __len__(self) -> int:
        return len(self.files)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the data: each dataset's shards, each `$blob` file, and every problem on the way.

    `absent` are the files whose facts come from the lock; `lock` is what a lock of these facts holds. `asked` are the
    shards whose checksums `atpub lock` finds; `urls` are those of each dataset, with or without a checksum.
    """

    shards: Mapping[Address, LocalShards | RemoteShards]
    files: Mapping[str, tuple[Path, FileFacts]]
    problems: tuple[Problem, ...]
    absent: frozenset[Path] = frozenset()
    lock: Lock = field(default_factory=Lock)
    asked: tuple[AskedShard, ...] = ()
    urls: Mapping[Address, Sequence[str]] = field(default_factory=dict[Address, Sequence[str]])

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
    on_progress: OnProgress | None = None,
    samples: FindFilter | None = None,
) -> Facts:
    """Gather the facts of all data that a manifest names; `cache` and `on_progress` are those of `measure_files`.

    `samples` finds which samples are looked at; without it, it is the first of each shard.

    `lock` stands in for what is not there. That it says otherwise than what is there is a warning; where all must be
    as `locked`, it is an error, and so is what the lock does not have. Before it reads any file, it raises InvalidInput
    for shards that are too large.
    """
    return _Gatherer(manifest, lock, _Run(locked, cache, on_progress, samples)).gather()


class _Run(NamedTuple):
    """How one call of `gather` goes about it."""

    locked: bool
    cache: Path | None
    on_progress: OnProgress | None
    samples: FindFilter | None


class _Gatherer:
    def __init__(self, manifest: Manifest, lock: Lock | None, run: _Run) -> None:
        self._manifest = manifest
        self._lock = lock or Lock()
        self._has_lock = lock is not None
        self._run = run
        self._locator = Locator(manifest.folder, lock)
        self._listed = PatternTotal()
        self._absent: set[Path] = set()
        self._files: dict[str, LockedFile] = {}
        self._urls: dict[str, str] = {}
        self._stored: dict[str, StoreFacts] = {}
        self._asked: list[AskedShard] = []
        self._located: dict[Address, Sequence[str]] = {}
        self._problems: list[Problem] = []

    def gather(self) -> Facts:
        local = dict(self._local_files())
        named = dict(self._blob_files())
        self._refuse_oversized(local.values())
        tars = self._measure([path for paths, _ in local.values() for path in paths], self._filters(local), tar=True)
        plain = self._measure([path for path, _ in named.values()], {}, tar=False)
        shards: dict[Address, LocalShards | RemoteShards] = {}
        for address, (paths, steps) in local.items():
            links = {path: target for path in paths if (target := outside_target(path, self._manifest.folder))}
            shards[address] = LocalShards(self._known(tars, paths, steps), links)
        for entry in self._datasets():
            if isinstance(entry.shards, UrlShards):
                shards[entry.common.address] = self._remote(entry, entry.shards)
        files = {name: found for name, (path, steps) in named.items() for found in self._known(plain, (path,), steps)}
        self._note_no_lock()
        made = Lock(self._files, self._urls, self._stored)
        absent = frozenset(self._absent)
        return Facts(shards, files, tuple(self._problems), absent, made, tuple(self._asked), self._located)

    def _refuse_oversized(self, found: Iterable[tuple[tuple[Path, ...], Steps]]) -> None:
        """Raise InvalidInput if shards are larger than a blob may be: that is known before any file is read."""
        large = [problem for paths, steps in found for path in paths for problem in self._find_oversized(path, steps)]
        if large:
            raise InvalidInput((*self._problems, *large))

    def _find_oversized(self, path: Path, steps: Steps) -> Iterator[Problem]:
        try:
            size = 0 if path in self._absent else path.stat().st_size
        except OSError:
            return  # measuring it reports that
        if size > LARGEST_SHARD:
            message = f"{self._name(path)} has {size:,} bytes, and a shard in a blob at most {LARGEST_SHARD:,}"
            yield Problem("shard-too-large", message, self._manifest.place(steps), "make smaller shards")

    def _filters(self, local: Mapping[Address, tuple[tuple[Path, ...], Steps]]) -> Mapping[Path, SampleFilter]:
        find, datasets = self._run.samples, defaultdict[Path, list[Address]](list)
        for address, (paths, _) in local.items():
            for path in paths:
                datasets[path].append(address)
        return {path: found for path, users in datasets.items() if find is not None and (found := find(users))}

    def _measure(
        self, paths: Iterable[Path], samples: Mapping[Path, SampleFilter], *, tar: bool
    ) -> Mapping[Path, Measured]:
        """Return the facts of files: measured if the file is here, otherwise from the lock."""
        unique = dict.fromkeys(paths)
        if not unique:
            return {}
        from atpub.progress import ignore
        from atpub.shards.measure import measure_files  # threads and tar files, which URLs do not need

        here = [path for path in unique if path not in self._absent]
        on_progress = self._run.on_progress or ignore
        measured = measure_files(here, cache=self._run.cache, on_progress=on_progress, tar=tar, samples=samples)
        return {path: measured[path] if path in measured else self._look_up_locked(path, tar=tar) for path in unique}

    def _look_up_locked(self, path: Path, *, tar: bool) -> Measured:
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
                notes = [note for note in found.notes if path == paths[0] or note.code != FIRST_SHARD_NOTE]
                self._note([note_problem(self._name(path), note) for note in notes], steps)
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
            message = f"another checksum than in another dataset: {short_list(twice)}"
            self._note([Problem("checksum-conflict", message, hint="one of the checksum files is out of date")], steps)
        locked = self._lock.urls
        same = [url for url, digest in digests.items() if locked.get(url) == digest and url in self._lock.stored]
        self._stored.update((url, self._lock.stored[url]) for url in same)
        differing = [url for url, digest in digests.items() if locked.get(url, digest) != digest]
        self._compare(f"other checksums than in {LOCK_FILE}", differing, steps)
        self._miss([url for url in digests if url not in locked], steps)

    def _compare(self, what: str, differing: Sequence[str], steps: Steps) -> None:
        if differing:
            severity: Severity = "error" if self._run.locked else "warning"
            self._note([Problem("lock-differs", f"{what}: {short_list(differing)}", None, RUN_LOCK, severity)], steps)

    def _miss(self, names: Sequence[str], steps: Steps) -> None:
        if names and self._run.locked and self._has_lock:
            self._note([Problem("not-locked", f"not in {LOCK_FILE}: {short_list(names)}", hint=RUN_LOCK)], steps)

    def _note_no_lock(self) -> None:
        if self._run.locked and not self._has_lock and (self._files or self._urls):
            place = Place(str(self._manifest.folder / LOCK_FILE))
            self._problems.append(Problem("no-lock", f"there is no {LOCK_FILE}", place, RUN_LOCK))

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
        if problem := self._listed.exceed(patterns):
            self._note([problem], steps)
            return Located((), frozenset(), (problem,))
        found = self._locator.locate(patterns, shards=shards)
        self._absent |= found.absent
        self._note(found.problems, steps)
        return found

    def _remote(self, entry: DatasetEntry, shards: UrlShards) -> RemoteShards:
        steps = (*entry.common.address.steps, shards.key)
        urls: list[str] = []
        exceeded = self._listed.exceed(shards.urls)
        self._note([exceeded] if exceeded else [], steps)
        for pattern in () if exceeded else shards.urls:
            expanded = check_pattern(pattern) or expand_braces(pattern)
            if isinstance(expanded, Problem):
                self._note([expanded], steps)
            else:
                urls.extend(expanded)
        parsed = [parse_location(url) for url in urls]
        known = [item for item in parsed if not isinstance(item, Problem)]
        self._note([item for item in parsed if isinstance(item, Problem)], steps)
        self._note(check_locations(known), steps)
        self._note(_unreadable(urls, entry.parts), steps)
        located = {url: item for url, item in zip(urls, parsed, strict=True) if not isinstance(item, Problem)}
        self._located[entry.common.address] = tuple(located)
        digests = self._known_digests(shards, located, urls, (*entry.common.address.steps, CHECKSUMS_KEY))
        placed = [(url, item) for url, item in zip(urls, parsed, strict=True) if not isinstance(item, Problem)]
        if not may_have_none(shards):
            placed = [(url, item) for url, item in placed if url in digests]
        stored = tuple(self._stored.get(url, StoreFacts()) for url, _ in placed)
        return RemoteShards(tuple((item, digests.get(url)) for url, item in placed), stored)

    def _known_digests(
        self, shards: UrlShards, located: Mapping[str, Location], urls: Sequence[str], steps: Steps
    ) -> Mapping[str, str]:
        """Return the digests that the manifest gives, and of those that `atpub lock` finds, those in the lock."""
        digests = self._stated_digests(shards, urls, steps)
        if isinstance(shards.checksums, ChecksumFiles):
            self._keep_urls(digests, steps)
        unknown = {url: item for url, item in located.items() if url not in digests}
        asked = asked_shards(shards, unknown, lambda: self._manifest.place(steps))
        locked = {shard.url: self._lock.urls[shard.url] for shard in asked if shard.url in self._lock.urls}
        self._note(not_found_yet(asked, locked), steps)
        self._keep_urls(locked, steps)
        self._asked.extend(asked)
        return {**digests, **locked}

    def _stated_digests(self, shards: UrlShards, urls: Sequence[str], steps: Steps) -> Mapping[str, str]:
        """Return the digests in the manifest and its checksum files."""
        if not states_checksums(shards):
            return {}
        from atpub.shards.checksum_reader import ChecksumReader  # formats of files, where there are any

        return ChecksumReader(self._manifest, self._lock if self._has_lock else None, self._note).find(
            shards, urls, steps
        )

    def _note(self, problems: Sequence[Problem], steps: Steps) -> None:
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


def _unreadable(urls: list[str], parts: int | None) -> list[Problem]:
    """Return the problem of URLs that readers cannot tell apart, in one record or in one of its parts."""
    size = parts or len(urls)
    records = [urls[start : start + size] for start in range(0, len(urls), size)] if len(urls) > 1 else []
    reason = next((reason for record in records if (reason := readable_pattern(record))), None)
    hint = "atdata joins the URLs of a dataset into one pattern: give them numbers of one width"
    return [Problem("unreadable-urls", reason, hint=hint)] if reason else []
