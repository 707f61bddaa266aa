"""(desired, live, inventory, now) → Plan: three-way, by one table, with the safety rules applied.

What the project applied last (its inventory), what is live, and what the manifest wants decide each record's action.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from atpub.desired.model import VERSIONED, Desired
from atpub.errors import Problem
from atpub.generated.com.atproto.lexicon import schema as lexicon_schema
from atpub.generated.science.alt.dataset import entry, label, lens, schema
from atpub.inventory import COLLECTION as INVENTORY
from atpub.inventory import Inventory, Owned, read_inventories
from atpub.lexicon import data
from atpub.lexicon.data import Json, JsonObject, blobs_in
from atpub.manifest.model import Policy
from atpub.planning.model import Action, Change, Cost, Drift, Options, Plan, Refusal, Upload
from atpub.planning.moment import Moments
from atpub.planning.order import references, targets_first
from atpub.planning.select import check_options, select, selected
from atpub.planning.settle import Settled, in_order, settle
from atpub.state import Create, Delete, Live, Record, Update, Write
from atpub.syntax import AtUri, Cid, Did, RecordPath

_POINTS: Final = {Create: 3, Update: 2, Delete: 1}
MOST_WRITES: Final = 200
OWNED_FROM: Final = 10
"""A share of what is owned limits deletes from this many owned records on."""

_GONE: Final = ("delete", "keep", "forget")
_RECORDS: Final = "records"
_SECTIONS: Final = {
    schema.NSID: "schemas",
    entry.NSID: "datasets",
    label.NSID: "labels",
    lens.NSID: "lenses",
    lexicon_schema.NSID: "lexicons",
}


def make_plan(
    desired: tuple[Desired, ...],
    live: Live,
    *,
    project: str,
    account: str,
    now: datetime,
    policy: Policy | None = None,
    options: Options | None = None,
    warnings: tuple[Problem, ...] = (),
) -> Plan:
    """What it takes for a repository to hold these records of a project, and no others of it."""
    planner = _Planner(live, project, options or Options())
    settled = settle(in_order(desired), live.records, Moments(now, live.records))
    wanted = (planner.wanted(item) for item in settled.values())
    whole = [*(change for change in wanted if change is not None), *planner.gone(settled)]
    refused = planner.refusals
    check_options(planner.options, whole, {item.address for item in refused})
    changes = select(whole, planner.options.only, planner.options.exclude)
    refusals = [*selected(refused, changes, planner.options), *planner.gates(changes, whole, policy or Policy())]
    chosen = {change.path for change in changes}
    owned = ownership(changes, planner.inventory.owned)
    uploads = tuple(uploads_of(changes, settled, live.records.values()))
    return Plan(
        project=project,
        account=account,
        did=live.did,
        head=live.head,
        changes=tuple(changes),
        uploads=uploads,
        refusals=tuple(refusals),
        warnings=warnings,
        cost=cost_of(changes, planner.inventory.writes(owned), uploads),
        digest=plan_digest(live.did, project, changes),
        inventory=planner.inventory,
        inventory_changes=owned,
        left_out=tuple(change.address for change in whole if change.path not in chosen and change.pending),
        unmanaged=tuple(AtUri.of(live.did, path) for path in sorted(planner.unmanaged(settled))),
    )


class _Planner:
    """Decides actions by what a project owns in a live repository."""

    def __init__(self, live: Live, project: str, options: Options) -> None:
        inventories = read_inventories(live.records.values())
        self._live = live
        self.options = options
        self.inventory = inventories.get(project) or Inventory(project)
        self._owned = self.inventory.owned
        self._foreign = {path: name for name, other in inventories.items() if name != project for path in other.owned}
        self.refusals: list[Refusal] = []

    def unmanaged(self, settled: Collection[RecordPath]) -> Iterator[RecordPath]:
        """The live records that neither the manifest names nor any project owns."""
        for path in self._live.records:
            if not (path in settled or path in self._owned or path in self._foreign or path.collection == INVENTORY):
                yield path

    def wanted(self, settled: Settled) -> Change | None:
        """What happens to a record that the manifest wants; None where it is refused."""
        desired, path = settled.desired, settled.desired.path
        before, owned = self._live.records.get(path), self._owned.get(path)
        uri = AtUri.of(self._live.did, path)
        if path in self._foreign:
            self._refuse_foreign(desired, uri)
            return None
        refusal = immutable_refusal(settled, before, owned, uri)
        if refusal is not None:
            self.refusals.append(refusal)
        same = before is not None and before.cid == settled.cid
        if owned is not None:
            drift = None if before and before.cid == owned.cid else Drift(owned.cid, before.cid if before else None)
            if before is None:
                return make_change(settled, uri, before, "create", drift)
            return make_change(settled, uri, before, "unchanged" if same else "update", None if same else drift)
        if before is None:
            return make_change(settled, uri, before, "create")
        if desired.adopt:
            return make_change(settled, uri, before, "adopt", write=not same)
        if not same:
            self.refusals.append(_not_ours(desired, uri))
            return None
        return make_change(settled, uri, before, "unchanged")

    def gone(self, settled: Mapping[RecordPath, Settled]) -> Iterator[Change]:
        """What happens to records that the project owns and that the manifest wants no more."""
        left = {str(AtUri.of(self._live.did, path)): path for path in sorted(self._owned) if path not in settled}
        forgotten = _forgotten(self.options.forget, self._owned, self._live.did)
        targets = {path: sorted(references(self._live_value(path), left)) for path in left.values()}
        kept = self._kept(left, targets, settled)
        for path in reversed(targets_first(left.values(), targets)):
            yield self._gone(self._owned[path], keep=path in kept, forget=path in forgotten or path in self._foreign)

    def _kept(
        self,
        left: Mapping[str, RecordPath],
        targets: Mapping[RecordPath, Sequence[RecordPath]],
        settled: Mapping[RecordPath, Settled],
    ) -> set[RecordPath]:
        """The versions that stay, though the manifest does not name them: all, or those that others refer to."""
        versions = {path for path in left.values() if path.collection in VERSIONED}
        if not self.options.prune_versions:
            return versions
        kept: set[RecordPath] = set()
        stack = [path for item in settled.values() for path in references(item.value, left)]
        while stack:
            path = stack.pop()
            if path in versions and path not in kept:
                kept.add(path)
                stack.extend(targets[path])
        return kept

    def _live_value(self, path: RecordPath) -> Json:
        record = self._live.records.get(path)
        return record.value if record else None

    def _gone(self, owned: Owned, *, keep: bool, forget: bool) -> Change:
        before, uri = self._live.records.get(owned.path), AtUri.of(self._live.did, owned.path)
        address = _address(owned)
        drift = None if before and before.cid == owned.cid else Drift(owned.cid, before.cid if before else None)
        if before is None or forget:
            return Change(address, "forget", owned.id, owned.path, uri, before, drift=drift)
        if keep:
            cid = before.cid
            return Change(
                address, "keep", owned.id, owned.path, uri, before, after_cid=cid, drift=drift, protect=owned.protect
            )
        if owned.protect:
            hint = "set `protect: false` on it, apply, then remove it; or forget it: --forget " + address
            message = f"{address} is protected: it is not deleted"
            self.refusals.append(Refusal(address, uri, "protected", message, hint))
        elif drift and not self.options.delete_drifted:
            message = f"{address} has been changed by somebody else since it was applied"
            hint = f"delete it all the same: --delete-drifted; or leave it alone: --forget {address}"
            self.refusals.append(Refusal(address, uri, "drifted-delete", message, hint))
        return Change(address, "delete", owned.id, owned.path, uri, before, drift=drift, protect=owned.protect)

    def gates(self, changes: Sequence[Change], whole: Sequence[Change], policy: Policy) -> Iterator[Refusal]:
        """The rules that look at all changes of a plan at once; `whole` has those that are left out, too."""
        deletes, owned = sum(change.action == "delete" for change in changes), len(self._owned)
        creates = sum(change.action == "create" for change in changes)
        limit = policy.max_delete
        too_many = deletes > limit * owned if isinstance(limit, float) and owned >= OWNED_FROM else False
        if too_many or (isinstance(limit, int) and deletes > limit):
            allowed = f"{limit:.0%}" if isinstance(limit, float) else str(limit)
            message = f"this would delete {deletes} of {owned} records; the policy allows {allowed}"
            yield Refusal("", None, "max-delete", message, "raise `policy: {max_delete: …}` if that is meant")
        for name in sorted(not_forgotten(self.options, whole)) if deletes else ():
            message = f"--forget {name}: the project owns no such record, and this would delete {deletes}"
            yield Refusal("", None, "nothing-to-forget", message, "did you mean one of those?")
        stays = any(change.path in self._owned and change.action not in _GONE for change in whole)
        if deletes and creates and not stays and not self.options.allow_replace_all:
            message = f"none of the project's {owned} records is wanted: this would delete {deletes} and create others"
            hint = "does another manifest use this project name? if it is meant: --allow-replace-all"
            yield Refusal("", None, "replace-all", message, hint)

    def _refuse_foreign(self, desired: Desired, uri: AtUri) -> None:
        message = f"{desired.address} is a record of the project {self._foreign[desired.path]!r}"
        hint = "give the entry another `id`, or remove it from one of the two projects"
        self.refusals.append(Refusal(str(desired.address), uri, "foreign-owner", message, hint))


def immutable_refusal(settled: Settled, before: Record | None, owned: Owned | None, uri: AtUri) -> Refusal | None:
    """Why a version cannot be written: another content is published under it, which never changes."""
    fields = settled.desired.immutable
    if before is None or _part(before.value, fields) == _part(settled.value, fields):
        return None
    if owned is not None and owned.cid == settled.cid:
        return None  # it puts back what was published
    address, version = settled.desired.address, settled.desired.id.rpartition(":")[2]
    message = f"{address}: version {version} is published with another content, and a version never changes"
    hint = f"raise the version, for example to {_bumped(version)}"
    return Refusal(str(address), uri, "immutable-version", message, hint)


def make_change(
    settled: Settled,
    uri: AtUri,
    before: Record | None,
    action: Action,
    drift: Drift | None = None,
    *,
    write: bool = True,
) -> Change:
    """What happens to one record, as it is settled; `write` says whether its value is to be written."""
    desired = settled.desired
    written = write and action in ("create", "update", "adopt")
    return Change(
        address=str(desired.address),
        action=action,
        id=desired.id,
        path=desired.path,
        uri=uri,
        before=before,
        after=settled.value if written else None,
        after_cid=settled.cid,
        unknown=settled.unknown,
        drift=drift,
        protect=desired.protect,
        digest_cid=settled.digest_cid,
        strong_refs=desired.strong_refs,
        open_blobs=settled.open_blobs,
    )


def ownership(changes: Iterable[Change], owned: Mapping[RecordPath, Owned]) -> dict[RecordPath, Owned | None]:
    """How the inventory changes with these records; a CID that is not known yet is left empty."""
    made: dict[RecordPath, Owned | None] = {}
    for change in changes:
        before = owned.get(change.path)
        if change.action in ("delete", "forget"):
            if before is not None:
                made[change.path] = None
        elif change.action in ("create", "update", "adopt") or (before and change.action == "unchanged"):
            now = Owned(change.id, change.path, change.after_cid or Cid(""), change.protect)
            if now != before:
                made[change.path] = now
    return made


def not_forgotten(options: Options, changes: Iterable[Change]) -> frozenset[str]:
    """What the user wants to be forgotten, and none of these changes does."""
    forgotten = [item for item in changes if item.action == "forget"]
    return options.forget - {
        name for item in forgotten for name in (item.address, str(item.uri), f"{_RECORDS}/{item.id}")
    }


def _address(owned: Owned) -> str:
    return f"{_SECTIONS.get(owned.path.collection, _RECORDS)}/{owned.id}"


def _forgotten(names: Collection[str], owned: Mapping[RecordPath, Owned], did: Did) -> set[RecordPath]:
    """The owned records that these addresses and URIs name.

    An inventory does not say in which section an entry stood: `records/x` also names the one record of another section
    that may have been made by it.
    """
    found = {path for path, item in owned.items() if _address(item) in names or str(AtUri.of(did, path)) in names}
    spoken_for = {_address(item) for item in owned.values()}
    for name in names:
        section, _, key = name.partition("/")
        if section == _RECORDS and name not in spoken_for:
            alike = [path for path, item in owned.items() if item.id == key]
            found.update(alike if len(alike) == 1 else ())
    return found


def _not_ours(desired: Desired, uri: AtUri) -> Refusal:
    message = f"{desired.address}: there is another record at {uri}, and this project does not own it"
    hint = "take it over with `adopt: true`, or give the entry another `id`"
    return Refusal(str(desired.address), uri, "not-owned", message, hint)


def _bumped(version: str) -> str:
    core = version.partition("+")[0].partition("-")[0].split(".")
    major, minor, *_ = [*core, "0", "0"]
    return f"{major}.{int(minor) + 1}.0" if minor.isdigit() else f"{version}.1"


def _part(value: JsonObject, names: Iterable[str]) -> Cid:
    """What these fields hold, to be compared: in JSON, 1 is not true."""
    return data.cid_of({name: value[name] for name in names if name in value})


def uploads_of(
    changes: Iterable[Change], settled: Mapping[RecordPath, Settled], live: Iterable[Record]
) -> Iterator[Upload]:
    """The blobs that no live record refers to yet, in the order in which they are wanted."""
    there = {blob.cid for record in live for blob in blobs_in(record.value)}
    for change in changes:
        if change.after is None:
            continue
        for item in settled[change.path].desired.blobs:
            if item.blob.cid not in there:
                there.add(item.blob.cid)
                yield Upload(item.blob.cid, item.blob.size, item.blob.mime_type, item.file)


def cost_of(changes: Iterable[Change], inventory: tuple[Write, ...], uploads: tuple[Upload, ...]) -> Cost:
    """What the changes, with their inventory's writes, take."""
    kinds = [_kind(change) for change in changes if change.writes] + [type(write) for write in inventory]
    between = (len(kinds) - 1) // MOST_WRITES if inventory else 0  # a record of the inventory, rewritten in the next
    kinds += [Update] * between
    size = sum(len(data.encode(change.after)) for change in changes if change.after is not None)
    return Cost(
        points=points_of(kinds),
        writes=len(kinds),
        commits=-(-len(kinds) // MOST_WRITES),
        bytes=size + sum(upload.size for upload in uploads),
    )


def points_of(kinds: Iterable[type[Write]]) -> int:
    """What a PDS counts for such writes (an account may spend 5,000 points an hour and 35,000 a day)."""
    return sum(_POINTS[kind] for kind in kinds)


def _kind(change: Change) -> type[Write]:
    if change.action == "delete":
        return Delete
    return Create if change.before is None else Update


def plan_digest(did: str, project: str, changes: Iterable[Change]) -> str:
    """What a plan does, as 64 hexadecimal digits: the same whenever and in whatever order it is made."""
    by_uri = sorted(changes, key=lambda change: str(change.uri))
    rows: list[Json] = [[c.address, c.action, str(c.uri), c.before_cid, c.digest_cid] for c in by_uri]
    return sha256(data.encode([did, project, *rows])).hexdigest()
