"""`atpub check` of records that are stored in a repository: of a CAR file, or of an account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from atpub.atproto.lexicon.formats import valid_key
from atpub.atproto.lexicon.model import Lexicons, Name
from atpub.atproto.lexicon.validate import validate
from atpub.atproto.lexicon.violation import Violation
from atpub.atproto.repo.car import read_car_file, snapshot_of
from atpub.atproto.repo.commit import parse_commit
from atpub.atproto.syntax import AtUri, Did, RecordPath
from atpub.errors import RepositoryError, Usage
from atpub.lexicon_tools.records import NO_LEXICON_HINT, RecordVerdict
from atpub.problems import Place, Problem
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository, record_not_found
from atpub.repository.model import Record
from atpub.repository.snapshot import read_all, records_of
from atpub.suggest import pluralize, short_list

Records: TypeAlias = Mapping[RecordPath, Record]


@dataclass(frozen=True, slots=True)
class StoredRecords:
    """Records of the repository of one account; `source` names the file or the URI that they come from."""

    source: str
    did: Did
    records: Records

    def check(self, lexicons: Lexicons) -> Iterator[RecordVerdict]:
        """Yield a verdict for each record whose lexicon is at hand."""
        for record in self.records.values():
            if lexicons.record(record.path.collection):
                yield judge_record(lexicons, self.source, self.did, record)

    def unchecked(self, lexicons: Lexicons) -> Iterator[Problem]:
        """Yield a warning about the records whose lexicons are not at hand."""
        counted = Counter(path.collection for path in self.records if not lexicons.record(path.collection))
        if counted:
            number, names = pluralize(counted.total(), "record"), short_list(sorted(counted))
            message = f"{number} not checked, as no lexicon is at hand: {names}"
            yield Problem("no-lexicon", message, Place(self.source), NO_LEXICON_HINT, "warning")


def judge_record(lexicons: Lexicons, source: str, did: Did, record: Record) -> RecordVerdict:
    """Return the verdict on a record by the lexicon of its collection, as on one that is read."""
    uri = str(AtUri.of(did, record.path))
    found = tuple(replace(item.problem(), place=Place(uri)) for item in _violations(lexicons, record))
    return RecordVerdict(source, 0, record.path.collection, found, uri)


def _violations(lexicons: Lexicons, record: Record) -> Iterator[Violation]:
    collection, rkey = record.path.collection, record.path.rkey
    definition = lexicons.record(collection)
    if definition is None:
        yield Violation((), "lexicon", f"no lexicon for {collection} is at hand", "record")
        return
    if not valid_key(definition.key, rkey):
        message = f"the record key {rkey!r} is not of the type {definition.key}"
        yield Violation((), "key", message, collection)
    yield from validate(lexicons, Name(collection), record.value)


def read_car_records(path: Path, wanted: RecordFilter | None = None) -> StoredRecords:
    """Return the records of a CAR file that a filter selects (None: all of them); raises RepositoryError."""
    try:
        with path.open("rb") as stream:
            car = read_car_file(stream)
        snapshot = snapshot_of(car, parse_commit(car.blocks.get(car.roots[0], b"") if car.roots else b"").did)
        return StoredRecords(str(path), snapshot.did, records_of(snapshot, wanted))
    except RepositoryError as error:
        raise type(error)(f"{path}: {error.message}", hint=error.hint) from None


def read_stored(uri: AtUri, repository: Repository, known: Lexicons) -> StoredRecords:
    """Return the records that a URI names: one, those of a collection, or all; raises RecordNotFound and Usage."""
    source, collection, path = str(uri), uri.collection, uri.path
    if collection is None:
        return StoredRecords(source, repository.did, read_all(repository).records)
    if known.record(collection) is None:
        raise Usage(f"no lexicon for {collection} is at hand", hint=NO_LEXICON_HINT)
    if path is None:
        live = repository.read(RecordFilter(frozenset({collection})))
        return StoredRecords(source, live.did, live.records)
    record = repository.get_record(path)
    if record is None:
        raise record_not_found(repository, path)
    return StoredRecords(source, repository.did, {path: record})
