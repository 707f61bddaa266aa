"""Rebuilding a project's inventory from its readable entries, the manifest and the live records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from atpub.atproto.syntax import RecordPath
from atpub.engine.desired.model import Desired
from atpub.engine.inventory import Damaged, Inventory, Owned, Survey, replacement_writes, survey_inventories
from atpub.engine.plan.resolve import desired_cids
from atpub.repository.model import Live, Write


@dataclass(frozen=True, slots=True)
class Rebuild:
    """The changes of a rebuilt inventory: entries added or changed, dropped, and kept with an older CID.

    `damaged` are the inventory records that are replaced, `lost` is what was in them and is in none any more; `writes`
    is what has to be written for all of that.
    """

    project: str
    owned: int
    listed: tuple[Owned, ...]
    dropped: tuple[Owned, ...]
    drifted: tuple[Owned, ...]
    damaged: tuple[Damaged, ...]
    lost: tuple[str, ...]
    writes: tuple[Write, ...]


def rebuild(live: Live, project: str, desired: tuple[Desired, ...]) -> Rebuild:
    """Return a project's inventory as it should be; inventories of other projects are left alone.

    What was listed and is live stays listed, with the CID that it was listed with, so that drift stays visible; but
    what is as the manifest wants it is listed as it is. What is not there is dropped.
    """
    survey = survey_inventories(live.records.values())
    damaged = tuple(item for item in survey.damaged if item.project == project)
    sound = survey.inventories.get(project) or Inventory(project)
    before = replace(sound, shards={**sound.shards, **{item.record.path.rkey: item.owned for item in damaged}})
    wanted = dict(_as_wanted(live, desired, _foreign(survey, project)))
    known = dict(_best(before, live))
    changes: dict[RecordPath, Owned | None] = {
        **{path: item if path in live.records else None for path, item in known.items()},
        **wanted,
    }
    shards = {rkey: shard for rkey, shard in before.after(changes).shards.items() if shard}
    after = Inventory(project, shards, sound.extras)
    again = {str(path) for path in after.owned}
    return Rebuild(
        project,
        len(after.owned),
        tuple(item for path, item in sorted(wanted.items()) if known.get(path) != item),
        tuple(item for path, item in sorted(known.items()) if path not in live.records),
        tuple(item for path, item in sorted(after.owned.items()) if live.records[path].cid != item.cid),
        damaged,
        tuple(name for item in damaged for name in item.lost if name not in again),
        tuple(replacement_writes(sound.shards, {item.record.path.rkey for item in damaged}, after)),
    )


def _as_wanted(
    live: Live, desired: tuple[Desired, ...], foreign: set[RecordPath]
) -> Iterator[tuple[RecordPath, Owned]]:
    """Yield the live records that equal the manifest's and that no other project owns."""
    cids = desired_cids(desired, live.records)
    for item in desired:
        record = live.records.get(item.path)
        if record is not None and record.cid == cids[item.path] and item.path not in foreign:
            yield item.path, Owned(item.id, item.path, record.cid, item.protect, item.part.number)


def _foreign(survey: Survey, project: str) -> set[RecordPath]:
    others = [item.owned for name, item in survey.inventories.items() if name != project]
    others += [item.owned for item in survey.damaged if item.project != project]
    return {path for owned in others for path in owned}


def _best(inventory: Inventory, live: Live) -> Iterator[tuple[RecordPath, Owned]]:
    """Yield each listed record once; of several entries, the one with the live CID."""
    listings: dict[RecordPath, list[Owned]] = {}
    for _, shard in sorted(inventory.shards.items()):
        for path, item in shard.items():
            listings.setdefault(path, []).append(item)
    for path, items in listings.items():
        record = live.records.get(path)
        yield path, next((item for item in items if record and item.cid == record.cid), items[-1])
