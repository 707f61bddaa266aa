"""The verdict of generated classes on desired records: most are valid, and the classes say so at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from atpub.atproto import data
from atpub.atproto.data import Json, JsonObject
from atpub.atproto.runtime import Mismatch, RecordBase
from atpub.generated.science.alt.dataset import entry, label, lens, schema
from atpub.manifest.model import DatasetEntry, Entry, LabelEntry, LensEntry, SchemaEntry

_RECORDS: Final[Mapping[type[Entry], type[RecordBase]]] = {
    SchemaEntry: schema.Schema,
    DatasetEntry: entry.Entry,
    LabelEntry: label.Label,
    LensEntry: lens.Lens,
}
"""The generated classes of the kinds of entries whose records hold what they declare, and no more."""

_UNKNOWN: Final = (entry.Entry.WIRE["content_metadata"], schema.Schema.WIRE["schema"])
"""The fields of these records that hold what no lexicon describes."""


def is_surely_valid(item: Entry, value: JsonObject) -> bool:
    """Return whether the generated class of an entry's record loads it, which takes an eighth of the validator's time.

    Blobs of the old form, which a class loads in what no lexicon describes, are left to the validator.
    """
    record = _RECORDS.get(type(item))
    if record is None:
        return False
    try:
        record.load(value)
    except (Mismatch, KeyError):
        return False
    return not any(_holds_old_blob(value[name]) for name in _UNKNOWN if name in value)


def _holds_old_blob(value: Json) -> bool:
    if data.is_legacy_blob(value):
        return True
    parts: Iterable[Json] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_holds_old_blob, parts))
