"""The sample schemas of manifests → the module of their classes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from atpub.errors import InvalidInput, Usage
from atpub.manifest.load import load_valid_subset
from atpub.manifest.model import SchemaEntry
from atpub_codegen.samples import SampleSchema, generate_samples


def sample_files(manifests: Sequence[Path], *, alone: bool) -> Mapping[PurePosixPath, str]:
    """The files of the classes; raises InvalidInput, and Usage where a manifest has no schemas."""
    return generate_samples([schema for path in manifests for schema in _schemas(path)], alone=alone)


def _schemas(path: Path) -> Iterator[SampleSchema]:
    loaded = load_valid_subset([str(path)], environ=os.environ, environment=None)
    if loaded.problems:
        raise InvalidInput(tuple(loaded.problems))
    entries = [entry for entry in loaded.manifest.entries.values() if isinstance(entry, SchemaEntry)]
    if not entries:
        raise Usage(f"{path} has no sample schemas", hint="name a manifest with `schemas:`")
    for entry in entries:
        description = entry.fields.get("description")
        text = description if isinstance(description, str) else ""
        yield SampleSchema(entry.name, entry.nsid or entry.name, entry.version, text, entry.content)
