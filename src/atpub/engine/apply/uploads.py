"""Uploads of a plan's blobs: those that the repository lacks, and its descriptions of those that it has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from atpub.atproto.data import Blob
from atpub.atproto.syntax import Cid
from atpub.engine.apply.events import ApplyHooks, Uploaded
from atpub.engine.plan.model import Plan, Upload
from atpub.errors import RepositoryError, RequestTooLarge
from atpub.repository.interface import BlobSource, Repository

UPLOADS_AT_ONCE: Final = 4
SMALL_AT_ONCE: Final = 12
"""Of small blobs, whose uploads mostly wait for the way to the server and back."""
SMALL: Final = 1_000_000


class Uploads:
    """Uploads of the blobs of a plan; `sources` has their bytes by CID."""

    def __init__(
        self, plan: Plan, repository: Repository, sources: Mapping[str, BlobSource], hooks: ApplyHooks
    ) -> None:
        self._plan = plan
        self._repository = repository
        self._sources = sources
        self._hooks = hooks
        self._lacking = {upload.cid: upload for upload in plan.uploads}
        self._described: dict[Cid, Blob] = {}

    def describe(self, cid: Cid) -> Blob | None:
        """Return a blob as the repository describes it; None where it is not there."""
        return self._described.get(cid)

    def found(self, blobs: Iterable[Blob], lost: Collection[Cid] = ()) -> None:
        """Note blobs that live records refer to; those of `lost` bytes are lacking still."""
        for blob in blobs:
            self._described[blob.cid] = blob
            if blob.cid not in lost:
                self._lacking.pop(blob.cid, None)

    def check(self) -> None:
        """Raise RepositoryError where bytes are wanted and not here, or are more than the repository takes."""
        absent = [str(upload.file) for upload in self._lacking.values() if upload.cid not in self._sources]
        if absent:
            raise RepositoryError(
                f"the bytes of {', '.join(absent)} are needed and not here", hint="run it where the files are"
            )
        limit = self._repository.blob_limit() if self._lacking else None
        for upload in self._lacking.values():
            if limit is not None and upload.size > limit:
                message = f"{upload.file} has {upload.size:,} bytes; {self._plan.account} takes blobs of {limit:,}"
                raise RequestTooLarge(message, hint="make smaller shards")

    def repair(self) -> None:
        """Upload the lost blobs of live records."""
        self._bring([upload for upload in self._lacking.values() if upload.repair])

    def bring(self, held: Iterable[Blob]) -> bool:
        """Upload those of these blobs that the repository still lacks; return whether there were any."""
        cids = dict.fromkeys(blob.cid for blob in held if blob.cid in self._lacking) if self._lacking else {}
        self._bring([self._lacking[cid] for cid in cids])
        return bool(cids)

    def bring_again(self, held: Iterable[Blob], attempt: int) -> bool:
        """Upload these blobs again, one of which is lost, not known which; return False where none can be uploaded.

        The first guess is that one of the plan's own uploads has expired before a record held it. The next is that the
        record is gone that held one which the plan did not have to bring: then all are brought whose bytes are here.
        """
        held = {blob.cid: blob for blob in held}.values()
        planned = {upload.cid: upload for upload in self._plan.uploads}
        again = [planned[blob.cid] for blob in held if blob.cid in planned]
        if attempt or not again:
            here = [blob for blob in held if blob.cid in self._sources]
            again = [planned.get(blob.cid) or _upload_of(blob) for blob in here]
        self._bring(again)
        return bool(again)

    def _bring(self, uploads: Collection[Upload]) -> None:
        small = [upload for upload in uploads if upload.size <= SMALL]
        self._bring_at_once(SMALL_AT_ONCE, small)
        self._bring_at_once(UPLOADS_AT_ONCE, [upload for upload in uploads if upload.size > SMALL])

    def _bring_at_once(self, at_once: int, uploads: Collection[Upload]) -> None:
        if not uploads:
            return
        with ThreadPoolExecutor(at_once, thread_name_prefix="atpub-upload") as pool:
            jobs = [pool.submit(self._upload, upload) for upload in uploads]
            try:
                for job in jobs:
                    upload, blob = job.result()
                    self.found((blob,))
                    self._hooks.on_event(Uploaded(upload))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _upload(self, upload: Upload) -> tuple[Upload, Blob]:
        self._hooks.check()
        try:
            blob = self._repository.upload_blob(self._sources[upload.cid], upload.mime_type)
        except OSError as error:  # of a caller's stream
            hint = "check it, then run it again"
            raise RepositoryError(f"{upload.file} cannot be read: {error.strerror or error}", hint=hint) from error
        if (blob.cid, blob.size) != (upload.cid, upload.size):
            hint = "did the file change? run it again"
            raise RepositoryError(f"{upload.file} arrived as another blob than planned ({blob.cid})", hint=hint)
        return upload, blob


def _upload_of(blob: Blob) -> Upload:
    return Upload(blob.cid, blob.size, blob.mime_type, Path(blob.cid))
