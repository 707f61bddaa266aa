"""Inventories: the records of a repository that list which records a project owns.

An inventory is kept in the repository itself (lexicon dev.atpub.inventory) and rewritten in the same commit as the
records that it lists. A small one is one record, `{project}`; a larger one is split into shards `{project}:{digits}`,
each with a range of the records in the order of their paths, so that one change rewrites one small record, and changes
in that order rewrite few. It is the order of the repository's tree, too. Readers take the union of whatever shards
there are, so any layout is valid.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from math import ceil
from typing import Final, Self

from atpub.atproto.data import Encoded, Json, JsonObject
from atpub.atproto.syntax import Cid, Nsid, RecordPath, Rkey
from atpub.errors import InvalidRecord, NewerInventory
from atpub.generated.dev.atpub import inventory as lexicon
from atpub.problems import Problem
from atpub.repository.model import Create, Delete, Record, Update, Write

COLLECTION: Final = Nsid(lexicon.NSID)
LARGEST: Final = 16 * 1024
"""The most bytes that one inventory record may have in DAG-CBOR before it is split."""
FORMAT: Final = 1
"""The highest version of an inventory record that this atpub reads and writes; a record without one is of version 1."""
_LEAST: Final = 90
"""Bytes of the smallest entry: the names of its fields and a CID take 85 of them."""
_SURELY_TOO_MANY: Final = LARGEST // _LEAST
"""More entries than fit in one inventory record."""
_FULL: Final = 0.75
"""The part of LARGEST to which the parts of a split inventory record are filled: there is room for the next."""
_DIGITS: Final = 8
"""Digits in the key of an inventory record that is split off; more where another has the same."""
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Owned:
    """A record that a project owns, as it last applied it."""

    id: str
    path: RecordPath
    cid: Cid
    protect: bool = False
    part: int = 1
    """The number of this part of a dataset; the parts have the same id."""
    extra: Mapping[str, Json] = field(default_factory=dict[str, Json], compare=False)
    """The fields of its entry that this version of atpub does not know."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """The records that one project owns, by the inventory records that list them."""

    project: str
    shards: Mapping[Rkey, Mapping[RecordPath, Owned]] = field(default_factory=dict[Rkey, Mapping[RecordPath, Owned]])
    extras: Mapping[Rkey, Mapping[str, Json]] = field(default_factory=dict[Rkey, Mapping[str, Json]])
    """The fields of inventory records that this version of atpub does not know."""
    strays: Mapping[RecordPath, Sequence[Rkey]] | None = field(default=None, repr=False, compare=False)
    """The inventory records that list a record out of their range; None where they were not looked for yet."""

    @property
    def owned(self) -> Mapping[RecordPath, Owned]:
        """Every record that the project owns."""
        return {path: item for shard in self.shards.values() for path, item in shard.items()}

    def among(self, paths: Set[RecordPath]) -> Mapping[RecordPath, Owned]:
        """Return those of the records that the project owns."""
        wanted = {*paths}
        return {path: shard[path] for shard in self.shards.values() for path in wanted & shard.keys()}

    def change(self, changes: Mapping[RecordPath, Owned | None]) -> InventoryChange:
        """Add, change or (None) remove these entries.

        Touches the shards of these records only, and writes none whose content would be the same.
        """
        layout = _Layout(self, changes).apply()
        return InventoryChange(layout.inventory(), tuple(layout.writes()))

    def writes(self, changes: Mapping[RecordPath, Owned | None]) -> tuple[Write, ...]:
        """Return the writes that make these changes."""
        return self.change(changes).writes

    def after(self, changes: Mapping[RecordPath, Owned | None]) -> Inventory:
        """Return the inventory after these changes."""
        return _Layout(self, changes).apply().inventory()


@dataclass(frozen=True, slots=True)
class InventoryChange:
    """The inventory after some changes of its entries, and the writes that lead to it."""

    after: Inventory
    writes: tuple[Write, ...]


def read_inventories(records: Iterable[Record]) -> Mapping[str, Inventory]:
    """Return the inventory of each project in a repository; raises InvalidRecord where one is damaged."""
    survey = survey_inventories(records)
    for damaged in survey.damaged:
        raise damaged.error
    return survey.inventories


@dataclass(frozen=True, slots=True)
class Damaged:
    """An inventory record that breaks its lexicon: its probable project, its readable entries, and the lost ones."""

    record: Record
    project: str
    owned: Mapping[RecordPath, Owned]
    lost: tuple[str, ...]  # what can be said of each entry that cannot be read
    violations: tuple[Problem, ...]

    @property
    def error(self) -> InvalidRecord:
        """The violations as an error that names the record and the way to repair it."""
        what = f"the inventory record {self.record.path} is damaged"
        hint = "put it right with `atpub inventory rebuild`"
        return InvalidRecord(
            tuple(replace(item, message=f"{what}: {item.message}", hint=hint) for item in self.violations)
        )


@dataclass(frozen=True, slots=True)
class Survey:
    """The inventory of each project, as far as its records are sound, and those that are not."""

    inventories: Mapping[str, Inventory]
    damaged: tuple[Damaged, ...]


def survey_inventories(records: Iterable[Record]) -> Survey:
    """Read every inventory in a repository, damaged ones included."""
    projects: dict[str, dict[Rkey, Mapping[RecordPath, Owned]]] = defaultdict(dict)
    extras: dict[str, dict[Rkey, Mapping[str, Json]]] = defaultdict(dict)
    damaged: list[Damaged] = []
    for record in records:
        if record.path.collection == COLLECTION:
            _check_version(record)
            try:
                project, owned, extra = _parse(_Source(record.cid, record.value))
            except InvalidRecord as error:
                damaged.append(_salvage(record, error.problems))
            else:
                projects[project][record.path.rkey] = owned
                if extra:
                    extras[project][record.path.rkey] = extra
    found = {name: Inventory(name, shards, extras.get(name, {})) for name, shards in projects.items()}
    return Survey(found, tuple(damaged))


@dataclass(frozen=True, slots=True)
class _Source:
    """The content of an inventory record, which its CID stands for."""

    cid: Cid
    value: JsonObject = field(compare=False)


@lru_cache(maxsize=1024)
def _parse(source: _Source) -> tuple[str, Mapping[RecordPath, Owned], Mapping[str, Json]]:
    """Return the project, the entries and the unknown fields of an inventory record; raises InvalidRecord.

    A process that publishes one record at a time sees the same ones again and again.
    """
    value = lexicon.Inventory.from_json(source.value)
    return value.project, {item.path: item for item in map(_parse_owned, value.entries)}, value.extra


def replacement_writes(
    shards: Mapping[Rkey, Mapping[RecordPath, Owned]], there: Collection[Rkey], new: Inventory
) -> list[Write]:
    """Return the writes that replace an inventory by another.

    `shards` are its records as they are, `there` the keys of others that have to give way. They may take several
    commits: new records, to which entries go, come before what lists fewer and what is deleted, so that no entry is
    unlisted in between.
    """
    creates: list[Write] = []
    updates: list[Write] = []
    for rkey, shard in sorted(new.shards.items()):
        if rkey in there or shards.get(rkey) != shard:
            writes, write = (updates, Update) if rkey in there or rkey in shards else (creates, Create)
            value = _value(new.project, shard, new.extras.get(rkey, {}))
            writes.append(write(RecordPath(COLLECTION, rkey), value))
    gone = sorted({*shards, *there} - {*new.shards})
    return [*creates, *updates, *(Delete(RecordPath(COLLECTION, rkey)) for rkey in gone)]


def _check_version(record: Record) -> None:
    """Raise NewerInventory for a record of a later version: writing it would drop what this version does not know."""
    version = record.value.get(lexicon.Inventory.WIRE["version"])
    if isinstance(version, int) and version > FORMAT:
        message = f"the inventory record {record.path} has format {version}, and this version of atpub knows {FORMAT}"
        raise NewerInventory(message, hint="install a newer atpub")


def _salvage(record: Record, violations: tuple[Problem, ...]) -> Damaged:
    """Read what is readable of a damaged inventory record."""
    name = record.value.get(lexicon.Inventory.WIRE["project"])
    project = name if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME else record.path.rkey.partition(":")[0]
    found = record.value.get(lexicon.Inventory.WIRE["entries"])
    owned: dict[RecordPath, Owned] = {}
    lost: list[str] = []
    for item in found if isinstance(found, list) else []:
        try:
            entry = _parse_owned(lexicon.Entry.from_json(item))
            owned[entry.path] = entry
        except InvalidRecord:
            lost.append(_describe_entry(item))
    return Damaged(record, project, owned, tuple(lost), violations)


def _describe_entry(item: Json) -> str:
    """Describe an entry that cannot be read."""
    match item:
        case {"collection": str(collection), "rkey": str(rkey)}:
            return f"{collection}/{rkey}"[:200]
        case {"id": str(name)}:
            return name[:200]
        case _:
            return "an entry without collection, rkey or id"


def _parse_owned(entry: lexicon.Entry) -> Owned:
    path = RecordPath(Nsid(entry.collection), Rkey(entry.rkey))
    return Owned(entry.id, path, Cid(entry.cid), entry.protect or False, entry.part or 1, entry.extra)


class _Layout:
    """The shards of one inventory while it changes; those that do not are the inventory's own, not copies."""

    def __init__(self, inventory: Inventory, changes: Mapping[RecordPath, Owned | None]) -> None:
        self._project = inventory.project
        self._changes = changes
        self._extras = inventory.extras
        self._before = inventory.shards
        self._shards = dict(inventory.shards)
        self._ranges = _Ranges(inventory.shards)
        total, each = sum(map(len, inventory.shards.values())), len(changes) * len(inventory.shards)
        self._has_all_strays = inventory.strays is not None or each >= total
        if inventory.strays is not None:
            self._strays = inventory.strays
        else:
            self._strays = self._ranges.strays(inventory.shards, None if self._has_all_strays else {*changes})
        self._touched: dict[Rkey, dict[RecordPath, Owned]] = {}
        self._encoded: dict[Rkey, Encoded] = {}

    def apply(self) -> Self:
        """Apply the changes to the layout, and return it.

        Shards that were changed are split where they are too large, and dropped where empty.
        """
        for path, owned in self._changes.items():
            self._put(path, owned)
        for rkey, shard in list(self._touched.items()):
            self._replace(rkey, sorted(shard.items()))
        for rkey, shard in self._touched.items():
            if not shard:
                del self._shards[rkey]
        return self

    def inventory(self) -> Inventory:
        """Return the inventory as it is now."""
        # Where shards overlap, another range makes other strays.
        is_known = self._has_all_strays and (not self._strays or self._has_same_ranges())
        return Inventory(self._project, self._shards, self._extras, self._strays if is_known else None)

    def writes(self) -> Iterator[Write]:
        """Yield the writes that lead to it."""
        for rkey in sorted(self._touched):
            path, shard, before = RecordPath(COLLECTION, rkey), self._shards.get(rkey), self._before.get(rkey)
            if shard is None:
                if before is not None:
                    yield Delete(path)
            elif before is None:
                yield Create(path, (encoded := self._encode(rkey)).value, encoded)
            elif shard != before:
                yield Update(path, (encoded := self._encode(rkey)).value, encoded)

    def _put(self, path: RecordPath, owned: Owned | None) -> None:
        home = self._ranges.find(path) or Rkey(self._project)
        lists = sorted({rkey for rkey in (home, *self._strays.get(path, ())) if path in self._shards.get(rkey, ())})
        extra: Mapping[str, Json] = self._shards[lists[0]][path].extra if lists else {}
        for rkey in lists:  # more than one, if another program wrote the shards
            del self._shard(rkey)[path]
        if owned is not None:
            shard = self._shard(lists[0] if lists else home)
            shard[path] = replace(owned, extra={**extra, **owned.extra}) if extra else owned

    def _shard(self, rkey: Rkey) -> dict[RecordPath, Owned]:
        """Return a copy of a shard that may be changed."""
        if rkey not in self._touched:
            self._touched[rkey] = dict(self._shards.get(rkey, {}))
            self._shards[rkey] = self._touched[rkey]
        return self._touched[rkey]

    def _replace(self, rkey: Rkey, entries: Sequence[tuple[RecordPath, Owned]]) -> None:
        """Give a shard these entries; those that do not fit go to new ones."""
        size = self._measure(rkey, entries)
        count = 1 if size <= LARGEST or len(entries) < 2 else min(len(entries), max(2, ceil(size / (LARGEST * _FULL))))
        if count == 1:
            self._touched[rkey] = self._shards[rkey] = dict(entries)
            return
        length = ceil(len(entries) / count)
        self._replace(rkey, entries[:length])
        for start in range(length, len(entries), length):
            part = entries[start : start + length]
            self._replace(self._new_rkey(part[0][0]), part)

    def _measure(self, rkey: Rkey, entries: Sequence[tuple[RecordPath, Owned]]) -> int:
        """Return the bytes of a shard with these entries; the least that they can be, where these are too many.

        Keeps its encoding, which nothing changes from then on.
        """
        if len(entries) > _SURELY_TOO_MANY:
            return len(entries) * _LEAST
        self._encoded[rkey] = encoded = Encoded.of(self._value(rkey, dict(entries)))
        return encoded.size

    def _new_rkey(self, first: RecordPath) -> Rkey:
        """Return the key of a new shard that begins with a record."""
        digits = sha256(str(first).encode()).hexdigest()
        keys = (Rkey(f"{self._project}:{digits[:length]}") for length in range(_DIGITS, len(digits)))
        return next(rkey for rkey in keys if rkey not in self._shards)

    def _has_same_ranges(self) -> bool:
        return all(_start(shard) == _start(self._before.get(rkey, {})) for rkey, shard in self._touched.items())

    def _encode(self, rkey: Rkey) -> Encoded:
        return self._encoded.get(rkey) or Encoded.of(self._value(rkey, self._shards[rkey]))

    def _value(self, rkey: Rkey, shard: Mapping[RecordPath, Owned]) -> JsonObject:
        return _value(self._project, shard, self._extras.get(rkey, {}))


