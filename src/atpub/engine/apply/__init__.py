"""Applying plans, and writing rebuilt inventories."""

from atpub.engine.apply.events import Committed, PartialApplyError
from atpub.engine.apply.run import FIRST, apply_plan
from atpub.engine.apply.write_inventory import write_inventory

__all__ = [
    "FIRST",
    "Committed",
    "PartialApplyError",
    "apply_plan",
    "write_inventory",
]
