"""Applying plans, and writing rebuilt inventories."""

from atpub.engine.apply.events import Committed, Event, PartialApplyError, Uploaded
from atpub.engine.apply.inventory_writes import write_inventory
from atpub.engine.apply.run import FIRST, apply_plan
from atpub.engine.apply.uploads import UPLOADS_AT_ONCE

__all__ = [
    "FIRST",
    "UPLOADS_AT_ONCE",
    "Committed",
    "Event",
    "PartialApplyError",
    "Uploaded",
    "apply_plan",
    "write_inventory",
]
