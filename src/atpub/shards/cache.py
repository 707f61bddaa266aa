"""What is remembered of files that were measured before: pure values, and their text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import stat_result
from typing import NamedTuple

from atpub.atproto.data import Json, JsonObject
from atpub.shards.notes import NOTES, Note
from atpub.shards.sample_types import SampleTypes
from atpub.storage.interface import parse_sha256

VERSION = 5  # older ones have entries of files that were not checked for stand-ins, and no types or notes of samples
_KEPT = 100_000
_RACY_NS = 2_000_000_000


class FileIdentity(NamedTuple):
    """What changes when a file does: its size in bytes, times in nanoseconds since 1970, and inode."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: stat_result) -> FileIdentity:
        """Take the identity from a result of `os.stat`."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def is_settled(self, now_ns: int) -> bool:
        """Whether a later change would show: two changes within one tick of the file system's clock look like one.

        Two seconds is the coarsest tick in use (FAT); git calls an entry younger than a tick "racily clean".
        """
        return max(self.mtime_ns, self.ctime_ns) < now_ns - _RACY_NS


class Entry(NamedTuple):
    """A file as it was measured: hexadecimal SHA-256; of a shard also its samples, notes and first sample.

    `others` are the samples after the first that a filter accepted, which no cache file has.
    """

    identity: FileIdentity
    sha256: str
    samples: int | None
    notes: tuple[Note, ...] = ()
    first: SampleTypes | None = None
    others: tuple[SampleTypes, ...] = ()


Entries = Mapping[str, Entry]
"""By absolute path; the last measured last."""


def dump_entries(entries: Entries) -> str:
    """Format the text of a cache file; keeps the newest 100,000 entries."""
    newest = list(entries.items())[-_KEPT:]
    files = {path: _row(entry) for path, entry in newest}
    return json.dumps({"version": VERSION, "files": files}, separators=(",", ":"))


def _row(entry: Entry) -> list[Json]:
    first = entry.first.to_json() if entry.first else None
    return [*entry.identity, entry.sha256, entry.samples, dict(entry.notes), first]


def load_entries(text: str) -> Entries:
    """Parse the text of a cache file; no entries unless `dump_entries` wrote it."""
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    match value:
        case {"version": version, "files": dict(files)} if version == VERSION:
            return _entries(files)
        case _:
            return {}


def _entries(files: JsonObject) -> Entries:
    entries: dict[str, Entry] = {}
    for path, row in files.items():
        match row:
            case [*identity, str(sha256), (int() | None) as samples, dict(notes), first] if len(identity) == 4:
                numbers = [number for number in identity if isinstance(number, int)]
                found = tuple(
                    Note(code, member) for code, member in notes.items() if code in NOTES and isinstance(member, str)
                )
                if parse_sha256(sha256) != sha256 or len(found) < len(notes) or len(numbers) < 4:
                    return {}
                sample = SampleTypes.of_json(first)
                if sample is None and first is not None:
                    return {}
                entries[path] = Entry(FileIdentity(*numbers), sha256, samples, found, sample)
            case _:
                return {}
    return entries
