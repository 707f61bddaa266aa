"""Real records against two versions of lexicons: how many of them the new version refuses, and the old one did not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from atpub.atproto.data import Json
from atpub.atproto.evolution.model import LexiconVersion
from atpub.atproto.lexicon.validate import violations
from atpub.atproto.repo.car import Snapshot, read_car_file, snapshot_of
from atpub.atproto.repo.commit import parse_commit
from atpub.atproto.syntax import Did, Nsid, RecordPath
from atpub.errors import RepositoryError, Usage
from atpub.lexicon_tools.records import RecordVerdict, check_files
from atpub.problems import Problem
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Record
from atpub.repository.snapshot import records_of

MOST_SHOWN: Final = 5
"""How many of the affected records are kept to be shown."""
_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")
_SOURCES: Final = "name a CAR file, files of JSON, or an at:// account"


@dataclass(frozen=True, slots=True)
class DataResult:
    """The records of the collections that were compared; `affected` are refused by the new version alone.

    `invalid` are refused by both versions. `shown` are the first of those that are affected. `unread` are files and
    lines that cannot be read, and records that do not say their type.
    """

    source: str
    records: int
    affected: int
    invalid: int
    unread: int = 0
    shown: tuple[RecordVerdict, ...] = ()


def check_data(source: str, old: LexiconVersion, new: LexiconVersion, repository: Repository | None) -> DataResult:
    """Hold the records of a folder, file, CAR file or repository against two versions; raises Usage."""
    collections = {nsid for nsid in (*old.documents, *new.documents) if old.lexicons.record(nsid)}
    wanted, path = RecordFilter(frozenset(collections)), Path(source)
    if repository is not None:
        live = repository.read(wanted)
        return _count(source, collections, _judge(live.did, live.records, old, new))
    if not path.exists():
        raise Usage(f"{source} does not exist", hint=_SOURCES)
    if path.suffix == ".car":
        snapshot = _read_car(path)
        return _count(source, collections, _judge(snapshot.did, records_of(snapshot, wanted), old, new))
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES)
    if not files:
        raise Usage(f"{source} has no records in it", hint=_SOURCES)
    return _count(
        source, collections, zip(check_files(old.lexicons, files), check_files(new.lexicons, files), strict=True)
    )


def _read_car(path: Path) -> Snapshot:
    """Read a repository from a file; raises RepositoryError."""
    try:
        with path.open("rb") as stream:
            car = read_car_file(stream)
        return snapshot_of(car, parse_commit(car.blocks.get(car.roots[0], b"") if car.roots else b"").did)
    except RepositoryError as error:
        raise type(error)(f"{path}: {error.message}", hint=error.hint) from None


def _judge(
    did: Did, records: Mapping[RecordPath, Record], old: LexiconVersion, new: LexiconVersion
) -> Iterator[tuple[RecordVerdict, RecordVerdict]]:
    for path, record in records.items():
        uri = f"at://{did}/{path}"
        yield _verdict(old, uri, record.value), _verdict(new, uri, record.value)


def _verdict(version: LexiconVersion, name: str, value: Json) -> RecordVerdict:
    kind = value.get("$type") if isinstance(value, dict) else None
    problems: tuple[Problem, ...] = tuple(found.problem() for found in violations(version.lexicons, value))
    return RecordVerdict(name, 0, str(kind or ""), problems)


def _count(source: str, collections: set[Nsid], pairs: Iterable[tuple[RecordVerdict, RecordVerdict]]) -> DataResult:
    records = affected = invalid = unread = 0
    shown: list[RecordVerdict] = []
    for before, after in pairs:
        unread += not after.collection
        if after.collection not in collections:
            continue
        records += 1
        invalid += not before.is_valid and not after.is_valid
        if before.is_valid and not after.is_valid:
            affected += 1
            shown += [after] if len(shown) < MOST_SHOWN else []
    return DataResult(source, records, affected, invalid, unread, tuple(shown))
