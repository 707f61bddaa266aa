"""Verifying a project's inventory: each problem, and how a plan treats it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from atpub.atproto.data import blobs_in
from atpub.atproto.syntax import AtUri, Cid, Nsid, RecordPath
from atpub.engine.inventory import COLLECTION, Damaged, Inventory, Owned, Survey, survey_inventories
from atpub.repository.model import BlobFault, Live

Code: TypeAlias = Literal["damaged", "missing", "changed", "listed-twice", "two-owners", "blob-missing", "blob-damaged"]
CheckBlobs: TypeAlias = Callable[[Collection[RecordPath]], Mapping[Cid, BlobFault]]
_REBUILD: Final = "put it right: atpub inventory rebuild"


@dataclass(frozen=True, slots=True)
class InventoryFinding:
    """One problem of an inventory: its place, the problem, how a plan treats it, and what to do."""

    code: Code
    uri: AtUri
    message: str
    effect: str
    hint: str


@dataclass(frozen=True, slots=True)
class Audit:
    """The state of a project's inventory: its records and their problems, other projects' records, and unowned ones."""

    project: str
    owned: int
    findings: tuple[InventoryFinding, ...]
    others: Mapping[str, int]
    unowned: Mapping[Nsid, int]

    @property
    def exact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify(live: Live, project: str, check_blobs: CheckBlobs = lambda _: {}) -> Audit:
    """Return the state of a project's inventory; `live` holds the whole repository.

    `check_blobs` returns the faulty ones of the blobs that records refer to.
    """
    survey = survey_inventories(live.records.values())
    inventory = survey.inventories.get(project) or Inventory(project)
    owners = _owners(survey)
    findings = (
        *(_report_damaged(item, live, project) for item in survey.damaged),
        *(item for path, owned in sorted(inventory.owned.items()) for item in _judge(path, owned, live)),
        *_listed_twice(inventory, live),
        *_two_owners(inventory, owners, live),
        *_blob_faults(live, inventory, check_blobs),
    )
    unowned = Counter(path.collection for path in live.records if path.collection != COLLECTION and path not in owners)
    return Audit(
        project,
        len(inventory.owned),
        findings,
        {name: len(other.owned) for name, other in sorted(survey.inventories.items()) if name != project},
        dict(sorted(unowned.items())),
    )


def readable(item: Damaged) -> str:
    """Return how many entries of a damaged inventory record can be read."""
    read, total = len(item.owned), len(item.owned) + len(item.lost)
    return f"{read} of its {total} entries can be read" if total else "none of its entries can be read"


def _owners(survey: Survey) -> Mapping[RecordPath, Sequence[str]]:
    """Return the projects that list each record, as far as inventories can be read."""
    owners: dict[RecordPath, list[str]] = {}
    listings = [(name, item.owned) for name, item in sorted(survey.inventories.items())]
    for name, owned in [*listings, *((item.project, item.owned) for item in survey.damaged)]:
        for path in owned:
            names = owners.setdefault(path, [])
            if name not in names:
                names.append(name)
    return owners


def _report_damaged(item: Damaged, live: Live, project: str) -> InventoryFinding:
    reason = item.violations[0].message
    whose = "" if item.project == project else f", with the manifest of the project {item.project!r}"
    return InventoryFinding(
        "damaged",
        AtUri.of(live.did, item.record.path),
        f"the inventory record is damaged ({reason}); {readable(item)}",
        "no plan can be made of this repository",
        f"{_REBUILD}{whose}",
    )


def _judge(path: RecordPath, owned: Owned, live: Live) -> Iterator[InventoryFinding]:
    record, uri = live.records.get(path), AtUri.of(live.did, path)
    if record is None:
        yield InventoryFinding(
            "missing",
            uri,
            f"listed as {owned.cid}, and not there",
            "the next apply creates it again, or forgets it where the manifest has it no more",
            f"apply; or, if it is gone for good, {_REBUILD}",
        )
    elif record.cid != owned.cid:
        yield InventoryFinding(
            "changed",
            uri,
            f"listed as {owned.cid}, and {record.cid} now",
            "a plan shows it as drift: an update goes over the edit, and a delete is refused",
            "look at atpub plan: put the edit into the manifest, or apply over it",
        )


def _listed_twice(inventory: Inventory, live: Live) -> Iterator[InventoryFinding]:
    holders: dict[RecordPath, list[str]] = {}
    for rkey, shard in sorted(inventory.shards.items()):
        for path in shard:
            holders.setdefault(path, []).append(rkey)
    for path, rkeys in sorted(holders.items()):
        if len(rkeys) > 1:
            yield InventoryFinding(
                "listed-twice",
                AtUri.of(live.did, path),
                f"listed in {len(rkeys)} inventory records: {', '.join(rkeys)}",
                "a plan goes by one of them",
                _REBUILD,
            )


def _two_owners(
    inventory: Inventory, owners: Mapping[RecordPath, Sequence[str]], live: Live
) -> Iterator[InventoryFinding]:
    for path in sorted(inventory.owned):
        names = [name for name in owners[path] if name != inventory.project]
        if names:
            yield InventoryFinding(
                "two-owners",
                AtUri.of(live.did, path),
                f"owned by {inventory.project!r} and by {', '.join(map(repr, names))}",
                "a plan of either refuses to touch it",
                "take it out of one of the two manifests: applying that one forgets it",
            )


def _blob_faults(live: Live, inventory: Inventory, check_blobs: CheckBlobs) -> Iterator[InventoryFinding]:
    records = [live.records[path] for path in sorted(inventory.owned) if path in live.records]
    faults = check_blobs([record.path for record in records])
    for record in records if faults else ():
        for cid in dict.fromkeys(blob.cid for blob in blobs_in(record.value) if blob.cid in faults):
            yield _blob_fault(AtUri.of(live.did, record.path), cid, faults[cid])


def _blob_fault(uri: AtUri, cid: Cid, fault: BlobFault) -> InventoryFinding:
    what = f"the blob {cid} is " + ("missing" if fault.code == "blob-missing" else "damaged")
    message = f"{what}: {fault.file}"
    if fault.is_visible:
        return InventoryFinding(fault.code, uri, message, "the next apply uploads it again", "apply where its file is")
    effect = "a plan does not notice it: the size is right"
    return InventoryFinding(fault.code, uri, message, effect, "delete that file, then apply: it is uploaded again")
