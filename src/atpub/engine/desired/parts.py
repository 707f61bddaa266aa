"""The records of an entry: one, or for a dataset with `parts:` one for each run of so many shards.

A part has a fixed number of shards, so that a shard that is added at the end changes the last part alone. For that, no
part says how much the others hold: only a new part changes the first one, which lists them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from atpub.atproto.syntax import Did, RecordPath
from atpub.manifest.model import DatasetEntry, Entry
from atpub.shards.facts import LocalShards
from atpub.shards.remote import RemoteShards
from atpub.storage.parts import KEY, WHOLE, Part, part_links, part_name, part_path

AnyShards: TypeAlias = LocalShards | RemoteShards


@dataclass(frozen=True, slots=True)
class EntryPart:
    """An entry of one record: its path, its shards where it is a dataset, and the paths of the other parts."""

    entry: Entry
    path: RecordPath
    shards: AnyShards | None = None
    part: Part = WHOLE
    others: tuple[RecordPath, ...] = ()


def split_entry(item: Entry, path: RecordPath, shards: AnyShards | None, did: Did) -> Iterator[EntryPart]:
    """Yield the parts of an entry, in the order of their shards; `path` is that of the first."""
    count = _count_parts(item, shards)
    if not isinstance(item, DatasetEntry) or item.parts is None or shards is None or count < 2:
        yield EntryPart(item, path, shards)
        return
    paths = tuple(part_path(path, number) for number in range(1, count + 1))
    name = str(item.fields["name"])
    for number in range(1, count + 1):
        links = part_links(did, paths, number, item.size)
        entry = replace(
            item,
            fields={**item.fields, "name": part_name(name, number)},
            metadata={**(item.metadata or {}), KEY: links},
            size=None,
        )
        start = (number - 1) * item.parts
        own = _slice(shards, start, start + item.parts)
        yield EntryPart(entry, paths[number - 1], own, Part(number, count), paths[1:] if number == 1 else ())


def _count_parts(item: Entry, shards: AnyShards | None) -> int:
    if not isinstance(item, DatasetEntry) or item.parts is None or shards is None:
        return 1
    return -(-len(shards) // item.parts)


def _slice(shards: AnyShards, start: int, end: int) -> AnyShards:
    if isinstance(shards, LocalShards):
        return replace(shards, files=shards.files[start:end])
    return shards[start:end]
