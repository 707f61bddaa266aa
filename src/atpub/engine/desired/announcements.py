"""The records that announce a dataset to catalogs of other kinds of data: pointers to its entry, of the same owner.

A pointer has the entry's address and id, so that it follows the entry when that is renamed, left out or deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri, Nsid, RecordPath
from atpub.engine.desired.model import CreatedAt, Desired, record_key
from atpub.generated.cx.vmx import matadisco
from atpub.generated.science.alt.dataset import entry
from atpub.manifest.model import DatasetEntry

_CREATED_AT: Final = entry.Entry.WIRE["created_at"]
_MOST_TAGS: Final = 20
_LONGEST_TAG: Final = 200  # bytes


@dataclass(frozen=True, slots=True)
class ForeignCatalog:
    """A catalog that reads pointers: their collection, the field of their time, and the value without it."""

    collection: Nsid
    time: str
    build: Callable[[AtUri, Json], JsonObject]


def _matadisco(uri: AtUri, tags: Json) -> JsonObject:
    given = tags if isinstance(tags, list) else []
    words = [tag for tag in given if isinstance(tag, str) and 0 < len(tag.encode()) <= _LONGEST_TAG]
    found = matadisco.Matadisco(resource=str(uri), published_at="", tags=words[:_MOST_TAGS] or None).to_json()
    return {name: value for name, value in found.items() if name != matadisco.Matadisco.WIRE["published_at"]}


CATALOGS: Final[Mapping[str, ForeignCatalog]] = {
    "matadisco": ForeignCatalog(Nsid(matadisco.NSID), matadisco.Matadisco.WIRE["published_at"], _matadisco),
}
"""The catalogs by the names that `announce:` takes."""


def announcement_path(name: str, id: str) -> RecordPath:
    """Return the path of the pointer for the dataset of an id."""
    collection = CATALOGS[name].collection
    rkey = record_key("tid", collection, id)
    assert rkey is not None
    return RecordPath(collection, rkey)


def build_announcements(item: DatasetEntry, uri: AtUri) -> Iterator[Desired]:
    """Yield the pointers to a dataset at a URI, for the catalogs that its manifest names."""
    for name in item.announce:
        catalog = CATALOGS[name]
        stated = item.fields.get(_CREATED_AT)
        time: JsonObject = {} if stated is None else {catalog.time: stated}
        yield Desired(
            address=item.common.address,
            id=item.common.id,
            path=announcement_path(name, item.common.id),
            value={**catalog.build(uri, item.fields.get("tags")), **time},
            created_at=CreatedAt(catalog.time) if stated is None else None,
            refers_to=frozenset({uri.path}) if uri.path else frozenset(),
            protect=item.common.protect,
            adopt=item.common.adopt,
        )


def is_announcement(name: str, uri: AtUri, dataset: JsonObject, value: JsonObject) -> bool:
    """Return whether a live record is the pointer that a live dataset's entry gives."""
    catalog = CATALOGS[name]
    return value == {**catalog.build(uri, dataset.get("tags")), catalog.time: dataset.get(_CREATED_AT)}
