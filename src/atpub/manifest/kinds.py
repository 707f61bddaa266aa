"""The table of the kinds of manifest entries, which the other modules share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from atpub.atproto.syntax import Nsid
from atpub.generated.com.atproto.lexicon import schema as lexicon_schema
from atpub.generated.science.alt.dataset import entry, label, lens, schema
from atpub.manifest.model import DatasetEntry, Entry, LabelEntry, LensEntry, LexiconEntry, RecordEntry, SchemaEntry

Form: TypeAlias = Literal["fields", "json_schema", "datasets", "labels", "lenses", "records"]
"""The form of an entry: a schema by its fields or its JSON Schema, other records by their section."""


@dataclass(frozen=True, slots=True)
class EntryKind:
    """A kind of entry.

    `collection` is None where each entry names its own. `forms` are what an import writes for it, the most readable
    first; none where the manifest has no section for it. A `versioned` record stays published when its entry is
    removed.
    """

    section: str
    singular: str
    entry: type[Entry]
    collection: Nsid | None
    forms: tuple[Form, ...] = ()
    versioned: bool = False


RECORDS: Final = EntryKind("records", "record", RecordEntry, None, ("records",))
KINDS: Final = (
    EntryKind("schemas", "schema", SchemaEntry, Nsid(schema.NSID), ("fields", "json_schema"), versioned=True),
    EntryKind("datasets", "dataset", DatasetEntry, Nsid(entry.NSID), ("datasets",)),
    EntryKind("lenses", "lens", LensEntry, Nsid(lens.NSID), ("lenses",)),
    EntryKind("labels", "label", LabelEntry, Nsid(label.NSID), ("labels",), versioned=True),
    RECORDS,
    EntryKind("lexicons", "lexicon", LexiconEntry, Nsid(lexicon_schema.NSID)),
)
"""All kinds; the order is that in which entries are read and written."""

ORDERED_SECTIONS: Final = tuple(kind.section for kind in KINDS if kind.forms)
"""The sections of a manifest that hold entries, in the order in which they are written."""
SECTIONS: Final = frozenset(ORDERED_SECTIONS)
COLLECTIONS: Final = {kind.section: kind.collection for kind in KINDS if kind.collection is not None}
"""The collection of each section with one collection."""

NAMED_BY_KEY: Final = frozenset(("datasets", "lenses", "records"))
"""The sections whose entries have their key as id, unless they state one."""

_BY_COLLECTION: Final[Mapping[str, EntryKind]] = {
    kind.collection: kind for kind in KINDS if kind.collection is not None
}
_BY_ENTRY: Final = {kind.entry: kind for kind in KINDS}
_BY_FORM: Final = {form: kind for kind in KINDS for form in kind.forms}


def kind_of_collection(collection: str) -> EntryKind:
    """Return the kind of the entries whose records are in a collection."""
    return _BY_COLLECTION.get(collection, RECORDS)


def has_own_section(collection: str) -> bool:
    """Return whether a manifest has a section for the records of a collection alone."""
    kind = kind_of_collection(collection)
    return kind is not RECORDS and bool(kind.forms)


def section_of_form(form: Form) -> str:
    """Return the section of an entry in this form."""
    return _BY_FORM[form].section


def collection_of(item: Entry) -> Nsid:
    """Return the collection of an entry's record."""
    if isinstance(item, RecordEntry):
        return item.collection
    found = _BY_ENTRY[type(item)].collection
    assert found is not None, item
    return found
