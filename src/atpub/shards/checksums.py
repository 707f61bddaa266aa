"""Checksum files as `sha256sum` writes them, and which of their lines belongs to which shard."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote

from atpub.problems import Place, Problem
from atpub.storage.interface import parse_sha256
from atpub.storage.registry import shard_path
from atpub.suggest import nearest

_TAGGED = re.compile(r"(?P<kind>[A-Za-z0-9/-]+) ?\((?P<name>.+)\) ?= ?(?P<digest>\S+)", re.DOTALL)
_PLAIN = re.compile(r"(?P<digest>\S+)(?: [ *]|[ \t](?![ *]))(?P<name>.+)", re.DOTALL)
_SHA256_NAMES = ("SHA256", "SHA2-256", "SHA-256")
_OTHER_ALGORITHMS = {32: "MD5", 40: "SHA-1", 56: "SHA-224", 96: "SHA-384", 128: "SHA-512"}
_ENDINGS = ("sha256", "sha256sum")
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPES = {"\\": "\\", "n": "\n", "r": "\r"}
_LEADING = re.compile(r"^(?:\.?/)+")
_FORM = "write one `<64 hexadecimal digits>  <file>` a line, as sha256sum does"


@dataclass(frozen=True, slots=True)
class Checksums:
    """What a checksum file says: lower-case hexadecimal SHA-256 by file name, and what is wrong in it."""

    digests: Mapping[str, str]
    problems: tuple[Problem, ...]


def parse_checksums(text: str, file: str) -> Checksums:
    r"""Parse the text of a checksum file; `file` is its name, for the places of problems.

    Understood: the text and binary lines of GNU `sha256sum` (with its `\` escapes), the tagged lines of `--tag`, BSD
    and OpenSSL, CRLF, a byte-order mark, blank lines and `#` comments. A file `NAME.sha256` that holds a digest and no
    name has that of NAME. Every bad line is a Problem.
    """
    if (alone := parse_sha256(text.removeprefix("\ufeff").strip())) and (named := _shard_beside(file)):
        return Checksums(MappingProxyType({named: alone}), ())
    digests: dict[str, str] = {}
    problems: list[Problem] = []
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        entry = _parse_line(line)
        if isinstance(entry, _Fault):
            problems.append(_line_problem(entry, file, number, line))
        elif digests.setdefault(entry.name, entry.digest) != entry.digest:
            problems.append(_line_problem(_given_twice(entry, digests[entry.name]), file, number, line))
    return Checksums(MappingProxyType(digests), tuple(problems))


def _shard_beside(file: str) -> str:
    """Return the name of the shard that a checksum file is named after; empty where it is not named so."""
    last = file.replace("\\", "/").rpartition("/")[2]
    name, dot, ending = last.rpartition(".")
    return name if dot and ending.lower() in _ENDINGS else ""


class _Line(NamedTuple):
    name: str
    digest: str
    start: int  # of the digest


class _Fault(NamedTuple):
    code: str
    message: str
    start: int
    hint: str


def _line_problem(fault: _Fault, file: str, number: int, line: str) -> Problem:
    return Problem(fault.code, fault.message, Place(file, number, fault.start + 1, line), fault.hint)


def _parse_line(line: str) -> _Line | _Fault:
    escaped = line.startswith("\\")
    found = _TAGGED.fullmatch(line, escaped) or _PLAIN.fullmatch(line, escaped)
    if not found:
        return _Fault("checksum-line", "this is not a line of a checksum file", 0, _FORM)
    start = found.start("digest")
    kind = found["kind"] if found.re is _TAGGED else "SHA256"
    digest = parse_sha256(found["digest"])
    if digest is None or kind.upper() not in _SHA256_NAMES:
        return _not_sha256(found["digest"], kind, start)
    name = _unescape(found["name"]) if escaped else found["name"]
    if name is None:
        return _Fault("checksum-line", "the file's name has a bad escape", 0, r"escapes are \\, \n and \r")
    return _Line(name, digest, start)


def _not_sha256(digest: str, kind: str, start: int) -> _Fault:
    other = _OTHER_ALGORITHMS.get(len(digest)) if re.fullmatch("[0-9a-fA-F]*", digest) else None
    if kind.upper() not in _SHA256_NAMES:
        other = kind
    what = f"this is {other}" if other else f"{digest[:80]!r} is no SHA-256 digest of 64 hexadecimal digits"
    return _Fault("checksum-digest", what, start, "records carry SHA-256: run sha256sum on the shards")


def _unescape(name: str) -> str | None:
    if any(found[1] not in _ESCAPES for found in _ESCAPE.finditer(name)):
        return None
    return _ESCAPE.sub(lambda found: _ESCAPES[found[1]], name)


def join_checksums(files: Sequence[Checksums]) -> Checksums:
    """Join what several checksum files say: a name that they give different digests is a Problem."""
    digests: dict[str, str] = {}
    problems = [problem for file in files for problem in file.problems]
    for name, digest in (item for file in files for item in file.digests.items()):
        if digests.setdefault(name, digest) != digest:
            message = f"the checksum files give {name} two digests: {digests[name][:12]}… and {digest[:12]}…"
            problems.append(Problem("checksum-conflict", message, hint="remove the file that is out of date"))
    return Checksums(MappingProxyType(digests), tuple(problems))


def _given_twice(line: _Line, first: str) -> _Fault:
    message = f"{line.name} has another digest here than before ({first[:12]}…)"
    return _Fault("checksum-conflict", message, line.start, "keep the line that is right")


@dataclass(frozen=True, slots=True)
class Matched:
    """Each shard's digest; `missing` have none, and `ambiguous` name what each of the others might be."""

    digests: Mapping[str, str]
    missing: tuple[str, ...]
    ambiguous: Mapping[str, str]
    near: str = ""
    """A suggestion for the first missing shard."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """One Problem for all missing shards, and one for each ambiguous shard."""
        found = [
            Problem("checksum-ambiguous", f"no telling which checksum is {shard}'s: {why}", hint=_NAME_THEM)
            for shard, why in self.ambiguous.items()
        ]
        if self.missing:
            total = len(self.missing) + len(self.digests) + len(self.ambiguous)
            listed = ", ".join(self.missing[:5]) + (", …" if len(self.missing) > 5 else "")
            message = f"{len(self.missing)} of {total} shards have no checksum: {listed}"
            hint = self.near or "add the lines that sha256sum prints for them"
            found.append(Problem("checksum-missing", message, hint=hint))
        return tuple(found)


_NAME_THEM = "give the URL itself, or more of its path, in place of the file name"


def match_checksums(shards: Sequence[str], digests: Mapping[str, str]) -> Matched:
    """Match each shard (a URL or path) to a digest by file name.

    A name is a shard's where it is the whole URL; else where it ends the URL's path, the longest such name first; else
    where it has the same last segment. A name that could be two shards', or two names that differ, are ambiguous.
    """
    index = _Index(digests)
    names = {shard: index.find(shard) for shard in shards}
    claims = Counter(name for found in names.values() for name in found)
    ambiguous = {shard: why for shard, found in names.items() if (why := _doubt(shard, found, digests, claims))}
    known = {shard: digests[found[0]] for shard, found in names.items() if found and shard not in ambiguous}
    missing = tuple(shard for shard, found in names.items() if not found)
    near = _nearly(missing[0], [name for name in digests if name not in claims]) if missing else ""
    return Matched(MappingProxyType(known), missing, MappingProxyType(ambiguous), near)


def _nearly(shard: str, names: Iterable[str]) -> str:
    """Suggest the name that differs from the shard's only by case, blanks or backslashes, or else the closest one."""
    last = _last(shard)
    by_last = {_last(name.strip().replace("\\", "/")): name for name in names}
    found = next((name for end, name in by_last.items() if end.lower() == last.lower()), None)
    close = found or by_last.get(nearest(last, by_last) or "")
    return f"there is a checksum of '{close}': write the name as it is in the shard's path" if close else ""


def _last(name: str) -> str:
    return _path(name).rpartition("/")[2]


def _doubt(shard: str, names: Sequence[str], digests: Mapping[str, str], claims: Mapping[str, int]) -> str:
    if shard in names:
        return ""
    if len({digests[name] for name in names}) > 1:
        return " and ".join(map(repr, names[:3])) + " both fit"
    shared = next((name for name in names if claims[name] > 1), None)
    return f"{shared!r} fits {claims[shared]} shards" if shared else ""


class _Index:
    """The names of a checksum file, to be found by the end of their paths."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        self._names = digests
        self._by_path: defaultdict[str, list[str]] = defaultdict(list)
        self._by_last: defaultdict[str, list[str]] = defaultdict(list)
        for name in digests:
            path = _path(name)
            self._by_path[path].append(name)
            self._by_last[_last(name)].append(name)

    def find(self, shard: str) -> Sequence[str]:
        """Return the names that match the shard; several only if all match equally well."""
        if shard in self._names:
            return (shard,)
        path = _path(shard)
        paths = dict.fromkeys((path, _compose(unquote(path)))) if "%" in path else (path,)
        for path in paths:
            for ending in _endings(path):
                if found := self._by_path.get(ending):
                    return found
        return next((found for path in paths if (found := self._by_last.get(path.rpartition("/")[2]))), ())


def _path(name: str) -> str:
    """Return the path of a URL or file name, without scheme, host and leading slashes."""
    path = _compose(shard_path(name) if "://" in name else name)
    return _LEADING.sub("", path, count=1) if path.startswith(("/", ".")) else path


def _compose(text: str) -> str:
    """Return a text in NFC: macOS decomposes letters in the names of files."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _endings(path: str) -> Iterator[str]:
    yield path
    while "/" in path:
        path = path.partition("/")[2]
        yield path
