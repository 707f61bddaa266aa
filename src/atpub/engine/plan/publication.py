"""What publishing single records would do: no manifest says what else there should be, so nothing is ever deleted.

Records are nobody's where no project is named: then what a project owns is left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from atpub.atproto.syntax import AtUri, RecordPath
from atpub.engine.desired.model import Desired
from atpub.engine.plan.build import build_plan
from atpub.engine.plan.created_at import CreatedAtClock
from atpub.engine.plan.decide import Decision, immutable_refusal, make_change
from atpub.engine.plan.model import Change, Drift, Plan, Refusal
from atpub.engine.plan.ownership import OwnershipView
from atpub.engine.plan.resolve import ResolvedRecord, in_order, resolve_records
from atpub.errors import Problem
from atpub.repository.model import Live

IfExists: TypeAlias = Literal["update", "error", "skip"]
EXISTS = "exists"
"""The code of the refusal that `if_exists="error"` asks for."""


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """A record to publish, and what to do where another one is there."""

    desired: Desired
    if_exists: IfExists = "update"


def plan_publication(
    wishes: Sequence[PublishRequest],
    live: Live,
    *,
    project: str,
    account: str,
    now: datetime,
    warnings: tuple[Problem, ...] = (),
) -> Plan:
    """What it takes to publish these records, each of another path; `project` is who owns them (empty: nobody)."""
    standing = OwnershipView.of(live, project)
    settled = resolve_records(
        in_order(tuple(wish.desired for wish in wishes)), live.records, CreatedAtClock(now, live.records)
    )
    if_exists: dict[RecordPath, IfExists] = {wish.desired.path: wish.if_exists for wish in wishes}
    decisions = [_decided(item, if_exists[path], standing) for path, item in settled.items()]
    return build_plan(
        [item.change for item in decisions if item.change],
        settled,
        standing,
        account=account,
        refusals=tuple(item.refusal for item in decisions if item.refusal),
        warnings=warnings,
    )


def _decided(settled: ResolvedRecord, if_exists: IfExists, standing: OwnershipView) -> Decision:
    """What happens to a record, by what is live and whose it is."""
    desired, path = settled.desired, settled.desired.path
    before, owned, uri = standing.record(path), standing.owned.get(path), standing.uri(path)
    if owned is not None:  # what the manifest said of it stays
        desired = replace(desired, id=owned.id, protect=owned.protect)
        settled = replace(settled, desired=desired)
    same = before is not None and before.cid == settled.cid
    refusal = (
        _exists(desired, uri, if_exists, there=before is not None)
        or immutable_refusal(settled, before, owned, uri)
        or (None if same or (before and if_exists == "skip") else _foreign(desired, uri, standing))
    )
    if refusal is not None:
        return Decision(None, refusal)
    if before is None:
        return Decision(make_change(settled, uri, before, "create"))
    mine = not standing.inventory.project or owned is not None
    if same:
        is_free = mine or path in standing.foreign
        return Decision(make_change(settled, uri, before, "unchanged" if is_free else "adopt", write=False))
    if if_exists == "skip":
        address = str(desired.address)
        return Decision(Change(address, "unchanged", desired.id, path, uri, before, after_cid=before.cid))
    drift = Drift(owned.cid, before.cid) if owned and owned.cid != before.cid else None
    return Decision(make_change(settled, uri, before, "update" if mine else "adopt", drift))


def _foreign(desired: Desired, uri: AtUri, standing: OwnershipView) -> Refusal | None:
    owner = standing.foreign.get(desired.path)
    if owner is None:
        return None
    message = f"{desired.address} is a record of the project {owner!r}, and would be changed"
    hint = f"change it in that project's manifest, give it another id, or publish as that project: project={owner!r}"
    return Refusal(str(desired.address), uri, "foreign-owner", message, hint)


def _exists(desired: Desired, uri: AtUri, if_exists: IfExists, *, there: bool) -> Refusal | None:
    if not there or if_exists != "error":
        return None
    message = f"{desired.address}: there is a record already at {uri}"
    return Refusal(str(desired.address), uri, EXISTS, message, 'give it another name or id, or if_exists="update"')
