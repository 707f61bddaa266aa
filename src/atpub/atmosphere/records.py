"""Records of an account: reading all of a collection, and writing one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from atpub.atmosphere.accounts import Account, LocalAccount
from atpub.atproto.data import Json, JsonObject, cid_of
from atpub.atproto.syntax import AtUri, Cid, Nsid, RecordPath
from atpub.engine.desired.leaves import large_integers
from atpub.engine.inventory import COLLECTION, read_inventories
from atpub.errors import HeadMoved, InvalidRecord, RecordConflict, Refused
from atpub.repository.backoff import TRIES, back_off
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Create, Page, Record, Update, Write


class RecordValue(dict[str, Any]):
    """A record's value as a dict, which knows where it was read: its `uri` and `cid`."""

    def __init__(self, value: Mapping[str, Json], uri: AtUri, cid: Cid) -> None:
        """Take the value, its URI and its CID."""
        super().__init__(value)
        self.uri = uri
        self.cid = cid


def read_all(repository: Repository, collection: Nsid) -> Page:
    """Return all records of a collection; for many, reading the whole repository takes fewer requests than listing."""
    records = repository.read(RecordFilter(frozenset((collection,)))).records
    paths = sorted((path for path in records if path.collection == collection), reverse=True)
    return Page([records[path] for path in paths], None)


def write_record(
    account: Account, path: RecordPath, write: Callable[[bool], Write | None], swap: Cid | None = None
) -> AtUri:
    """Write to a path; `write` is told whether there is a record, and says what to do. Raises Refused, HeadMoved."""
    repository = account.repository
    for moves in range(1, TRIES + 1):
        head = repository.head()  # before the rest: if that has changed since, the write is refused
        record = repository.get_record(path)
        wanted = write(record is not None)
        if wanted is not None and not _is_done(wanted, record):
            _check_unowned(path, repository.list_records(COLLECTION).records)
            newest = head.cid if head else None
            try:
                repository.apply_writes([wanted], swap or newest)
            except HeadMoved:
                if swap is not None or moves == TRIES:
                    raise
                back_off(moves)
                continue
        break
    return AtUri.of(repository.did, path)


def put_value(account: Account, path: RecordPath, value: JsonObject, swap: Cid | None = None) -> AtUri:
    """Write a value at a path, over the one there; nothing where it is the same. Raises as `write_record` does."""
    return write_record(account, path, lambda there: Update(path, value) if there else Create(path, value), swap)


def check_integers(account: Account, value: JsonObject) -> None:
    """Raise InvalidRecord where a value has integers that the account's server does not take."""
    if not isinstance(account, LocalAccount) and (large := tuple(large_integers(value))):
        raise InvalidRecord(large)


def _is_done(write: Write, record: Record | None) -> bool:
    """Return whether the record has this value already; raises RecordConflict for a create of an existing key."""
    if isinstance(write, Create) and record is not None:
        raise RecordConflict(f"there is a record already at {write.path}", hint="put_record writes over it")
    return isinstance(write, Update) and record is not None and record.cid == cid_of(write.value)


def _check_unowned(path: RecordPath, inventories: Iterable[Record]) -> None:
    """Raise Refused where a project owns the record."""
    for name, inventory in read_inventories(inventories).items():
        if path in inventory.owned:
            hint = "change it in that project's manifest"
            raise Refused(f"{path} is a record of the project {name!r}", hint=hint)
