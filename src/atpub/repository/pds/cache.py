"""A copy of what was read of a repository, kept on disk between runs: a CAR file whose root block describes the copy.

A copy is used only at the head that the server names, and only after every hash in it was checked again. A damaged
copy, or one of another repository, is ignored; nothing but speed depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

import libipld

from atpub.atomic_files import replacing
from atpub.atproto.data import encode
from atpub.atproto.repo.block import Native, cid_of, decode
from atpub.atproto.repo.car import Car, Snapshot, read_car, snapshot_of, write_car
from atpub.atproto.syntax import Cid, Did, Nsid, RecordPath, Tid
from atpub.errors import RepositoryError
from atpub.repository.filter import RecordFilter
from atpub.repository.model import Head, Record
from atpub.repository.snapshot import head_of, record_of, records_of

VERSION: Final = 1
LARGEST: Final = 256 * 1024 * 1024
"""The most bytes that all copies in one folder may have; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole repository, and the revision by which the server knows its head.

    That is not always the commit's own: a server gives a repository that is brought to it (com.atproto.repo.importRepo)
    a revision of its own.
    """

    snapshot: Snapshot
    since: Tid

    @property
    def head(self) -> Head:
        """The head that it is a copy of."""
        return head_of(self.snapshot)

    def records_in(self, wanted: RecordFilter) -> Mapping[RecordPath, Record]:
        """Return the records that a filter selects; raises RepositoryError where one of them is malformed."""
        return records_of(self.snapshot, wanted)


@dataclass(frozen=True, slots=True)
class Listed:
    """The records that a filter selects at a head; `lasting` where the whole repository is not to be tried again."""

    head: Head
    wanted: RecordFilter
    records: Mapping[RecordPath, Record]
    lasting: bool

    def records_in(self, wanted: RecordFilter) -> Mapping[RecordPath, Record]:
        """Return those records that another filter selects, too."""
        if wanted == self.wanted:
            return self.records
        collections, paths = wanted.collections, wanted.paths
        return {path: item for path, item in self.records.items() if path.collection in collections or path in paths}


Copy: TypeAlias = Whole | Listed


@dataclass(frozen=True, slots=True)
class Cache:
    """The copy of one repository on one server, in a folder; any number of processes may use it at once."""

    folder: Path
    did: Did
    server: str

    def load(self) -> Copy | None:
        """Return the copy, checked; None where there is none that can be used."""
        try:
            content = self._file.read_bytes() if self._file.is_file() else b""
        except OSError:
            return None
        return _parse(content, self.did, self.server)

    def save(self, copy: Copy) -> None:
        """Put a copy in the place of the last, whole or not at all; nothing happens where that cannot be done."""
        blocks = _blocks(copy)
        with suppress(OSError):  # a full disk, a read-only folder
            if sum(map(len, blocks.values())) > LARGEST:
                self._file.unlink(missing_ok=True)
                return
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._replace(_write(_cover(copy, self.did, self.server), blocks))
            self._tidy()

    @property
    def _file(self) -> Path:
        return self.folder / f"{sha256(f'{self.server} {self.did}'.encode()).hexdigest()[:32]}.car"

    def _replace(self, content: Iterable[bytes]) -> None:
        with replacing(self._file, private=True) as stream:
            stream.writelines(content)

    def _tidy(self) -> None:
        """Delete the oldest files while all of them together are too large."""
        files = sorted(((file.stat(), file) for file in self.folder.iterdir()), key=lambda item: -item[0].st_mtime)
        total = 0
        for status, file in files:
            total += status.st_size
            if total > LARGEST:
                file.unlink(missing_ok=True)


def _write(cover: bytes, blocks: Mapping[bytes, bytes]) -> Iterator[bytes]:
    root = cid_of(cover)
    return write_car(root, chain([(root, cover)], blocks.items()))


def _cover(copy: Copy, did: Did, server: str) -> bytes:
    """Return the root block of a copy's file."""
    fields: dict[str, Native]
    match copy:
        case Whole():
            fields = {"root": copy.snapshot.root, "since": copy.since}
        case Listed():
            fields = {
                "head": copy.head.cid,
                "rev": copy.head.rev,
                "collections": [*sorted(copy.wanted.collections)],
                "paths": [*sorted(map(str, copy.wanted.paths))],
                "records": {str(path): bytes(record.cid) for path, record in copy.records.items()},
                "lasting": copy.lasting,
            }
    return libipld.encode_dag_cbor({"version": VERSION, "did": did, "server": server, "copy": fields})


def _blocks(copy: Copy) -> Mapping[bytes, bytes]:
    match copy:
        case Whole():
            return copy.snapshot.blocks
        case Listed():
            return {bytes(record.cid): encode(record.value) for record in copy.records.values()}


def _parse(content: bytes, did: Did, server: str) -> Copy | None:
    """Return the copy in the content of a file; None unless it is whole, and of that repository on that server."""
    try:
        car = read_car(content)
        (root,) = car.roots
        match decode(car.blocks[root], "the root"):
            case {"version": version, "did": whose, "server": where, "copy": dict(fields)}:
                ours = (version, whose, where) == (VERSION, did, server)
                return _parse_copy(fields, car, did) if ours else None
            case _:
                return None
    except (RepositoryError, ValueError, KeyError):
        return None


def _parse_copy(fields: dict[str, Native], car: Car, did: Did) -> Copy | None:
    match fields:
        case {"root": bytes(root), "since": str(since)}:
            return Whole(snapshot_of(Car((root,), car.blocks), did), Tid.parse(since))
        case {
            "head": str(cid),
            "rev": str(rev),
            "collections": list(collections),
            "paths": list(paths),
            "records": dict(records),
            "lasting": bool(lasting),
        }:
            wanted = RecordFilter(
                frozenset(Nsid.parse(str(collection)) for collection in collections),
                frozenset(RecordPath.parse(str(path)) for path in paths),
            )
            return Listed(Head(Cid.parse(cid), Tid.parse(rev)), wanted, _parse_records(records, car), lasting)
        case _:
            return None


def _parse_records(cids: dict[str, Native], car: Car) -> dict[RecordPath, Record]:
    held = ((key.encode(), cid, car.blocks[cid]) for key, cid in cids.items() if isinstance(cid, bytes))
    found = (record_of(key, cid, block) for key, cid, block in held)
    return {record.path: record for record in found}
