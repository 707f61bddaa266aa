"""The tables of a local repository; every SQL statement is here.

Record keys are `collection/rkey` in bytes, and a record's CID is binary, as the tree takes them; a blob's CID is text.
The tree itself is not stored: it follows from the records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from atpub.atproto.data import Blob
from atpub.atproto.syntax import Cid, Did, Nsid, RecordPath, Tid

FORMAT = 1

_SCHEMA = """
create table repository (id integer primary key check (id = 1), did text not null, cid blob, rev text, block blob);
create table record (key blob primary key, cid blob not null, value blob not null) without rowid;
create table blob (cid text primary key, mime_type text not null, size integer not null, stored integer not null);
create table ref (key blob not null, cid text not null, primary key (key, cid)) without rowid;
create index ref_by_cid on ref (cid);
"""


@dataclass(frozen=True, slots=True)
class StoredHead:
    """The newest commit: its binary CID, revision and block."""

    cid: bytes
    rev: Tid
    block: bytes


def format_of(db: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 where there are none yet."""
    row: tuple[int] = db.execute("pragma user_version").fetchone()
    return row[0]


def create_tables(db: sqlite3.Connection, did: Did) -> None:
    """Make the tables, within a transaction."""
    for statement in _SCHEMA.strip().splitlines():  # executescript would end the transaction
        db.execute(statement)
    db.execute("insert into repository (id, did) values (1, ?)", (did,))
    db.execute(f"pragma user_version = {FORMAT}")


def did_of(db: sqlite3.Connection) -> Did:
    """Whose repository it is."""
    row: tuple[str] = db.execute("select did from repository").fetchone()
    return Did(row[0])


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables, within a transaction that the caller ends."""

    db: sqlite3.Connection

    def head(self) -> StoredHead | None:
        """Return the newest commit; None before the first."""
        row: tuple[bytes, str, bytes] | None = self.db.execute(
            "select cid, rev, block from repository where cid is not null"
        ).fetchone()
        return row and StoredHead(row[0], Tid(row[1]), row[2])

    def set_head(self, head: StoredHead) -> None:
        """Put a commit in the place of the newest."""
        self.db.execute("update repository set cid = ?, rev = ?, block = ?", (head.cid, head.rev, head.block))

    def tree(self) -> dict[bytes, bytes]:
        """Every record's key and CID."""
        return dict(self.db.execute("select key, cid from record"))

    def values(self) -> Iterator[tuple[bytes, bytes]]:
        """Every record's CID and block."""
        yield from self.db.execute("select cid, value from record")

    def records(
        self, collections: Collection[Nsid], paths: Collection[RecordPath] = ()
    ) -> list[tuple[bytes, bytes, bytes]]:
        """Key, CID and block of every record in the collections, and of those at the paths."""
        query = "select key, cid, value from record where key "
        rows: list[tuple[bytes, bytes, bytes]] = []
        for collection in sorted(set(collections)):
            bounds = (f"{collection}/".encode(), f"{collection}0".encode())  # "0" follows "/"
            rows += self.db.execute(f"{query}> ? and key < ?", bounds)
        for path in sorted(set(paths)):
            rows += self.db.execute(f"{query}= ?", (str(path).encode(),))
        return rows

    def page(
        self, collection: Nsid, limit: int, cursor: str | None, *, reverse: bool
    ) -> list[tuple[bytes, bytes, bytes]]:
        """Return key, CID and block of records of a collection after a record key, the highest key first.

        In `reverse`, the lowest key comes first.
        """
        low, high = f"{collection}/".encode(), f"{collection}0".encode()  # "0" follows "/"
        if cursor is not None:
            at = f"{collection}/{cursor}".encode()
            low, high = (at, high) if reverse else (low, at)
        query = "select key, cid, value from record where key > ? and key < ? order by key "
        query += "asc limit ?" if reverse else "desc limit ?"
        return self.db.execute(query, (low, high, limit)).fetchall()

    def collections(self) -> list[str]:
        """Return the names of the collections that have records, in order."""
        found: list[str] = []
        after = b""
        while row := self.db.execute("select key from record where key >= ? limit 1", (after,)).fetchone():
            name: str = row[0].decode().partition("/")[0]
            found.append(name)
            after = f"{name}0".encode()
        return sorted(found)

    def blocks(self, cids: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the blocks of the records with these CIDs, as far as there are such records."""
        return {cid: block for cid, block in self.values() if cid in cids}

    def has_record(self, key: bytes) -> bool:
        """Whether there is a record with that key."""
        return self.db.execute("select 1 from record where key = ?", (key,)).fetchone() is not None

    def put_record(self, key: bytes, cid: bytes, block: bytes) -> None:
        """Write a record, over the one that is there if any."""
        self.db.execute("insert or replace into record values (?, ?, ?)", (key, cid, block))

    def delete_record(self, key: bytes) -> None:
        """Delete the record with that key."""
        self.db.execute("delete from record where key = ?", (key,))

    def refer(self, key: bytes, cid: Cid) -> None:
        """Note that a record refers to a blob."""
        self.db.execute("insert or ignore into ref values (?, ?)", (key, cid))

    def release(self, key: bytes) -> set[Cid]:
        """Forget what a record refers to; those blobs."""
        rows: list[tuple[str]] = self.db.execute("select cid from ref where key = ?", (key,)).fetchall()
        self.db.execute("delete from ref where key = ?", (key,))
        return {Cid(cid) for (cid,) in rows}

    def blob(self, cid: Cid) -> Blob | None:
        """Return the blob as it was stored."""
        row: tuple[str, int] | None = self.db.execute(
            "select mime_type, size from blob where cid = ?", (cid,)
        ).fetchone()
        return row and Blob(cid, *row)

    def put_blob(self, blob: Blob, now: int) -> None:
        """Note a blob, over what is noted of it if anything; `now` is in microseconds."""
        self.db.execute("insert or replace into blob values (?, ?, ?, ?)", (blob.cid, blob.mime_type, blob.size, now))

    def delete_blob(self, cid: Cid) -> None:
        """Forget a blob."""
        self.db.execute("delete from blob where cid = ?", (cid,))

    def blobs(self) -> set[str]:
        """Return the CIDs of all blobs."""
        return {cid for (cid,) in self.db.execute("select cid from blob")}

    def used_blobs(self, limit: int, cursor: str | None) -> list[Cid]:
        """Return the blobs that records refer to, in the order of their CIDs, from after a CID on."""
        query = "select distinct cid from ref where cid > ? order by cid limit ?"
        return [Cid(cid) for (cid,) in self.db.execute(query, (cursor or "", limit))]

    def is_referred_to(self, cid: Cid) -> bool:
        """Whether some record refers to the blob."""
        return self.db.execute("select 1 from ref where cid = ?", (cid,)).fetchone() is not None

    def blobs_of(self, keys: Iterable[bytes]) -> set[tuple[Cid, int]]:
        """Return the blobs that these records refer to, each with its size."""
        query = "select blob.cid, size from ref join blob using (cid) where key = ?"
        return {(Cid(cid), size) for key in keys for cid, size in self.db.execute(query, (key,))}

    def unused_blobs(self, before: int) -> list[Cid]:
        """Return the blobs stored before that time (in microseconds) that no record refers to."""
        rows: list[tuple[str]] = self.db.execute(
            "select cid from blob where stored < ? and cid not in (select cid from ref)", (before,)
        ).fetchall()
        return [Cid(cid) for (cid,) in rows]
