"""The worlds of the plan's tables: what a project applied, what is live and what the manifest wants, as values.

Each of the three is written as a manifest's sections; a key outside of them is a note: `a: hello` stands for
`records: {a: {collection: org.test.note, value: {text: hello}}}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.engine.apply.publishing import NOTE, NOW, write_lexicons, write_manifest, write_tar

from atpub.atproto.data import Json, JsonObject, cid_of, put
from atpub.atproto.syntax import Cid, Did, RecordPath, Tid
from atpub.engine.desired.build import build_desired
from atpub.engine.desired.model import CID_FIELD, Desired
from atpub.engine.inventory import COLLECTION, Inventory, Owned
from atpub.engine.plan.build import plan_manifest
from atpub.engine.plan.model import Change, Options, Plan
from atpub.manifest.load import load_manifest
from atpub.manifest.model import Policy
from atpub.repository.model import Create, Delete, Head, Live, Record
from atpub.shards.facts import gather

ALICE = Did("did:plc:aliceaaaaaaaaaaaaaaaaaaa")
HEAD = Head(cid_of("head"), Tid.of(0))
LONG_AGO = "2024-01-01T00:00:00.000Z"
"""The createdAt of live records that do not say another."""

_SECTIONS = ("schemas", "datasets", "lenses", "labels", "records")
_TREATMENT = ("id", "rkey", "protect", "adopt", "collection")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A manifest's records and safety rules."""

    desired: tuple[Desired, ...]
    policy: Policy


def write_data(folder: Path) -> None:
    """Lexicons, two shards, and files that are none."""
    write_lexicons(folder)
    write_tar(folder / "data/0.tar", "zero")
    write_tar(folder / "data/1.tar", "one")
    (folder / "data/a.json").write_text("{}", "utf-8")
    (folder / "data/b.unknown").write_text("what is it", "utf-8")


def read(folder: Path, sections: Mapping[str, Json], did: Did = ALICE) -> Wanted:
    """What a manifest with these sections wants."""
    manifest = load_manifest([write_manifest(folder, _with_notes(sections))], environ={})
    desired, _ = build_desired(manifest, gather(manifest), did)
    return Wanted(desired, manifest.policy)


def _with_notes(sections: Mapping[str, Json]) -> JsonObject:
    given = {key: value for key, value in sections.items() if key in (*_SECTIONS, "policy")}
    notes: JsonObject = {key: _note(value) for key, value in sections.items() if key not in given}
    records = given.get("records")
    assert records is None or isinstance(records, dict)
    return {**given, "records": {**notes, **(records or {})}} if notes else given


def _note(value: Json) -> JsonObject:
    fields: JsonObject = value if isinstance(value, dict) else {"text": value}
    treatment = {key: item for key, item in fields.items() if key in _TREATMENT}
    return {
        "collection": NOTE,
        **treatment,
        "value": {key: item for key, item in fields.items() if key not in treatment},
    }


def records(wanted: Iterable[Desired]) -> dict[RecordPath, Record]:
    """The records as they are once applied: long ago, where their createdAt is open."""
    made: dict[RecordPath, Record] = {}
    for item in wanted:  # a fragment names what it refers to first
        value = item.value if item.created_at is None else {**item.value, item.created_at.field: LONG_AGO}
        for reference in item.strong_refs:
            value = put(value, (*reference.steps, CID_FIELD), made[reference.target].cid)
        made[item.path] = Record(item.path, cid_of(value), value)
    return made


def owning(project: str, wanted: Iterable[Desired]) -> Inventory:
    """The inventory of a project that applied these records."""
    applied = records(wanted := tuple(wanted))
    owned = {item.path: Owned(item.id, item.path, applied[item.path].cid, item.protect) for item in wanted}
    return Inventory(project).after(owned)


def live(present: Mapping[RecordPath, Record], *inventories: Inventory) -> Live:
    """A repository with these records and inventories."""
    lists: dict[RecordPath, Record] = {}
    for inventory in inventories:
        for write in Inventory(inventory.project).writes(inventory.owned):
            assert isinstance(write, Create)
            lists[write.path] = Record(write.path, cid_of(write.value), write.value)
    return Live(ALICE, HEAD, {**present, **lists})


def plan(
    wanted: Wanted, state: Live, *, now: datetime = NOW, options: Options | None = None, project: str = "ours"
) -> Plan:
    """The plan for a world."""
    return plan_manifest(
        wanted.desired, state, project=project, account="lab.example", now=now, policy=wanted.policy, options=options
    )


def result(state: Live, made: Plan) -> Live:
    """What is live once a plan is carried out in which nothing is unknown."""
    present = dict(state.records)
    for change in made.changes:
        if change.after is not None:
            present[change.path] = Record(change.path, cid_of(change.after), change.after)
        elif change.action == "delete":
            del present[change.path]
    for write in made.inventory.writes(made.inventory_changes):
        if isinstance(write, Delete):
            del present[write.path]
        else:
            present[write.path] = Record(write.path, cid_of(write.value), write.value)
    return Live(state.did, HEAD, present)


def by_address(made: Plan) -> Mapping[str, Change]:
    """A plan's changes."""
    found = {change.address: change for change in made.changes}
    assert len(found) == len(made.changes)
    return found


def cid(state: Mapping[RecordPath, Record], path: RecordPath) -> Cid | None:
    """The CID of a record; None where it is not there."""
    return state[path].cid if path in state else None


def is_inventory(path: RecordPath) -> bool:
    return path.collection == COLLECTION
