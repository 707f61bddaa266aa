"""Reading the records that decide a plan: those that it is about, every inventory, and what inventories list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from atpub.atproto.syntax import Nsid, RecordPath
from atpub.engine.inventory import COLLECTION, survey_inventories
from atpub.generated.com.atproto.lexicon import schema as lexicon_schema
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Live, Record
from atpub.repository.record_table import records_of_collection

INVENTORIES: Final = RecordFilter(frozenset((COLLECTION,)))
"""Every inventory record."""

_DATASETS: Final = "science.alt.dataset."


def read_owned(repository: Repository, wanted: RecordFilter, *, recall: bool = False) -> Live:
    """Read the records that a filter selects, every inventory, and the records that these list, at one head.

    With `recall`, the answer may be what this client has left (see `Repository.read`).

    Raises RepositoryNotFound, Unavailable or RateLimited.
    """
    return repository.read(wanted | INVENTORIES, listed_records, recall=recall)


def records_around(paths: Iterable[RecordPath]) -> RecordFilter:
    """Select the records at these paths, and for atpub's own lexicons all others of their collections.

    What a version or a blob is to be depends on those others. Of other collections an account may have any number.
    """
    paths = frozenset(paths)
    whole = frozenset(path.collection for path in paths if _is_read_whole(path.collection))
    return RecordFilter(whole, frozenset(path for path in paths if path.collection not in whole))


def listed_records(found: Mapping[RecordPath, Record]) -> RecordFilter:
    """Select the records that inventories list; of damaged ones, those that can still be read."""
    survey = survey_inventories(records_of_collection(found, COLLECTION))
    lists = [item.owned for item in survey.inventories.values()] + [item.owned for item in survey.damaged]
    return RecordFilter(paths=frozenset(path for owned in lists for path in owned))


def _is_read_whole(collection: Nsid) -> bool:
    return collection.startswith(_DATASETS) or collection == lexicon_schema.NSID
