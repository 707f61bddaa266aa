"""What NeurIPS requires of a dataset's Croissant file, and a manifest lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from atpub.atproto.data import Json
from atpub.generated.dev.atpub import rai
from atpub.manifest.members import sample_format
from atpub.manifest.model import Address, DatasetEntry, Manifest, SchemaEntry
from atpub.manifest.schema import RAI
from atpub.problems import Problem

_FIELDS: Final[Mapping[str, str]] = {
    "description": "say what the data is",
    "license": "give an SPDX identifier, such as CC-BY-4.0, or a URL",
}
_RAI: Final[Mapping[tuple[str, ...], str]] = {
    ("limitations",): "say where the data must not be relied on",
    ("biases",): "say whom or what the data leaves out",
    ("personalSensitiveInformation",): "say what it contains of it, or that it contains none",
    ("useCases",): "say what the data is meant for",
    ("socialImpact",): "say which effects on society it may have",
    ("hasSyntheticData",): "write true or false",
    ("provenance", "derivedFrom"): "list the URLs of the sources, such as a website or another dataset",
    ("provenance", "generatedBy"): "say how the data was collected and processed, and by whom",
}


def check_croissant(manifest: Manifest, entry: DatasetEntry) -> Iterator[Problem]:
    """Yield an error for each required field that a dataset lacks, and a warning if its samples have no records."""
    address = entry.common.address
    place = manifest.key_place(address.steps)
    for name, hint in _FIELDS.items():
        if not entry.fields.get(name):
            yield Problem("croissant-missing", f"{address}: {name} is missing", place, f"{hint}: `{name}: …`")
    stated = (entry.metadata or {}).get(rai.NSID)
    for steps, hint in _RAI.items():
        if (inner := _innermost(stated, steps)) is not None:
            nearest = manifest.key_place((*address.steps, RAI, *inner)) if stated is not None else place
            name = ".".join((RAI, *steps))
            yield Problem("croissant-missing", f"{address}: {name} is missing", nearest, f"{hint}: `{steps[-1]}: …`")
    schema = manifest.entries.get(entry.schema) if isinstance(entry.schema, Address) else None
    if isinstance(schema, SchemaEntry) and sample_format(schema.content) == "msgpack":
        message = f"{address}: Croissant cannot describe samples of msgpack: its file lists the shards, but no records"
        hint = "pack the samples as members: atpub pack --format members, and describe them with `members:`"
        yield Problem("croissant-no-records", message, place, hint, "warning")


def _innermost(stated: Json, steps: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the steps of the last object on the way to a field that is missing; None where it is there."""
    for number, step in enumerate(steps):
        if not isinstance(stated, dict) or step not in stated:
            return steps[:number]
        stated = stated[step]
    return None
