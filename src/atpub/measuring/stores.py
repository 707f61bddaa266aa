"""The interface of a store that holds shards, and its HTTP form."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import sleep
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from atpub.atproto.xrpc.exchange import HttpRequest, Timeouts, TransportError
from atpub.errors import AtpubError
from atpub.measuring.model import ShardFailure, ShardTask
from atpub.measuring.validators import conditions, facts_in
from atpub.pulling.digests import ASKING, stated_digest
from atpub.pulling.download import AS_STORED, CHUNK, PASSING
from atpub.repository.backoff import back_off
from atpub.shards.lock import StoreFacts

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import HttpResponse, TransportClient

TRIES: Final = 4
"""The number of tries without progress before a shard is given up."""
LONGEST_WAIT: Final = 120.0
"""The most seconds that a store may ask to wait."""
_NO_HEAD: Final = frozenset((400, 403, 405, 501))
_PRIVATE: Final = frozenset((401, 403, 407))
_PAGE: Final = re.compile(r"\s*(text/html|application/xhtml\+xml)\b", re.IGNORECASE)
_START: Final = re.compile(r"bytes (\d{1,15})-", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stated:
    """What a store states of an object; `is_same` where it says that nothing has changed since it was known."""

    sha256: str | None
    facts: StoreFacts
    is_same: bool = False


class BrokenOff(Exception):
    """Bytes that stop before the object's end: another try may bring the others."""


class ShardStore(Protocol):
    """A store that can be asked about a shard, and read."""

    def ask(self, task: ShardTask) -> Stated:
        """Return what the store states, without the bytes; raises ShardFailure."""
        ...

    def open(self, task: ShardTask, stated: Stated, start: int) -> Generator[bytes]:
        """Yield the bytes from a position on; raises BrokenOff, and ShardFailure where the object is another one."""
        ...


class HttpStore:
    """A store that offers its objects over HTTP."""

    def __init__(self, client: TransportClient, *, tries: int = TRIES, pause: Callable[[float], None] = sleep) -> None:
        self._client = client
        self._tries = tries
        self._pause = pause

    def ask(self, task: ShardTask) -> Stated:
        """Ask with HEAD, or for the first byte where the server has no HEAD."""
        known = task.known
        headers = {**AS_STORED, **ASKING, **conditions(known)}
        with self._answer(task, "HEAD", headers, also=_NO_HEAD) as reply:
            if reply.status not in _NO_HEAD:
                return self._stated(task, reply)
        with self._answer(task, "GET", {**headers, "Range": "bytes=0-0"}, also=frozenset((416,))) as reply:
            return self._stated(task, reply)

    def open(self, task: ShardTask, stated: Stated, start: int) -> Generator[bytes]:
        """Yield the bytes from a position on; those before it are skipped where the server ignores ranges."""
        headers = dict(AS_STORED)
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": _strong(stated.facts)}
        with self._answer(task, "GET", headers) as reply:
            _check_same(task, stated, reply)
            at = _start_of(task, reply, start)
            try:
                for chunk in reply.stored_chunks(CHUNK):
                    yield chunk[max(start - at, 0) :]
                    at += len(chunk)
            except TransportError as error:
                raise BrokenOff(error.reason) from None

    def _stated(self, task: ShardTask, reply: HttpResponse) -> Stated:
        if reply.status == 304:
            return Stated(None, StoreFacts(), is_same=True)
        _refuse_page(task, reply)
        return Stated(stated_digest(reply), facts_in(reply.headers))

    @contextmanager
    def _answer(
        self, task: ShardTask, method: str, headers: Mapping[str, str], also: frozenset[int] = frozenset()
    ) -> Generator[HttpResponse]:
        """Open an answer of status 200, 206 or 304, or of one of those statuses; raises ShardFailure for others."""
        address = task.address or task.url
        request = HttpRequest(method, address, headers, timeouts=Timeouts.of(task.seconds))
        for failures in range(1, self._tries + 1):
            try:
                reply = self._client.send(request, follow_redirects=True)
            except TransportError as error:
                if failures == self._tries:
                    raise _unavailable(address, error.reason) from None
                back_off(failures, self._pause)
                continue
            except AtpubError as error:
                raise _unavailable(address, str(error)) from None
            with reply:
                if reply.status not in PASSING or failures == self._tries:
                    if reply.status not in (200, 206, 304) and reply.status not in also:
                        raise _refusal(address, reply.status)
                    yield reply
                    return
                wait = retry_after(reply.headers, datetime.now(UTC))
            self._wait(address, failures, wait)

    def _wait(self, address: str, failures: int, wait: float | None) -> None:
        if wait is None:
            back_off(failures, self._pause)
        elif wait > LONGEST_WAIT:
            message = f"{address} asks to wait {wait:,.0f} seconds"
            raise ShardFailure("shard-unavailable", message, "run it again then: it continues")
        else:
            self._pause(wait)


