"""Records by their paths, in a table that never changes: a commit makes another one, which shares what stays the same.

So a client that publishes one record at a time does not copy what its account holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

from atpub.atproto.syntax import Nsid, RecordPath
from atpub.repository.model import Record

K = TypeVar("K")
V = TypeVar("V")


class Overlay(Mapping[K, V], Generic[K, V]):
    """A mapping that never changes: a dict, and a few changes on top of it (None: the key is gone)."""

    __slots__ = ("_base", "_changes")

    def __init__(self, base: Mapping[K, V], changes: Mapping[K, V | None] | None = None) -> None:
        self._base = base
        self._changes = changes or {}

    def after(self, changes: Mapping[K, V | None]) -> Overlay[K, V]:
        """Return the mapping after changes.

        The dict is copied when their number has reached the square root of its own: one change costs that much.
        """
        both = {**self._changes, **changes}
        if len(both) ** 2 <= len(self._base):
            return Overlay(self._base, both)
        return Overlay(dict(Overlay(self._base, both).items()))

    def __getitem__(self, key: K) -> V:
        if key not in self._changes:
            return self._base[key]
        value = self._changes[key]
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[K]:
        yield from (key for key in self._base if key not in self._changes)
        yield from (key for key, value in self._changes.items() if value is not None)

    def __len__(self) -> int:
        return len(self._base) + sum((value is not None) - (key in self._base) for key, value in self._changes.items())


_NONE: Final[Overlay[RecordPath, Record]] = Overlay({})


class RecordTable(Mapping[RecordPath, Record]):
    """Records by their paths; those of one collection are found without a look at any other."""

    __slots__ = ("_collections",)

    def __init__(self, collections: Mapping[Nsid, Overlay[RecordPath, Record]]) -> None:
        self._collections = collections

    @classmethod
    def of(cls, records: Mapping[RecordPath, Record]) -> RecordTable:
        """Return the table of some records: themselves, if they are in one."""
        if isinstance(records, RecordTable):
            return records
        found: defaultdict[Nsid, dict[RecordPath, Record]] = defaultdict(dict)
        for path, record in records.items():
            found[path.collection][path] = record
        return cls({collection: Overlay(group) for collection, group in found.items()})

    def after(self, changes: Mapping[RecordPath, Record | None]) -> RecordTable:
        """Return the table after changes of records (None: the record is gone)."""
        groups: defaultdict[Nsid, dict[RecordPath, Record | None]] = defaultdict(dict)
        for path, record in changes.items():
            groups[path.collection][path] = record
        return RecordTable({**self._collections, **{name: self._of(name).after(own) for name, own in groups.items()}})

    def records_of(self, collection: Nsid) -> Iterable[Record]:
        """Return the records of a collection."""
        return self._of(collection).values()

    def _of(self, collection: Nsid) -> Overlay[RecordPath, Record]:
        return self._collections.get(collection, _NONE)

    def __getitem__(self, path: RecordPath) -> Record:
        return self._of(path.collection)[path]

    def __iter__(self) -> Iterator[RecordPath]:
        return (path for group in self._collections.values() for path in group)

    def __len__(self) -> int:
        return sum(map(len, self._collections.values()))


def records_of_collection(records: Mapping[RecordPath, Record], collection: Nsid) -> Iterable[Record]:
    """Return the records of a collection; in a table, without a look at any other."""
    if isinstance(records, RecordTable):
        return records.records_of(collection)
    return (record for path, record in records.items() if path.collection == collection)
