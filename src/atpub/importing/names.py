"""Names for entries, and for the files that blobs are saved in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from atpub.atproto.data import JsonObject, blobs_in
from atpub.atproto.mime_types import suffix_of
from atpub.atproto.syntax import Nsid, Tid
from atpub.importing.entry_writers import schema_nsid
from atpub.importing.keys import key_of, slug
from atpub.importing.model import BlobDownload
from atpub.manifest.kinds import Form, has_own_section
from atpub.repository.model import Record

FOLDER: Final = "data"


def blob_files(section: str, key: str, value: JsonObject) -> tuple[BlobDownload, ...]:
    """Return the blobs of a record, each once, with a file for each; several are numbered."""
    blobs = list({blob.cid: blob for blob in blobs_in(value)}.values())
    folder = Path(FOLDER) / section / key
    return tuple(
        BlobDownload(blob, folder / f"{key}{f'-{number:06d}' if len(blobs) > 1 else ''}{suffix_of(blob.mime_type)}")
        for number, blob in enumerate(blobs)
    )


def names_of(record: Record, form: Form) -> list[str]:
    """Return names for the entry of a record, shortest first; the last one is the record's own."""
    value, rkey, kind = record.value, key_of(record.path.rkey), record.path.collection.name
    name, version = slug(str(value.get("name") or "")), str(value.get("version") or "")
    match form:
        case "fields" | "json_schema":
            nsid = schema_nsid(record.path, value)
            short = slug(Nsid(nsid).name)
            return [short, key_of(f"{short}-{version}"), key_of(f"{nsid}-{version}"), key_of(f"{short}-{rkey}")]
        case "labels":
            return [key_of(f"{name}-{version}") if version else name, key_of(f"{name}-{rkey}")]
        case "datasets" | "lenses":
            return [name, key_of(f"{name}-{rkey}"), f"{kind}-{rkey}"]
        case "records":
            if has_own_section(record.path.collection):
                return [name, key_of(f"{name}-{rkey}"), f"{kind}-{rkey}"]
            plain = "" if Tid.accepts(record.path.rkey) else rkey
            return [plain, f"{kind}-{rkey}", key_of(f"{record.path.collection}-{rkey}")]