class _Ranges:
    """Which shard lists a record by its path: the last of those that begin at it or before, else the first of all."""

    def __init__(self, shards: Mapping[Rkey, Mapping[RecordPath, Owned]]) -> None:
        found = sorted((start, rkey) for rkey, shard in shards.items() if (start := _start(shard)) is not None)
        self._starts = [start for start, _ in found]
        self._rkeys = [rkey for _, rkey in found] or sorted(shards)[:1]

    def find(self, path: RecordPath) -> Rkey | None:
        """Return the key of the shard; None where there is none yet."""
        return self._rkeys[max(0, bisect_right(self._starts, path) - 1)] if self._rkeys else None

    def strays(
        self, shards: Mapping[Rkey, Mapping[RecordPath, Owned]], among: set[RecordPath] | None
    ) -> Mapping[RecordPath, Sequence[Rkey]]:
        """Return the entries, or those among some, that are listed elsewhere: another program wrote them."""
        strays: defaultdict[RecordPath, list[Rkey]] = defaultdict(list)
        for rkey, start, end in zip(self._rkeys, self._starts, [*self._starts[1:], None], strict=False):
            for path in shards[rkey] if among is None else among & shards[rkey].keys():
                if path < start or (end is not None and path >= end):
                    strays[path].append(rkey)
        return strays


def _start(shard: Mapping[RecordPath, Owned]) -> RecordPath | None:
    """Return the record that a shard's range begins with: the first that it lists."""
    return next(iter(shard), None)


def _value(project: str, shard: Mapping[RecordPath, Owned], extra: Mapping[str, Json]) -> JsonObject:
    entries = [
        lexicon.Entry(
            id=item.id,
            collection=item.path.collection,
            rkey=item.path.rkey,
            cid=item.cid,
            protect=True if item.protect else None,
            part=item.part if item.part > 1 else None,
        ).with_extra(item.extra)
        for _, item in sorted(shard.items())
    ]
    return lexicon.Inventory(project=project, entries=entries).with_extra(extra).to_json()
