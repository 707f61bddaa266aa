"""What is read of a repository: the records that a command is about, and what tells whose they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from atpub.atproto.syntax import Nsid, RecordPath
from atpub.engine.inventory import COLLECTION, survey_inventories
from atpub.generated.com.atproto.lexicon import schema as lexicon_schema
from atpub.repository.model import Record

_DATASETS: Final = "science.alt.dataset."


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Collections that are read whole, and single records of others."""

    collections: frozenset[Nsid] = frozenset()
    paths: frozenset[RecordPath] = frozenset()

    @classmethod
    def around(cls, paths: Iterable[RecordPath]) -> RecordFilter:
        """The records at these paths; those of atpub's own lexicons with all others of their collections.

        What a version or a blob is to be depends on the others. Of other collections an account may have any number.
        """
        paths = frozenset(paths)
        whole = frozenset(path.collection for path in paths if _is_read_whole(path.collection))
        return cls(whole, frozenset(path for path in paths if path.collection not in whole))

    def __contains__(self, path: RecordPath) -> bool:
        """Whether the record there is wanted."""
        return path.collection in self.collections or path in self.paths

    def __le__(self, other: RecordFilter) -> bool:
        """Whether the other holds all of this."""
        return self.collections <= other.collections and all(path in other for path in self.paths)


INVENTORIES: Final = RecordFilter(frozenset((COLLECTION,)))
"""Every inventory record."""


def completed(wanted: RecordFilter, inventories: Iterable[Record]) -> RecordFilter:
    """What is wanted, with every inventory record, and the records that these list as far as they can be read."""
    survey = survey_inventories(inventories)
    lists = [item.owned for item in survey.inventories.values()] + [item.owned for item in survey.damaged]
    owned = (path for listed in lists for path in listed)
    collections = wanted.collections | INVENTORIES.collections
    paths = frozenset(path for path in (*wanted.paths, *owned) if path.collection not in collections)
    return RecordFilter(collections, paths)


def _is_read_whole(collection: Nsid) -> bool:
    return collection.startswith(_DATASETS) or collection == lexicon_schema.NSID
