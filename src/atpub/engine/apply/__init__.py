"""Applying plans, and writing rebuilt inventories."""

from atpub.engine.apply.events import Committed, Event, PartialApplyError, Uploaded
from atpub.engine.apply.run import FIRST, apply_plan
from atpub.engine.apply.uploads import SMALL_AT_ONCE, UPLOADS_AT_ONCE
from atpub.engine.apply.write_inventory import write_inventory

__all__ = [
    "FIRST",
    "SMALL_AT_ONCE",
    "UPLOADS_AT_ONCE",
    "Committed",
    "Event",
    "PartialApplyError",
    "Uploaded",
    "apply_plan",
    "write_inventory",
]
