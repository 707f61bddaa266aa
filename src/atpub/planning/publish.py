"""What publishing single records would do: no manifest says what else there should be, so nothing is ever deleted.

Records are nobody's where no project is named: then what a project owns is left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from atpub.desired.model import Desired
from atpub.errors import Problem
from atpub.inventory import Inventory, read_inventories
from atpub.planning.make import cost_of, immutable_refusal, make_change, ownership, plan_digest, uploads_of
from atpub.planning.model import Change, Drift, Plan, Refusal
from atpub.planning.moment import Moments
from atpub.planning.settle import Settled, in_order, settle
from atpub.state import Live
from atpub.syntax import AtUri, RecordPath

IfExists: TypeAlias = Literal["update", "error", "skip"]
EXISTS = "exists"
"""The code of the refusal that `if_exists="error"` asks for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A record to publish, and what to do where another one is there."""

    desired: Desired
    if_exists: IfExists = "update"


def plan_publication(
    wishes: Sequence[Wish],
    live: Live,
    *,
    project: str,
    account: str,
    now: datetime,
    warnings: tuple[Problem, ...] = (),
) -> Plan:
    """What it takes to publish these records, each of another path; `project` is who owns them (empty: nobody)."""
    publisher = _Publisher(live, project)
    settled = settle(in_order(tuple(wish.desired for wish in wishes)), live.records, Moments(now, live.records))
    if_exists: dict[RecordPath, IfExists] = {wish.desired.path: wish.if_exists for wish in wishes}
    decided = (publisher.change(item, if_exists[path]) for path, item in settled.items())
    changes = tuple(change for change in decided if change is not None)
    owned = ownership(changes, publisher.inventory.owned) if project else {}
    uploads = tuple(uploads_of(changes, settled, live.records.values()))
    return Plan(
        project=project,
        account=account,
        did=live.did,
        head=live.head,
        changes=changes,
        uploads=uploads,
        refusals=tuple(publisher.refusals),
        warnings=warnings,
        cost=cost_of(changes, publisher.inventory.writes(owned), uploads),
        digest=plan_digest(live.did, project, changes),
        inventory=publisher.inventory,
        inventory_changes=owned,
    )


class _Publisher:
    """Decides what happens to each record by what is live and whose it is."""

    def __init__(self, live: Live, project: str) -> None:
        inventories = read_inventories(live.records.values())
        self._live = live
        self._project = project
        self._owners = {path: name for name, other in inventories.items() if name != project for path in other.owned}
        self.inventory = inventories.get(project) or Inventory(project)
        self.refusals: list[Refusal] = []

    def change(self, settled: Settled, if_exists: IfExists) -> Change | None:
        """What happens to a record; None where it is refused."""
        desired, path = settled.desired, settled.desired.path
        before, owned = self._live.records.get(path), self.inventory.owned.get(path)
        if owned is not None:  # what the manifest said of it stays
            desired = replace(desired, id=owned.id, protect=owned.protect)
            settled = replace(settled, desired=desired)
        uri = AtUri.of(self._live.did, path)
        same = before is not None and before.cid == settled.cid
        refusal = (
            _exists(desired, uri, if_exists, there=before is not None)
            or immutable_refusal(settled, before, owned, uri)
            or (None if same or (before and if_exists == "skip") else self._foreign(desired, uri))
        )
        if refusal is not None:
            self.refusals.append(refusal)
            return None
        if before is None:
            return make_change(settled, uri, before, "create")
        mine = not self._project or owned is not None
        if same:
            is_free = mine or path in self._owners
            return make_change(settled, uri, before, "unchanged" if is_free else "adopt", write=False)
        if if_exists == "skip":
            address = str(desired.address)
            return Change(address, "unchanged", desired.id, path, uri, before, after_cid=before.cid)
        drift = Drift(owned.cid, before.cid) if owned and owned.cid != before.cid else None
        return make_change(settled, uri, before, "update" if mine else "adopt", drift)

    def _foreign(self, desired: Desired, uri: AtUri) -> Refusal | None:
        owner = self._owners.get(desired.path)
        if owner is None:
            return None
        message = f"{desired.address} is a record of the project {owner!r}, and would be changed"
        hint = (
            f"change it in that project's manifest, give it another id, or publish as that project: project={owner!r}"
        )
        return Refusal(str(desired.address), uri, "foreign-owner", message, hint)


def _exists(desired: Desired, uri: AtUri, if_exists: IfExists, *, there: bool) -> Refusal | None:
    if not there or if_exists != "error":
        return None
    message = f"{desired.address}: there is a record already at {uri}"
    return Refusal(str(desired.address), uri, EXISTS, message, 'give it another name or id, or if_exists="update"')
