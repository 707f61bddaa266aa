"""Records by their paths, in a table that never changes: a commit makes another one, which shares what stays the same.

So a client that publishes one record at a time does not copy what its account holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Set
from typing import Final, Generic, TypeAlias, TypeVar

from atpub.atproto.syntax import Nsid, RecordPath
from atpub.repository.model import Record

K = TypeVar("K")
V = TypeVar("V")
KeysOf: TypeAlias = Callable[[V], Set[Hashable]]
"""Returns what a value is found by: a function of a module, the same at each call, as its index is kept under it."""
_Index: TypeAlias = Mapping[Hashable, list[K]]


class Overlay(Mapping[K, V], Generic[K, V]):
    """A mapping that never changes: a dict, and a few changes on top of it (None: the key is gone)."""

    __slots__ = ("_base", "_changes", "_indexes")

    def __init__(
        self,
        base: Mapping[K, V],
        changes: Mapping[K, V | None] | None = None,
        indexes: dict[KeysOf[V], _Index[K]] | None = None,
    ) -> None:
        self._base = base
        self._changes = changes or {}
        self._indexes = {} if indexes is None else indexes  # of the dict alone: shared while it is

    def after(self, changes: Mapping[K, V | None]) -> Overlay[K, V]:
        """Return the mapping after changes.

        The dict is copied when their number has reached the square root of its own: one change costs that much.
        """
        both = {**self._changes, **changes}
        if len(both) ** 2 <= len(self._base):
            return Overlay(self._base, both, self._indexes)
        return Overlay(dict(Overlay(self._base, both).items()))

    def find(self, keys_of: KeysOf[V], keys: Set[Hashable]) -> Iterator[V]:
        """Yield the values that have any of these keys.

        The dict is indexed the first time that it is asked; the changes, which are few, are looked at each time.
        """
        index = self._index(keys_of)
        for place in dict.fromkeys(place for key in keys for place in index.get(key, ())):
            if place not in self._changes:
                yield self._base[place]
        for value in self._changes.values():
            if value is not None and not keys.isdisjoint(keys_of(value)):
                yield value

    def _index(self, keys_of: KeysOf[V]) -> _Index[K]:
        found = self._indexes.get(keys_of)
        if found is None:
            made: defaultdict[Hashable, list[K]] = defaultdict(list)
            for place, value in self._base.items():
                for key in keys_of(value):
                    made[key].append(place)
            found = self._indexes[keys_of] = made
        return found

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

    def find(
        self, keys_of: KeysOf[Record], keys: Set[Hashable], collections: Iterable[Nsid] | None = None
    ) -> Iterator[Record]:
        """Yield the records that have any of these keys; of some collections, without a look at any other."""
        for collection in self._collections if collections is None else collections:
            yield from self._of(collection).find(keys_of, keys)

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
