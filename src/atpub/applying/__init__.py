"""A plan carried out on a repository, and an inventory written anew."""

from atpub.applying.inventory import write_inventory
from atpub.applying.run import FIRST, apply_plan
from atpub.applying.steering import Committed, Event, Halted, Uploaded
from atpub.applying.uploads import UPLOADS_AT_ONCE

__all__ = ["FIRST", "UPLOADS_AT_ONCE", "Committed", "Event", "Halted", "Uploaded", "apply_plan", "write_inventory"]
