"""Records of the account that a manifest names by their at:// URIs, and that need not be there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from atpub.atproto.syntax import AtUri, Did, RecordPath
from atpub.manifest.kinds import kind_of_collection
from atpub.manifest.model import DatasetEntry, Entry, LabelEntry, LensEntry, Manifest, SchemaRef
from atpub.problems import Place, Problem

Steps: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class NamedRecord:
    """A record that an entry names by its URI: its path, and the steps to the URI in the manifest."""

    uri: AtUri
    path: RecordPath
    steps: Steps


def find_named_records(manifest: Manifest, did: Did) -> Iterator[NamedRecord]:
    """Yield the records of the repository of `did` that entries name; those of other repositories are not asked for."""
    own = {str(did), (manifest.account or "").removeprefix("@")}
    for item in manifest.entries.values():
        for key, reference in _references(item).items():
            if isinstance(reference, AtUri) and str(reference.authority) in own and reference.path is not None:
                yield NamedRecord(reference, reference.path, (*item.common.address.steps, key))


def missing_records(
    named: Collection[NamedRecord], there: Collection[RecordPath], place: Callable[[Steps], Place]
) -> Iterator[Problem]:
    """Warn of the records that are not there, at their places: readers cannot follow their URIs."""
    for record in named:
        if record.path not in there:
            kind = kind_of_collection(record.path.collection).singular
            hint = "check the URI, or publish the record first: readers follow it"
            yield Problem(
                f"{kind}-not-found",
                f"there is no {kind} at {record.uri}",
                place(record.steps),
                hint,
                severity="warning",
            )


def _references(item: Entry) -> Mapping[str, SchemaRef | None]:
    """Return an entry's references to other records, by their keys."""
    match item:
        case DatasetEntry():
            return {"schema": item.schema, "metadata_schema": item.metadata_schema}
        case LabelEntry():
            return {"dataset": item.dataset}
        case LensEntry():
            return {"source": item.source, "target": item.target}
        case _:
            return {}
