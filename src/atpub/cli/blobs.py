"""The bytes of blobs, saved in files: several at once, each checked by its CID, and whole or not there at all."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Final

from atpub.atproto.syntax import RAW, Cid
from atpub.cli.files import replacing
from atpub.cli.output import tell
from atpub.errors import FileConflict, Unavailable
from atpub.importing.model import BlobDownload
from atpub.report.style import size
from atpub.repository.interface import Repository

AT_ONCE: Final = 4


def save_blobs(repository: Repository, blobs: Sequence[BlobDownload], folder: Path, *, overwrite: bool) -> None:
    """Save each blob in its file; those that are there already are not read again.

    Raises BlobNotFound or Unavailable, and InTheWay where a file would be overwritten.
    """
    missing = [item for item in blobs if not _is_there(item, folder / item.file, overwrite=overwrite)]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="atpub-download") as pool:
        jobs = [pool.submit(_save, repository, item, folder / item.file) for item in missing]
        try:
            for number, (item, job) in enumerate(zip(missing, jobs, strict=True), start=1):
                job.result()
                tell(f"saved {number:>{len(str(len(missing)))}}/{len(missing)}: {item.file} ({size(item.blob.size)})")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _is_there(item: BlobDownload, file: Path, *, overwrite: bool) -> bool:
    if not file.exists():
        return False
    with file.open("rb") as stream:
        digest = sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    if Cid.of_digest(digest.digest(), RAW) == item.blob.cid:
        return True
    if not overwrite:
        raise FileConflict(f"{file} holds something else than the blob", hint="move it away, or give --overwrite")
    return False


def _save(repository: Repository, item: BlobDownload, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    digest = sha256()
    with replacing(file) as new:
        with new.open("wb") as stream:
            for chunk in repository.get_blob(item.blob.cid):
                digest.update(chunk)
                stream.write(chunk)
        if Cid.of_digest(digest.digest(), RAW) != item.blob.cid:
            raise Unavailable(f"the bytes of the blob {item.blob.cid} are not those of its CID")
