"""The decision on each record of a manifest's project, by a three-way comparison.

It compares what the project applied last (its inventory), what is live, and what the manifest describes. A decision
is a value: a change, a refusal of it, or both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from atpub.atproto import data
from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri, Cid, RecordPath
from atpub.engine.desired.model import VERSIONED, Desired
from atpub.engine.inventory import Owned
from atpub.engine.ownership import OwnershipView
from atpub.engine.plan.model import Action, Change, Drift, Options, Refusal
from atpub.engine.plan.order import references, targets_first
from atpub.engine.plan.resolve import ResolvedRecord
from atpub.engine.plan.safety import deletion_refusal, drift_of
from atpub.manifest.atdata_shape import lexicon_shape
from atpub.manifest.kinds import RECORDS, kind_of_collection
from atpub.repository.model import Record
from atpub.storage.parts import WHOLE, Part


@dataclass(frozen=True, slots=True)
class Decision:
    """The change of a record, and the refusal of it, if any; the change is None where there is none to show."""

    change: Change | None
    refusal: Refusal | None = None


def decide_wanted(resolved: ResolvedRecord, ownership: OwnershipView) -> Decision:
    """Decide the change of a record that the manifest describes."""
    desired, path = resolved.desired, resolved.desired.path
    before, owned, uri = ownership.record(path), ownership.owned.get(path), ownership.uri(path)
    if path in ownership.foreign:
        return Decision(None, _foreign_refusal(desired, uri, ownership.foreign[path]))
    refusal = immutable_refusal(resolved, before, owned, uri)
    same = before is not None and before.cid == resolved.cid
    if owned is None and before is not None and desired.adopt:
        change = make_change(resolved, uri, before, "adopt", write=not same)
    elif same:
        change = make_change(resolved, uri, before, "unchanged")
    elif owned is None and before is not None:
        return Decision(None, refusal or _not_owned_refusal(desired, uri))
    else:
        drift = drift_of(owned, before) if owned else None
        change = make_change(resolved, uri, before, "update" if before else "create", drift)
    return Decision(change, refusal)


def decide_gone(
    resolved: Mapping[RecordPath, ResolvedRecord], ownership: OwnershipView, options: Options
) -> Iterator[Decision]:
    """Decide the changes of owned records that left the manifest; a record comes before those that it refers to."""
    left = {str(ownership.uri(path)): path for path in sorted(ownership.owned) if path not in resolved}
    targets = {path: sorted(references(_live_value(path, ownership), left)) for path in left.values()}
    keep = _versions_to_keep(left, targets, resolved, options)
    forget = _records_to_forget(options.forget, ownership) | ownership.foreign.keys()
    for path in reversed(targets_first(left.values(), targets)):
        owned = ownership.owned[path]
        if ownership.record(path) is None or path in forget:
            yield Decision(_removal(owned, ownership, "forget"))
        elif path in keep:
            yield Decision(_removal(owned, ownership, "keep"))
        else:
            change = _removal(owned, ownership, "delete")
            yield Decision(change, deletion_refusal(change, delete_drifted=options.delete_drifted))


def _removal(owned: Owned, ownership: OwnershipView, action: Action) -> Change:
    """Return the change of an owned record that the manifest does not name."""
    before = ownership.record(owned.path)
    return Change(
        address=_address(owned),
        action=action,
        id=owned.id,
        path=owned.path,
        uri=ownership.uri(owned.path),
        before=before,
        after_cid=before.cid if before and action == "keep" else None,
        drift=drift_of(owned, before),
        protect=owned.protect and action != "forget",
        part=Part(owned.part, 0) if owned.part > 1 else WHOLE,
    )


def _address(owned: Owned) -> str:
    return f"{kind_of_collection(owned.path.collection).section}/{owned.id}"


def _live_value(path: RecordPath, ownership: OwnershipView) -> Json:
    record = ownership.record(path)
    return record.value if record else None


def _versions_to_keep(
    left: Mapping[str, RecordPath],
    targets: Mapping[RecordPath, Sequence[RecordPath]],
    resolved: Mapping[RecordPath, ResolvedRecord],
    options: Options,
) -> set[RecordPath]:
    """Return the versions that stay without a manifest entry: all, or those that other records refer to."""
    versions = {path for path in left.values() if path.collection in VERSIONED}
    if not options.prune_versions:
        return versions
    keep: set[RecordPath] = set()
    stack = [path for item in resolved.values() for path in references(item.value, left)]
    while stack:
        path = stack.pop()
        if path in versions and path not in keep:
            keep.add(path)
            stack.extend(targets[path])
    return keep


def _records_to_forget(names: Collection[str], ownership: OwnershipView) -> set[RecordPath]:
    """Return the owned records that these addresses and URIs name.

    An inventory does not say in which section an entry stood: `records/x` also names the one record of another section
    that may have been made by it.
    """
    if not names:
        return set()
    addresses = {path: _address(item) for path, item in ownership.owned.items()}
    named = {*names, *(address for path, address in addresses.items() if str(ownership.uri(path)) in names)}
    found = {path for path, address in addresses.items() if address in named}
    for name in {*names}.difference(addresses.values()):
        section, _, key = name.partition("/")
        alike = [path for path, item in ownership.owned.items() if section == RECORDS.section and item.id == key]
        found.update(alike if len(alike) == 1 else ())
    return found


def _foreign_refusal(desired: Desired, uri: AtUri, owner: str) -> Refusal:
    message = f"{desired.address} is a record of the project {owner!r}"
    hint = "give the entry another `id`, or remove it from one of the two projects"
    return Refusal(str(desired.address), uri, "foreign-owner", message, hint)


def _not_owned_refusal(desired: Desired, uri: AtUri) -> Refusal:
    message = f"{desired.address}: there is another record at {uri}, and this project does not own it"
    hint = "take it over with `adopt: true`, or give the entry another `id`"
    return Refusal(str(desired.address), uri, "not-owned", message, hint)


def immutable_refusal(
    resolved: ResolvedRecord, before: Record | None, owned: Owned | None, uri: AtUri
) -> Refusal | None:
    """Return the refusal to change a published version; None where the record may be written."""
    fields = resolved.desired.immutable
    if before is None or not fields or before.cid == resolved.cid:
        return None
    if _part(lexicon_shape(before.value), fields) == _part(resolved.value, fields):
        return None
    if owned is not None and owned.cid == resolved.cid:
        return None  # it restores what was published
    address, version = resolved.desired.address, resolved.desired.id.rpartition(":")[2]
    message = f"{address}: version {version} is published with another content, and a version never changes"
    hint = f"raise the version, for example to {_next_version(version)}"
    return Refusal(str(address), uri, "immutable-version", message, hint)


def make_change(
    resolved: ResolvedRecord,
    uri: AtUri,
    before: Record | None,
    action: Action,
    drift: Drift | None = None,
    *,
    write: bool = True,
) -> Change:
    """Make the change of one resolved record; `write` tells whether its value is to be written."""
    desired = resolved.desired
    written = write and action in ("create", "update", "adopt")
    return Change(
        address=str(desired.address),
        action=action,
        id=desired.id,
        path=desired.path,
        uri=uri,
        before=before,
        after=resolved.value if written else None,
        after_cid=resolved.cid,
        unknown=resolved.unknown,
        drift=drift,
        protect=desired.protect,
        part=desired.part,
        digest_cid=resolved.digest_cid,
        strong_refs=desired.strong_refs,
        open_blobs=resolved.open_blobs,
        sniffed_blobs=tuple(item for item in desired.blobs if item.sniffed) if written else (),
        created_at=desired.created_at.field if written and desired.created_at else None,
        encoded=resolved.encoded if written else None,
    )


def _next_version(version: str) -> str:
    core = version.partition("+")[0].partition("-")[0].split(".")
    major, minor, *_ = [*core, "0", "0"]
    return f"{major}.{int(minor) + 1}.0" if minor.isdigit() else f"{version}.1"


def _part(value: JsonObject, names: Iterable[str]) -> Cid:
    """Return the CID of these fields, to compare them: in JSON, 1 is not true."""
    return data.cid_of({name: value[name] for name in names if name in value})
