"""Whose the live records of a repository are, as one project sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from atpub.atproto.syntax import AtUri, RecordPath
from atpub.engine.inventory import Inventory, Owned, read_inventories
from atpub.repository.model import Live, Record


@dataclass(frozen=True, slots=True)
class OwnershipView:
    """What is live, what the project's inventory lists of it, and which other project owns what else."""

    live: Live
    inventory: Inventory
    owned: Mapping[RecordPath, Owned]
    foreign: Mapping[RecordPath, str]

    @classmethod
    def of(cls, live: Live, project: str) -> OwnershipView:
        """Read the inventories in the live records; raises InvalidRecord where one is damaged."""
        inventories = read_inventories(live.records.values())
        inventory = inventories.get(project) or Inventory(project)
        foreign = {path: name for name, other in inventories.items() if name != project for path in other.owned}
        return cls(live, inventory, inventory.owned, foreign)

    def record(self, path: RecordPath) -> Record | None:
        """Return the live record."""
        return self.live.records.get(path)

    def uri(self, path: RecordPath) -> AtUri:
        """Return the URI of a record of this repository."""
        return AtUri.of(self.live.did, path)
