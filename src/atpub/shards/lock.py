"""`atpub.lock`: what is known of a manifest's data, kept beside it in git, for where the data itself is not.

The first line is `{"atpub.lock": 2}`; each other one is a JSON object, files first, both kinds sorted bytewise:

    {"file": "data/digits-000.tar", "size": 145920, "sha256": "…", "samples": 300}
    {"file": "card.pdf", "size": 2048, "sha256": "…"}
    {"url": "https://cdn.example.org/cats-000.tar", "sha256": "…"}
    {"url": "https://cdn.example.org/dogs-000.tar", "sha256": "…", "size": 90112, "samples": 30, "etag": "…"}

A file's path is relative to the manifest's folder and has `/` between its parts. `samples` is there where a dataset
lists the file as a shard. A URL is there where a checksum file has its digest: with these lines, plan needs no checksum
file. It is also there where `missing:` of the manifest lets `atpub lock` find the digest: with `size` in bytes,
`samples` if the shard was read, and the validators `etag` and `modified` (Last-Modified), as far as the store states
them.

The number is 1 where no URL has more than its digest: older versions of atpub read such a lock, and refuse one of
number 2. What else may be said of a file or URL comes with another number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeAlias

from atpub.atproto.data import Json
from atpub.errors import InvalidInput
from atpub.problems import Place, Problem
from atpub.shards.file_facts import FileFacts
from atpub.storage.interface import parse_sha256
from atpub.storage.registry import parse_location
from atpub.text.files import read_source
from atpub.text.json_document import parse_json
from atpub.text.paths import refuse
from atpub.text.source import Source

LOCK_FILE: Final = "atpub.lock"
VERSION: Final = 2
_DIGESTS_ONLY: Final = 1

_MOST = 1 << 53
_LINE = re.compile(r"[^\n]+")
# What JSON may hold as it is, and yet would not show in a diff, or cannot be written as UTF-8 (odd file names).
_HIDDEN = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ANEW = "run `atpub lock` where the data is; where this file itself is broken: atpub lock --prune"
_FIELD_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,1022}[\x21-\x7e])?")
_MERGE = "resolve the merge first: keep the lines of both sides, then run `atpub lock`"


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A local file as it was measured: size in bytes, hexadecimal SHA-256; samples, where it is a shard."""

    size: int
    sha256: str
    samples: int | None = None

    @classmethod
    def of(cls, facts: FileFacts) -> LockedFile:
        """Take the facts of a file that a lock keeps."""
        return cls(facts.size, facts.sha256, facts.samples)

    def facts(self, *, tar: bool) -> FileFacts | None:
        """Return the facts of the file; None for a shard whose samples were not counted."""
        if not tar:
            mime_type = "application/octet-stream" if self.samples is None else "application/x-tar"
            return FileFacts(self.size, self.sha256, None, mime_type)
        return None if self.samples is None else FileFacts(self.size, self.sha256, self.samples)

    def says(self, measured: LockedFile) -> bool:
        """Whether this is what was measured; samples that were not counted do not matter."""
        return measured in (self, replace(self, samples=None))


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What the store of a shard states besides its digest; `samples` are known of a shard that was read.

    `etag` and `modified` (Last-Modified) are its validators (RFC 9110, section 8.8), as the store writes them.
    """

    size: int | None = None
    samples: int | None = None
    etag: str | None = None
    modified: str | None = None

    def to_json(self) -> dict[str, Json]:
        """Return the facts that are known."""
        return {name: value for name in _STORE_KEYS if (value := getattr(self, name)) is not None}

    @classmethod
    def of_json(cls, value: Mapping[Any, Any]) -> StoreFacts:
        """Read the facts among the keys of a line that has no faults."""
        known: dict[str, Any] = {name: value[name] for name in _STORE_KEYS if name in value}
        return cls(**known)


_STORE_KEYS: Final = ("size", "samples", "etag", "modified")


@dataclass(frozen=True, slots=True)
class Lock:
    """What a lock holds: local files by path, the SHA-256 of shards by URL, and what their stores state besides."""

    files: Mapping[str, LockedFile] = field(default_factory=dict[str, LockedFile])
    urls: Mapping[str, str] = field(default_factory=dict[str, str])
    stored: Mapping[str, StoreFacts] = field(default_factory=dict[str, StoreFacts])


def bytewise(text: str) -> bytes:
    """Return the sort key of a path: its bytes in a POSIX file system."""
    return text.encode("utf-8", "surrogateescape")


def dump_lock(lock: Lock) -> str:
    """Format a lock; the same facts give the same text, in any order."""
    stored = {url: facts for url in lock.urls if (facts := lock.stored.get(url, StoreFacts()).to_json())}
    lines: list[Json] = [{LOCK_FILE: VERSION if stored else _DIGESTS_ONLY}]
    for path, known in sorted(lock.files.items(), key=lambda item: bytewise(item[0])):
        samples: dict[str, Json] = {} if known.samples is None else {"samples": known.samples}
        lines.append({"file": path, "size": known.size, "sha256": known.sha256, **samples})
    for url, digest in sorted(lock.urls.items(), key=lambda item: bytewise(item[0])):
        lines.append({"url": url, "sha256": digest, **stored.get(url, {})})
    return "".join(f"{_line(line)}\n" for line in lines)


def _line(value: Json) -> str:
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def read_lock(folder: Path) -> Lock | None:
    """Read the lock beside a manifest; None if there is none. Raises InvalidInput with every problem."""
    file = folder / LOCK_FILE
    if not file.exists():
        return None
    if refused := refuse(file, folder):
        raise InvalidInput((replace(refused, place=Place(str(file))),))
    return parse_lock(read_source(str(file)))


def parse_lock(source: Source) -> Lock:
    """Parse the text of a lock; raises InvalidInput with every problem. The order of lines does not matter."""
    return _Reader(source).read()


_Steps: TypeAlias = tuple[str | int, ...]
_Check: TypeAlias = Callable[[Json], str | None]  # what is wrong with a value


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._problems: list[Problem] = []
        self._files: dict[str, LockedFile] = {}
        self._urls: dict[str, str] = {}
        self._stored: dict[str, StoreFacts] = {}
        self._seen: dict[tuple[str, str], int] = {}

    def read(self) -> Lock:
        lines = [line for line in _LINE.finditer(self._source.text) if line[0].strip()]
        self._read_header(lines[0] if lines else None)
        for line in lines[1:]:
            self._read_line(line)
        if self._problems:
            raise InvalidInput(tuple(self._problems))
        return Lock(self._files, self._urls, self._stored)

    def _read_header(self, line: re.Match[str] | None) -> None:
        value = _load(line[0]) if line else None
        version = value.get(LOCK_FILE) if isinstance(value, dict) else None
        if value == {LOCK_FILE: version} and type(version) is int and version in (_DIGESTS_ONLY, VERSION):
            return
        if isinstance(version, int) and version > VERSION:
            message, hint = f"the lock is of version {version}, which is newer than this atpub", "upgrade atpub"
        else:
            message, hint = f"a lock begins with the line {_line({LOCK_FILE: _DIGESTS_ONLY})}", _ANEW
        place = self._source.place(line.start()) if line else Place(self._source.file)
        # Lines that mean something else would only bring on more problems.
        raise InvalidInput((Problem("lock-header", message, place, hint),))

    def _read_line(self, line: re.Match[str]) -> None:
        value = _load(line[0])
        if any(_faults(value)):
            self._problems.extend(self._place(line, value))
            return
        match value:
            case {"file": str(path), "size": int(size), "sha256": str(sha256), **rest}:
                samples = rest.get("samples")
                self._files[path] = LockedFile(size, sha256, samples if isinstance(samples, int) else None)
                self._check_once(("file", path), line)
            case {"url": str(url), "sha256": str(sha256), **rest}:
                self._urls[url] = sha256
                if rest:
                    self._stored[url] = StoreFacts.of_json(rest)
                self._check_once(("url", url), line)
            case _:
                raise AssertionError(value)

    def _check_once(self, key: tuple[str, str], line: re.Match[str]) -> None:
        first = self._seen.setdefault(key, line.start())
        if first != line.start():
            message = f"{key[1]} is given twice: it is first given at line {self._source.place(first).line}"
            hint = "keep the line that is right, or run `atpub lock` where the data is"
            self._problems.append(self._source.problem("lock-duplicate", message, line.start(), hint))

    def _place(self, line: re.Match[str], value: Json) -> Iterator[Problem]:
        """Yield the problems of a line at their columns; parses the line again, which is slow."""
        start = self._source.place(line.start())
        try:
            document = parse_json(Source(self._source.file, line[0], start.line))
        except InvalidInput as error:
            hint = _MERGE if line[0].startswith(("<<<<<<<", "|||||||", "=======", ">>>>>>>")) else _ANEW
            for problem in error.problems:
                place = problem.place if problem.place and problem.place.line == start.line else start
                yield Problem("lock-syntax", problem.message, place, hint)
        else:
            for steps, message in _faults(value):
                yield Problem("lock-entry", message, document.place(steps), _ANEW)


def _load(line: str) -> Json:
    """Parse a line as a JSON object; None if it is not one, or has a duplicate key."""
    try:
        value: Json = _DECODER.decode(line)
    except (ValueError, RecursionError):
        return None
    return value


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique)


def _faults(value: Json) -> Iterator[tuple[_Steps, str]]:
    """Yield each fault of a line with its path."""
    kind = next((kind for kind in _KINDS if isinstance(value, dict) and kind in value), None)
    if kind is None or not isinstance(value, dict):
        yield (), "expected an object with `file` or `url`"
        return
    checks = _KINDS[kind]
    for key in value:
        if key not in checks:
            yield (key,), f"a line with `{kind}` has no {key!r}"
    for key, check in checks.items():
        if key in value:
            fault = check(value[key])
            if fault is not None:
                yield (key,), f"`{key}`: {fault}"
        elif key in _REQUIRED[kind]:
            yield (), f"`{key}` is missing"


def _path_fault(value: Json) -> str | None:
    path = PurePosixPath(value) if isinstance(value, str) and _is_sortable(value) and "\0" not in value else None
    if path is None or path.is_absolute() or ".." in path.parts or not path.parts or str(path) != value:
        return "expected a path inside the manifest's folder, such as data/digits-000.tar"
    return None


def _url_fault(value: Json) -> str | None:
    if not isinstance(value, str) or not _is_sortable(value):
        return "expected a URL"
    found = parse_location(value)
    return found.message if isinstance(found, Problem) else None


def _is_sortable(text: str) -> bool:
    try:
        bytewise(text)
    except UnicodeEncodeError:
        return False
    return True


def _count_fault(value: Json) -> str | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST
    return None if is_count else "expected a whole number, 0 or more"


def _digest_fault(value: Json) -> str | None:
    is_digest = isinstance(value, str) and parse_sha256(value) == value
    return None if is_digest else "expected 64 hexadecimal digits in lower case"


def is_field_value(text: str) -> bool:
    """Return whether a text can be the value of an HTTP header, as far as a lock holds it."""
    return _FIELD_VALUE.fullmatch(text) is not None


def _header_fault(value: Json) -> str | None:
    is_field = isinstance(value, str) and is_field_value(value)
    return None if is_field else "expected the value of an HTTP header"


_KINDS: Final[Mapping[str, Mapping[str, _Check]]] = {
    "file": {"file": _path_fault, "size": _count_fault, "sha256": _digest_fault, "samples": _count_fault},
    "url": {
        "url": _url_fault,
        "sha256": _digest_fault,
        "size": _count_fault,
        "samples": _count_fault,
        "etag": _header_fault,
        "modified": _header_fault,
    },
}
_REQUIRED: Final = {"file": ("file", "size", "sha256"), "url": ("url", "sha256")}
