"""Real records against two versions of lexicons: how many of them the new version refuses, and the old one did not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from atpub.atproto.evolution.model import LexiconVersion
from atpub.atproto.syntax import Nsid
from atpub.errors import Usage
from atpub.lexicon_tools.records import RecordVerdict, check_files
from atpub.lexicon_tools.stored import StoredRecords, judge_record, read_car_records
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository

MOST_SHOWN: Final = 5
"""How many of the affected records are kept to be shown."""
_Verdicts: TypeAlias = tuple[RecordVerdict, RecordVerdict]
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
        return _count(source, collections, _judge(StoredRecords(source, live.did, live.records), old, new))
    if not path.exists():
        raise Usage(f"{source} does not exist", hint=_SOURCES)
    if path.suffix == ".car":
        return _count(source, collections, _judge(read_car_records(path, wanted), old, new))
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES)
    if not files:
        raise Usage(f"{source} has no records in it", hint=_SOURCES)
    return _count(
        source, collections, zip(check_files(old.lexicons, files), check_files(new.lexicons, files), strict=True)
    )


def _judge(stored: StoredRecords, old: LexiconVersion, new: LexiconVersion) -> Iterator[_Verdicts]:
    for record in stored.records.values():
        before, after = (judge_record(side.lexicons, stored.source, stored.did, record) for side in (old, new))
        yield before, after


def _count(source: str, collections: set[Nsid], pairs: Iterable[_Verdicts]) -> DataResult:
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
