"""The owners of a repository's live records, from one project's view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from atpub.atproto.syntax import AtUri, RecordPath
from atpub.engine.inventory import Inventory, Owned, read_inventories
from atpub.repository.model import Live, Record


@dataclass(frozen=True, slots=True)
class OwnershipView:
    """The live records, the project's inventory and its entries, and the projects that own other records."""

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
