"""Records as they were applied, kept on disk by their CIDs: what a plan shows of an edit that was made elsewhere.

An inventory lists the CIDs alone. The store is a cache: what it lacks, or holds damaged, is shown with less detail.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from atpub.atproto.data import JsonObject, NotInDataModel, decode, encode
from atpub.atproto.syntax import Cid

LARGEST: Final = 64 * 1024 * 1024
"""The most bytes of all records together, the oldest one aside; those that were added first go first."""

_WAIT_SECONDS: Final = 2
_TABLE: Final = """
create table if not exists record (cid text primary key, block blob not null, bytes_so_far integer not null) strict;
create index if not exists record_bytes on record (bytes_so_far);
"""
HELD: Final = "select cid from record where cid in (select value from json_each(?))"
INSERT: Final = """
insert or ignore into record select ?1, ?2, length(?2) + coalesce((select max(bytes_so_far) from record), 0)
"""
SURPLUS: Final = "delete from record where bytes_so_far <= (select max(bytes_so_far) from record) - ?"


@dataclass(frozen=True, slots=True)
class AppliedRecords:
    """The store in a folder, None where there is no such folder; any number of processes may use it at once."""

    folder: Path | None
    largest: int = LARGEST

    @property
    def file(self) -> Path | None:
        """The path of its database."""
        return self.folder and self.folder / "applied.sqlite"

    def find(self, cid: Cid) -> JsonObject | None:
        """Return the record with this CID, checked; None where it is not here."""
        with suppress(sqlite3.Error, OSError, NotInDataModel), self._database() as db:
            row = db.execute("select block from record where cid = ?", (cid,)).fetchone() if db else None
            if row and Cid.of_block(row[0]) == cid:
                return decode(row[0])
        return None

    def add(self, records: Iterable[tuple[Cid, JsonObject]]) -> None:
        """Add records that it lacks; nothing happens where that cannot be done."""
        wanted = dict(records)
        with suppress(sqlite3.OperationalError, OSError):  # a full disk, a read-only folder
            try:
                self._add(wanted)
            except sqlite3.DatabaseError as error:
                if self.file is None or isinstance(error, sqlite3.OperationalError):
                    raise
                self.file.unlink(missing_ok=True)  # damaged: it begins anew

    def _add(self, wanted: Mapping[Cid, JsonObject]) -> None:
        with self._database(is_new=bool(wanted)) as db:
            if db is None:
                return
            held = _held(db, wanted)
            new = [(cid, encode(value)) for cid, value in wanted.items() if cid not in held]
            if new:
                with db:
                    db.executemany(INSERT, new)
                    db.execute(SURPLUS, (self.largest,))

    @contextmanager
    def _database(self, *, is_new: bool = False) -> Generator[sqlite3.Connection | None]:
        """Yield the database; None where there is none, unless it may be a new one."""
        file = self.file
        if file is None or not (is_new or file.is_file()):
            yield None
            return
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(sqlite3.connect(file, timeout=_WAIT_SECONDS)) as db:
            db.execute("pragma synchronous = off")  # a crash may damage it, and then it begins anew
            db.execute("pragma journal_mode = memory")
            if is_new:
                db.executescript(_TABLE)
            yield db


def _held(db: sqlite3.Connection, cids: Iterable[Cid]) -> frozenset[str]:
    """Return those of the CIDs that the database holds; its other rows are not looked at."""
    return frozenset(cid for (cid,) in db.execute(HELD, (json.dumps([*cids]),)))
