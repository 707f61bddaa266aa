"""Plans made by hand, for tests of reports."""

from dataclasses import replace

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri, Cid, Did, Nsid, RecordPath, Rkey
from atpub.engine.inventory import Inventory
from atpub.engine.plan.model import Action, Change, Cost, Drift, Plan, Refusal
from atpub.repository.model import Record

DID = Did("did:web:lab.example")
CID = Cid("bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm")
ENTRY = Nsid("science.alt.dataset.entry")


def change(action: Action, key: str, *, before: JsonObject | None = None, after: JsonObject | None = None) -> Change:
    """A change of a dataset."""
    path = RecordPath(ENTRY, Rkey(key))
    record = None if before is None else Record(path, CID, before)
    return Change(f"datasets/{key}", action, key, path, AtUri.of(DID, path), record, after)


def update(key: str, *, drift: Drift | None = None) -> Change:
    """An update of one field."""
    return replace(change("update", key, before={"name": f"old {key}"}, after={"name": f"new {key}"}), drift=drift)


def plan(*changes: Change, refusals: tuple[Refusal, ...] = (), points: int = 2) -> Plan:
    """A plan of these changes."""
    cost = Cost(points, len(changes), 1, 1)
    return Plan("lab", "lab.example", DID, None, changes, (), refusals, (), cost, "0" * 64, Inventory("lab"), {})
