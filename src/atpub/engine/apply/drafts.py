"""The records of a plan as they are written, completed with what uploads and earlier records have told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from atpub.atproto.data import Blob, Encoded, JsonObject, put
from atpub.atproto.syntax import Cid, RecordPath
from atpub.engine.desired.model import CID_FIELD
from atpub.engine.inventory import Inventory, Owned
from atpub.engine.plan.model import Change, Plan
from atpub.errors import InvalidInput
from atpub.repository.model import Create, Delete, Update, Write


@dataclass(frozen=True, slots=True)
class CommitDraft:
    """Changes that belong in one commit, the writes of it, and the inventory after it."""

    changes: tuple[Change, ...]
    writes: tuple[Write, ...]
    inventory: Inventory


class Drafts:
    """The writes of a plan's changes; `describe` returns the repository's description of a blob."""

    def __init__(self, plan: Plan, describe: Callable[[Cid], Blob | None]) -> None:
        self._ownership = plan.inventory_changes
        self._inventory = plan.inventory
        self._describe = describe
        self._drafts: dict[RecordPath, Encoded] = {}
        self._cids: dict[RecordPath, Cid] = {  # of what is not written; a draft adds its own
            change.path: change.after_cid for change in plan.changes if change.after_cid and change.after is None
        }

    @cached_property
    def _before(self) -> Mapping[RecordPath, Owned]:
        return self._inventory.owned

    def cid(self, change: Change) -> Cid | None:
        """Return the CID of the change's record after the change, if known; None where there is no record."""
        return self._cids.get(change.path, change.after_cid)

    def records(self, changes: Iterable[Change]) -> Iterator[tuple[Cid, JsonObject]]:
        """Yield the records that these changes have written, with their CIDs."""
        drafts = (self._drafts.get(change.path) for change in changes)
        return ((draft.cid, draft.value) for draft in drafts if draft)

    def batch(self, changes: Iterable[Change], inventory: Inventory) -> CommitDraft:
        """Return the writes of the records of these changes, then those of their inventory."""
        changes = tuple(changes)
        records: list[Write] = []
        owned: dict[RecordPath, Owned | None] = {}
        for change in changes:
            draft = self._draft(change)
            if draft is not None:
                write = Update if change.before else Create
                records.append(write(change.path, draft.value, draft))
            elif change.action == "delete":
                records.append(Delete(change.path))
            owned |= self._owned(change)
        listed = inventory.change(owned)
        return CommitDraft(changes, (*records, *listed.writes), listed.after)

    def planned_on(self, change: Change) -> tuple[Cid | None, Owned | None]:
        """Return the CID and the inventory entry that the plan was made on."""
        return change.before_cid, self._before.get(change.path)

    def result(self, change: Change) -> tuple[Cid | None, Owned | None]:
        """Return the CID and the inventory entry after the change."""
        cid, owned = self.planned_on(change)
        draft = self._draft(change)
        if draft is not None:
            cid = draft.cid
        elif change.action == "delete":
            cid = None
        return cid, self._owned(change).get(change.path, owned)

    def _owned(self, change: Change) -> dict[RecordPath, Owned | None]:
        """Return the change of the record's inventory entry; empty where the entry stays the same."""
        if change.path not in self._ownership:
            return {}
        planned = self._ownership[change.path]
        return {change.path: planned and replace(planned, cid=planned.cid or self._cids[change.path])}

    def _draft(self, change: Change) -> Encoded | None:
        """Return the record to write; None where the change writes none.

        Where it has blobs that the server describes, or pins other records, each draft is made anew: an upload, a
        commit or what was read meanwhile may have told more than was known for the last one.
        """
        if change.after is None:
            return None
        draft = self._drafts.get(change.path)
        if draft is None or change.open_blobs or change.strong_refs:
            value = self._fill_in(change, change.after)
            draft = self._drafts[change.path] = Encoded.of(value, change.encoded)
            self._cids[change.path] = draft.cid
        return draft

    def _fill_in(self, change: Change, value: JsonObject) -> JsonObject:
        for item in change.open_blobs:
            blob = self._describe(item.blob.cid)
            if blob is not None:
                if problem := item.rejection(blob.mime_type):
                    raise InvalidInput((problem,))
                value = put(value, item.steps, blob.to_json())
        for reference in change.strong_refs:
            value = put(value, (*reference.steps, CID_FIELD), self._cids[reference.target])
        return value
