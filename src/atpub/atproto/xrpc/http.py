"""One HTTP exchange as a value: the reply, or the reason why there is none; with retries where they do no harm."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar, assert_never
from urllib.parse import urlsplit

from atpub.atproto.xrpc.exchange import SILENCE_SECONDS, HttpRequest, TransportError
from atpub.atproto.xrpc.transport import HttpResponse, TransportClient

PAUSES = (0.5, 2.0)  # seconds before the second and the third try
LONGEST_REPLY = 64 * 1024 * 1024
NOTICE_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoResponse:
    """The lack of a reply: the reason, whether the server may have received the request, and the error's code."""

    reason: str
    sent: bool
    code: str = "unavailable"


@dataclass(frozen=True, slots=True)
class ResponseTooLarge:
    """A reply with more than `longest` bytes, which was not read to its end."""

    longest: int


Outcome: TypeAlias = Reply | NoResponse | ResponseTooLarge

Retry: TypeAlias = Literal["never", "if-unsent", "if-failed"]
"""When to try again: never; where the request never left, as one that must not be carried out twice; or where there is
no reply or the server itself failed, as one that does no harm when it is carried out twice."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class HttpClient:
    """Access to every server. `sleep` waits for seconds; `clock` gives those since 1970.

    A server that has been silent for `silence` seconds, in one try or several, is not asked again. After `notice`
    seconds the log says which one is waited for.
    """

    client: TransportClient
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    silence: float = SILENCE_SECONDS
    notice: float = NOTICE_SECONDS

    def send(self, request: HttpRequest, *, retry: Retry, longest: int = LONGEST_REPLY) -> Outcome:
        """Send a request, three times at most, and return the outcome of the last try."""
        return self._retry(request, lambda: self._exchange(request, longest), retry)

    def stream(self, request: HttpRequest) -> HttpResponse | Outcome:
        """Send a request with retries, and return a response of status 200 with its body still to be read."""
        return self._retry(request, lambda: self._start(request), "if-failed")

    def close(self) -> None:
        """Close every connection."""
        self.client.close()

    def _retry(self, request: HttpRequest, attempt: Callable[[], _T], retry: Retry) -> _T:
        start = time.monotonic()
        with self._noticed(request):
            outcome = attempt()
            for pause in PAUSES:
                if not _calls_for(retry, outcome) or (_is_silent(outcome) and time.monotonic() - start >= self.silence):
                    break
                self.sleep(pause)
                outcome = attempt()
        return outcome

    @contextmanager
    def _noticed(self, request: HttpRequest) -> Generator[None]:
        """Log the server that is waited for, except during an upload, which may well take longer."""
        timer = threading.Timer(self.notice, _log.info, ("waiting for %s…", urlsplit(request.url).netloc))
        timer.daemon = True
        if request.content is None or isinstance(request.content, bytes):
            timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _exchange(self, request: HttpRequest, longest: int) -> Outcome:
        outcome = self._exchange_once(request, longest)
        if _is_unsigned(request, outcome):  # as it is before the server has given a nonce, and where that is outdated
            outcome = self._exchange_once(request, longest)
            _is_unsigned(request, outcome)
        return outcome

    def _exchange_once(self, request: HttpRequest, longest: int) -> Outcome:
        response = self._open(request)
        return response if isinstance(response, NoResponse) else _read(response, longest)

    def _start(self, request: HttpRequest) -> HttpResponse | Outcome:
        response = self._open(request)
        if isinstance(response, NoResponse) or response.status == 200:
            return response
        return _read(response, LONGEST_REPLY)

    def _open(self, request: HttpRequest) -> HttpResponse | NoResponse:
        # Neither a token nor a password goes anywhere but where it was sent.
        try:
            response = self.client.send(request, follow_redirects=request.redirects and request.is_public)
        except TransportError as error:
            return NoResponse(error.reason, error.sent, error.code)
        if _is_https(request.url) and not _is_https(response.url):
            response.close()
            return response.history[0]  # as if not followed
        return response


def _is_unsigned(request: HttpRequest, outcome: Outcome) -> bool:
    """Let the request's signer learn from a reply; return whether another signature is all that it lacks."""
    if request.signer is None or not isinstance(outcome, Reply):
        return False
    return request.signer.learn(request.url, outcome.status, outcome.headers, outcome.body)


def _is_https(url: str) -> bool:
    return url.lower().startswith("https:")


def _read(response: HttpResponse, longest: int) -> Outcome:
    body = bytearray()
    try:
        for chunk in response.chunks():
            body += chunk
            if len(body) > longest:
                response.close()
                return ResponseTooLarge(longest)
    except TransportError as error:
        return NoResponse(error.reason, sent=True, code=error.code)
    return Reply(response.status, response.headers, bytes(body))


def _calls_for(retry: Retry, outcome: object) -> bool:
    """Return whether an outcome is one to try again after."""
    match retry:
        case "never":
            return False
        case "if-unsent":
            return isinstance(outcome, NoResponse) and not outcome.sent
        case "if-failed":
            return _is_lost(outcome) or _has_failed(outcome)
        case _:
            assert_never(retry)


def _is_lost(outcome: object) -> bool:
    """Return whether there is no reply, for a reason that may be gone at the next try."""
    return isinstance(outcome, NoResponse) and outcome.code in ("unavailable", "silent")


def _is_silent(outcome: object) -> bool:
    return isinstance(outcome, NoResponse) and outcome.code == "silent"


def _has_failed(outcome: object) -> bool:
    """Return whether the server itself has failed, so that the next try may fare better."""
    return isinstance(outcome, Reply) and outcome.status >= 500 and outcome.status != 501