_PUBLIC: Final = "records are public: give a URL that anyone can read without a secret"
_AGAIN: Final = "run it again: it continues with what is missing"


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a Retry-After (RFC 9110, section 10.2.3) asks to wait; None without one."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds())


def _unavailable(address: str, reason: str) -> ShardFailure:
    return ShardFailure("shard-unavailable", f"{address} cannot be read: {reason}", _AGAIN)


def _refusal(address: str, status: int) -> ShardFailure:
    if status in (404, 410):
        return ShardFailure("shard-missing", f"{address} answers {status}", "is it there? check the URL")
    if status in _PRIVATE:
        return ShardFailure("shard-private", f"{address} answers {status}", _PUBLIC)
    return ShardFailure("shard-unavailable", f"{address} answers {status}", _AGAIN)


def _refuse_page(task: ShardTask, reply: HttpResponse) -> None:
    """Raise ShardFailure for a page in place of a shard, such as that of a login."""
    if not _PAGE.match(reply.headers.get("content-type", "")):
        return
    asked, came = urlsplit(task.address or task.url).netloc, urlsplit(reply.url).netloc
    moved = "" if asked == came else f" of {came}"
    message = f"{task.url} is answered with an HTML page{moved}, not a shard"
    raise ShardFailure("html-page", message, f"does it need a login? {_PUBLIC}")


def _check_same(task: ShardTask, stated: Stated, reply: HttpResponse) -> None:
    """Raise ShardFailure unless an answer is of the object that was stated."""
    _refuse_page(task, reply)
    now = facts_in(reply.headers)
    before = stated.facts
    if before.etag and now.etag and before.etag.removeprefix("W/") != now.etag.removeprefix("W/"):
        raise changed(task)
    if before.size is not None and now.size is not None and before.size != now.size:
        message = f"{task.url} states {before.size:,} bytes, and then {now.size:,}"
        raise ShardFailure("shard-changed", message, "is it still being uploaded? run it again when it is complete")


def changed(task: ShardTask) -> ShardFailure:
    """Return the failure of a shard that was replaced while it was measured."""
    return ShardFailure(
        "shard-changed", f"{task.url} changed while it was read", "run it again when nothing writes to it"
    )


def _start_of(task: ShardTask, reply: HttpResponse, start: int) -> int:
    """Return the position of an answer's first byte."""
    if reply.status == 200:
        return 0
    found = _START.match(reply.headers.get("content-range", ""))
    if not start or found is None or int(found[1]) > start:
        raise ShardFailure("shard-unavailable", f"{task.url} answers with other bytes than asked for", _AGAIN)
    return int(found[1])


def _strong(facts: StoreFacts) -> str:
    """Return the validator of an If-Range, which must be strong."""
    etag = facts.etag if facts.etag and not facts.etag.startswith("W/") else None
    return etag or facts.modified or '""'


def can_continue(stated: Stated) -> bool:
    """Return whether bytes of two answers are known to be of one object."""
    return bool(stated.facts.etag or stated.facts.modified)


def all_chunks(store: ShardStore, task: ShardTask, stated: Stated) -> Generator[bytes]:
    """Yield all bytes of a shard, continued where an answer breaks off.

    Raises ShardFailure, and BrokenOff where nothing shows that the other bytes are of the same object.
    """
    done = failures = 0
    size = stated.facts.size
    while True:
        before = done
        try:
            for chunk in store.open(task, stated, done):
                done += len(chunk)
                yield chunk
            if size is None or done == size:
                return
            raise BrokenOff(f"it ends after {done:,} of {size:,} bytes")
        except BrokenOff as error:
            failures = 1 if done - before >= CHUNK else failures + 1
            if failures >= TRIES:
                raise ShardFailure("shard-truncated", f"{task.url} breaks off: {error}", _AGAIN) from None
            if not can_continue(stated):
                raise
        back_off(failures)
