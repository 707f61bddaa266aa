"""Which records a reader asks a repository for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from atpub.atproto.syntax import Nsid, RecordPath
from atpub.repository.model import Record


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Whole collections, and single records of others."""

    collections: frozenset[Nsid] = frozenset()
    paths: frozenset[RecordPath] = frozenset()

    def __contains__(self, path: RecordPath) -> bool:
        """Return whether the filter selects the record at a path."""
        return path.collection in self.collections or path in self.paths

    def __le__(self, other: RecordFilter) -> bool:
        """Return whether the other filter selects every record that this one selects."""
        return self.collections <= other.collections and all(path in other for path in self.paths)

    def __or__(self, other: RecordFilter) -> RecordFilter:
        """Return the filter that selects what either of two selects."""
        collections = self.collections | other.collections
        paths = frozenset(path for path in (*self.paths, *other.paths) if path.collection not in collections)
        return RecordFilter(collections, paths)

    def __sub__(self, other: RecordFilter) -> RecordFilter:
        """Return the filter without the collections and paths that another one selects."""
        collections = self.collections - other.collections
        return RecordFilter(collections, frozenset(path for path in self.paths if path not in other))


FollowUp: TypeAlias = Callable[[Mapping[RecordPath, Record]], RecordFilter]
"""Given the records of the collections that a filter selects, returns what else to read at the same head.

It selects for several records what it selects for each of them: after a commit, those that it wrote are enough.
"""


def read_with_follow_up(
    read: Callable[[RecordFilter], Mapping[RecordPath, Record]], wanted: RecordFilter, follow_up: FollowUp | None
) -> tuple[RecordFilter, dict[RecordPath, Record]]:
    """Return a filter extended by its follow-up, and the records that it selects.

    `read` reads what a filter selects, always at the same head. It is called twice at most, and not twice for the same
    record.
    """
    if follow_up is None:
        return wanted, {**read(wanted)}
    first = RecordFilter(wanted.collections)
    found = read(first)
    extended = wanted | follow_up(found)
    return extended, {**found, **read(extended - first)}
