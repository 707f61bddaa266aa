"""The JSON Schema of a manifest (draft 2020-12), which editors and the loader check it with, and the names in it.

It stands in a file: to build it from the lexicons takes longer than to load a small manifest.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.generated.science.alt.dataset import entry, label, lens, schema
from atpub.manifest.schema_parts import END

SCHEMA_FILE: Final = Path(__file__).with_name("schema.json")
"""What `atpub.manifest.schema_builder` builds; `make reference` writes it."""

KEY = rf"^[A-Za-z0-9][A-Za-z0-9._:~+@-]{{0,255}}{END}"
PROJECT = rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}{END}"
VERSION = (
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?" + END
)


@cache
def manifest_schema() -> JsonObject:
    """Return the JSON Schema of a manifest."""
    found: JsonObject = json.loads(SCHEMA_FILE.read_text("utf-8"))
    return found


def own_fields(record: type[entry.Entry | label.Label | lens.Lens | schema.Schema], *computed: str) -> frozenset[str]:
    """List the wire names of a record's fields, without the attributes that atpub fills in."""
    return frozenset(wire for attribute, wire in record.WIRE.items() if attribute not in computed)


SCHEMA_FIELDS = own_fields(schema.Schema, "name", "version", "schema_type", "schema")
DATASET_FIELDS = own_fields(
    entry.Entry, "schema_ref", "storage", "metadata", "content_metadata", "metadata_schema_ref", "size"
)
CONTENT_METADATA = entry.Entry.WIRE["content_metadata"]
METADATA_SCHEMA = entry.Entry.WIRE["metadata_schema_ref"]
SIZE = "size"
PARTS = "parts"
RAI = "rai"
MIRRORS = "mirrors"
ANNOUNCE = "announce"
CATALOG_NAMES = ("matadisco",)
LABEL_FIELDS = own_fields(label.Label, "dataset_uri")
LENS_FIELDS = own_fields(lens.Lens, "source_schema", "target_schema", "getter_code", "putter_code")
