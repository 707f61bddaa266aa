"""The journal of measuring: what a run has found so far, in case it breaks off. A damaged one costs only speed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final
from zlib import crc32

from atpub.atproto.data import Json
from atpub.measuring.model import MeasuredShard, outcome_json, parse_outcome
from atpub.shards.lock import LOCK_FILE
from atpub.storage.interface import parse_sha256

JOURNAL_FILE: Final = f".{LOCK_FILE}.journal"


class Journal:
    """A file beside the lock with one line for each measured shard: the CRC-32 of its JSON, and the JSON.

    It is opened with the first line, and removed at the end of a run. If it cannot be written, there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / JOURNAL_FILE
        self._descriptor: int | None = None

    def read(self) -> Mapping[str, MeasuredShard]:
        """Return the shards of a run that broke off, by URL; without damaged lines."""
        try:
            lines = self._file.read_text("utf-8", "replace").splitlines()
        except OSError:
            return {}
        return {shard.url: shard for line in lines if (shard := _parse(line))}

    def add(self, shard: MeasuredShard) -> None:
        """Write down a shard; another process sees the line whole, or not at all."""
        with suppress(OSError):
            if self._descriptor is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
                self._descriptor = os.open(self._file, flags, 0o600)
            text = json.dumps(outcome_json(shard))
            # A line that a killed process left unfinished must not spoil this one.
            os.write(self._descriptor, f"\n{crc32(text.encode()):08x} {text}\n".encode())

    def close(self) -> None:
        """Close the file, which stays for the next run."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Remove the file."""
        self.close()
        with suppress(OSError):
            self._file.unlink(missing_ok=True)


def _parse(line: str) -> MeasuredShard | None:
    code, _, text = line.partition(" ")
    if code != f"{crc32(text.encode()):08x}":
        return None
    try:
        value: Json = json.loads(text)
        found = parse_outcome(value) if isinstance(value, dict) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, MeasuredShard) and parse_sha256(found.sha256) == found.sha256 else None
