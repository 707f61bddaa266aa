"""The live records as a project sees them: those that it owns, and those that other projects own."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from atpub.atproto.syntax import AtUri, RecordPath
from atpub.engine.inventory import COLLECTION, Inventory, Owned, read_inventories
from atpub.repository.model import Live, Record
from atpub.repository.record_table import records_of_collection


@dataclass(frozen=True, slots=True)
class OwnershipView:
    """The live records, the project's inventory and its entries, and the projects that own other records.

    Of a view `about` some records, `owned` and `foreign` hold no others.
    """

    live: Live
    inventory: Inventory
    owned: Mapping[RecordPath, Owned]
    foreign: Mapping[RecordPath, str]

    @classmethod
    def of(cls, live: Live, project: str, about: Set[RecordPath] | None = None) -> OwnershipView:
        """Read the inventories in the live records; raises InvalidRecord where one is damaged."""
        inventories = read_inventories(records_of_collection(live.records, COLLECTION))
        inventory = inventories.get(project) or Inventory(project)
        others = [(name, other) for name, other in inventories.items() if name != project]
        if about is None:
            return cls(live, inventory, inventory.owned, {path: name for name, other in others for path in other.owned})
        foreign = {path: name for name, other in others for path in other.among(about)}
        return cls(live, inventory, inventory.among(about), foreign)

    def record(self, path: RecordPath) -> Record | None:
        """Return the live record."""
        return self.live.records.get(path)

    def uri(self, path: RecordPath) -> AtUri:
        """Return the URI of a record of this repository."""
        return AtUri.of(self.live.did, path)
