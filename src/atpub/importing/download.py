"""Downloads of blobs: several at once, each checked against its CID, and each file written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Final

from atpub.atomic_files import replacing
from atpub.atproto.syntax import RAW, Cid
from atpub.errors import FileConflict
from atpub.importing.model import BlobDownload
from atpub.progress import Advanced, Completed, Ended, OnProgress, Started, ignore
from atpub.repository.interface import Repository, bounded_blob

_THREADS: Final = 4


def find_missing(blobs: Sequence[BlobDownload], folder: Path, *, overwrite: bool) -> list[BlobDownload]:
    """Find the blobs that are not in their files yet; raises FileConflict if a file would be overwritten."""
    return [item for item in blobs if not _is_saved(item, folder / item.file, overwrite=overwrite)]


def download_blobs(
    repository: Repository, blobs: Sequence[BlobDownload], folder: Path, on_progress: OnProgress = ignore
) -> Iterator[BlobDownload]:
    """Download each blob to its file, and yield it once it is there; raises what `get_blob` raises."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="atpub-download") as pool:
        on_progress(Started("download", len(blobs), sum(item.blob.size for item in blobs)))
        jobs = [pool.submit(_download, repository, item, folder / item.file, on_progress) for item in blobs]
        try:
            for item, job in zip(blobs, jobs, strict=True):
                job.result()
                yield item
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            on_progress(Ended("download"))


def _is_saved(item: BlobDownload, file: Path, *, overwrite: bool) -> bool:
    if not file.exists():
        return False
    with file.open("rb") as stream:
        digest = sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    if Cid.of_digest(digest.digest(), RAW) == item.blob.cid:
        return True
    if not overwrite:
        raise FileConflict(f"{file} exists and is not the blob", hint="move it away, or give --overwrite")
    return False


def _download(repository: Repository, item: BlobDownload, file: Path, on_progress: OnProgress) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as stream:
        done = 0
        for chunk in bounded_blob(repository, item.blob):
            stream.write(chunk)
            done += len(chunk)
            on_progress(Advanced("download", str(item.file), done, item.blob.size))
    on_progress(Completed("download", str(item.file), done))
