"""Names for the files that blobs are saved in."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Final

from atpub.importing.model import BlobFile
from atpub.lexicon.data import Blob, JsonObject, blobs_in

_SUFFIXES: Final = {"application/x-tar": ".tar", "application/octet-stream": ".bin", "image/jpeg": ".jpg"}
FOLDER: Final = "data"


def blob_files(section: str, key: str, value: JsonObject) -> tuple[BlobFile, ...]:
    """The blobs of a record, each once, and a file for each: numbered where there are several."""
    blobs = list({blob.cid: blob for blob in blobs_in(value)}.values())
    folder = Path(FOLDER) / section / key
    return tuple(
        BlobFile(blob, folder / (f"{key}-{number:06d}{_suffix(blob)}" if len(blobs) > 1 else f"{key}{_suffix(blob)}"))
        for number, blob in enumerate(blobs)
    )


def _suffix(blob: Blob) -> str:
    essence = blob.mime_type.partition(";")[0].strip()
    return _SUFFIXES.get(essence) or mimetypes.guess_extension(essence) or ".bin"
