"""A plan carried out on a repository."""

from atpub.applying.run import FIRST, UPLOADS_AT_ONCE, apply_plan
from atpub.applying.steering import Committed, Event, Halted, Uploaded

__all__ = ["FIRST", "UPLOADS_AT_ONCE", "Committed", "Event", "Halted", "Uploaded", "apply_plan"]
