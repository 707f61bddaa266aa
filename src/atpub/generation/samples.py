"""The sample schemas of manifests → the module of their classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from atpub.errors import InvalidInput, Usage
from atpub.manifest.load import load_valid_subset
from atpub.manifest.model import SchemaEntry
from atpub_codegen.samples import SampleSchema, generate_samples


def generate_sample_files(
    manifests: Sequence[Path], environ: Mapping[str, str], *, alone: bool
) -> Mapping[PurePosixPath, str]:
    """Generate the files of the classes; raises InvalidInput, and Usage if a manifest has no schemas.

    `alone` says that the package holds no classes of lexicons.
    """
    schemas = [schema for path in manifests for schema in _read_schemas(path, environ)]
    return generate_samples(schemas, alone=alone)


def _read_schemas(path: Path, environ: Mapping[str, str]) -> Iterator[SampleSchema]:
    loaded = load_valid_subset([str(path)], environ=environ, environment=None)
    if loaded.problems:
        raise InvalidInput(tuple(loaded.problems))
    entries = [entry for entry in loaded.manifest.entries.values() if isinstance(entry, SchemaEntry)]
    if not entries:
        raise Usage(f"{path} has no sample schemas", hint="name a manifest with `schemas:`")
    for entry in entries:
        description = entry.fields.get("description")
        text = description if isinstance(description, str) else ""
        yield SampleSchema(entry.name, entry.nsid or entry.name, entry.version, text, entry.content)
