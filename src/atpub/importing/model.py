"""The request and the result of an import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from atpub.atproto.data import Blob, JsonObject
from atpub.atproto.syntax import AtUri, RecordPath
from atpub.engine.inventory import Owned
from atpub.manifest.model import Address, Manifest
from atpub.problems import Problem
from atpub.repository.model import Live, Record
from atpub.text.document import Document


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """The records to import, and the manifest that the entries extend (perhaps only a project's name).

    `owned` is what the project owns; with `with_files`, blobs are named as files, and their bytes must be saved.
    """

    records: tuple[Record, ...]
    live: Live
    owned: Mapping[RecordPath, Owned]
    manifest: Manifest
    documents: tuple[Document, ...]
    header: JsonObject
    adopt: bool = False
    with_files: bool = False
    beside: bool = False  # whether the entries may name files beside the manifest

    def uri(self, path: RecordPath) -> AtUri:
        """Return the URI of a record."""
        return AtUri.of(self.live.did, path)


@dataclass(frozen=True, slots=True)
class BlobDownload:
    """A blob, and the file for its bytes, relative to the manifest's folder."""

    blob: Blob
    file: Path


@dataclass(frozen=True, slots=True)
class ImportedEntry:
    """An imported entry, and the URI of its record."""

    address: Address
    uri: AtUri


@dataclass(frozen=True, slots=True)
class ImportResult:
    """A manifest in YAML, its entries, the texts of the files that it names, and warnings, as about omissions.

    `announcements` are the pointers that entries with `announce:` stand for.
    """

    text: str
    entries: tuple[ImportedEntry, ...]
    warnings: tuple[Problem, ...]
    files: Mapping[str, str]
    announcements: frozenset[RecordPath] = frozenset()
