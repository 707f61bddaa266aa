"""Uploads in threads, ahead of the commits that need them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Condition

from atpub.atproto.syntax import Cid
from atpub.engine.apply.concurrency import MOST, Concurrency
from atpub.engine.plan.model import Upload


class UploadQueue:
    """Uploads in the order in which they are needed, as many at once as `Concurrency` says; `send` does one.

    After an error no other upload begins, until that error was raised by `wait`: what failed is then tried again.
    """

    def __init__(self, send: Callable[[Upload], object], clock: Callable[[], float]) -> None:
        self._send = send
        self._clock = clock
        self._concurrency = Concurrency()
        self._waiting: dict[Cid, Upload] = {}
        self._running: dict[Cid, Upload] = {}
        self._error: BaseException | None = None
        self._changed = Condition()
        self._pool = ThreadPoolExecutor(MOST, thread_name_prefix="atpub-upload")

    @property
    def rate(self) -> float | None:
        """Bytes a second of late; None where that is not known."""
        return self._concurrency.rate

    def add(self, uploads: Iterable[Upload], *, first: bool = False) -> None:
        """Add uploads at the end, or before all that wait."""
        with self._changed:
            new = {upload.cid: upload for upload in uploads if upload.cid not in self._running}
            self._concurrency.add(sum(upload.size for upload in new.values()))
            self._waiting = {**new, **self._waiting} if first else {**self._waiting, **new}
            self._start()

    def wait(self, cids: Collection[Cid]) -> None:
        """Wait for these uploads; raises the error that has stopped the queue, once nothing is under way."""

        def are_done() -> bool:
            return not any(cid in self._running or cid in self._waiting for cid in cids)

        with self._changed:
            self._start()
            self._changed.wait_for(lambda: are_done() or (self._error is not None and not self._running))
            if not are_done() and self._error is not None:
                error, self._error = self._error, None
                raise error

    def slow_down(self) -> None:
        """Count the failure of a try."""
        with self._changed:
            self._concurrency.fail()

    def close(self) -> None:
        """Begin no other upload, and wait for those under way."""
        with self._changed:
            self._waiting.clear()
        self._pool.shutdown()

    def _start(self) -> None:
        """Begin as many uploads as may run; the caller holds the lock."""
        while self._waiting and self._error is None:
            cid, upload = next(iter(self._waiting.items()))
            if not self._concurrency.allows([other.size for other in self._running.values()], upload.size):
                return
            if not self._running:
                self._concurrency.resume(self._clock())
            del self._waiting[cid]
            self._running[cid] = upload
            self._pool.submit(self._run, upload)

    def _run(self, upload: Upload) -> None:
        error: BaseException | None = None
        try:
            self._send(upload)
        except BaseException as caught:
            error = caught
        with self._changed:
            del self._running[upload.cid]
            if error is None:
                self._concurrency.complete(upload.size, self._clock())
            else:
                self._concurrency.fail()
                self._error = self._error or error
                self._waiting = {upload.cid: upload, **self._waiting}
            self._start()
            self._changed.notify_all()
