"""What is imported, and what comes of it: frozen values that can be shown and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from atpub.atproto.data import Blob, JsonObject
from atpub.atproto.syntax import AtUri, Nsid, RecordPath
from atpub.engine.inventory import Owned
from atpub.errors import Problem
from atpub.generated.science.alt.dataset import entry, label, lens, schema
from atpub.manifest.model import Address, Manifest
from atpub.repository.model import Live, Record
from atpub.text.document import Document

Form: TypeAlias = Literal["fields", "json_schema", "datasets", "labels", "lenses", "records"]
"""How an entry says a record: a schema by its fields or its JSON Schema, the others as their section has it."""

FORMS: Final[Mapping[Nsid, tuple[Form, ...]]] = {
    Nsid(schema.NSID): ("fields", "json_schema"),
    Nsid(entry.NSID): ("datasets",),
    Nsid(label.NSID): ("labels",),
    Nsid(lens.NSID): ("lenses",),
}
"""The forms that read best, best first; every record has the form `records` as well."""


def section_of(form: Form) -> str:
    """The section of the manifest that an entry of this form stands in."""
    return "schemas" if form in ("fields", "json_schema") else form


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """Records to import, and into what: the manifest that is there (perhaps with nothing but a project in it).

    `owned` is what the project owns; `with_files` says that blobs are named as files, for which the bytes are saved.
    """

    records: tuple[Record, ...]
    live: Live
    owned: Mapping[RecordPath, Owned]
    manifest: Manifest
    documents: tuple[Document, ...]
    header: JsonObject
    adopt: bool = False
    with_files: bool = False
    beside: bool = False  # whether files may stand beside the manifest

    def uri(self, path: RecordPath) -> AtUri:
        """The URI of a record."""
        return AtUri.of(self.live.did, path)


@dataclass(frozen=True, slots=True)
class BlobDownload:
    """A blob, and the file that its bytes are to be saved in, relative to the manifest's folder."""

    blob: Blob
    file: Path


@dataclass(frozen=True, slots=True)
class ImportedEntry:
    """An entry that was made, and the record that it says."""

    address: Address
    uri: AtUri


@dataclass(frozen=True, slots=True)
class ImportResult:
    """A manifest in YAML, its entries, the texts of the files that it names; what was left out, and what to look at."""

    text: str
    entries: tuple[ImportedEntry, ...]
    warnings: tuple[Problem, ...]
    files: Mapping[str, str]
