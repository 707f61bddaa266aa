"""One HTTP exchange as a value: the reply, or why there is none. What may be repeated is, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import httpx

from atpub.atproto.xrpc.redact import redacted

PAUSES = (0.5, 2.0)  # seconds before the second and the third try
LONGEST_REPLY = 64 * 1024 * 1024

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoResponse:
    """There is no reply: why, and whether the server may have got the request all the same."""

    reason: str
    sent: bool


@dataclass(frozen=True, slots=True)
class ResponseTooLarge:
    """The reply has more bytes than that, and was not read to its end."""

    longest: int


Outcome: TypeAlias = Reply | NoResponse | ResponseTooLarge
Build: TypeAlias = Callable[[], httpx.Request]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class HttpClient:
    """The way to every server. `sleep` waits for seconds; `clock` gives those since 1970."""

    client: httpx.Client
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    def once(self, build: Build) -> Outcome:
        """The outcome of a request that must not be carried out twice: tried again only where it never left."""
        return self._tried(lambda: self._exchange(build(), LONGEST_REPLY), _never_left)

    def repeatedly(self, build: Build, longest: int = LONGEST_REPLY) -> Outcome:
        """The outcome of a request that does no harm twice: of three tries, the first that is more than a hiccup."""
        return self._tried(lambda: self._exchange(build(), longest), _is_hiccup)

    def briefly(self, request: httpx.Request) -> Outcome:
        """The outcome of a request that nothing depends on: one try."""
        return self._exchange(request, LONGEST_REPLY)

    def stream(self, build: Build) -> httpx.Response | Outcome:
        """The same, with the body of a reply of status 200 left for the caller to read and close."""
        return self._tried(lambda: self._started(build()), _is_hiccup)

    def _tried(self, attempt: Callable[[], _T], again: Callable[[_T], bool]) -> _T:
        outcome = attempt()
        for pause in PAUSES:
            if not again(outcome):
                break
            self.sleep(pause)
            outcome = attempt()
        return outcome

    def _exchange(self, request: httpx.Request, longest: int) -> Outcome:
        response = self._opened(request)
        return response if isinstance(response, NoResponse) else _read(response, longest)

    def _started(self, request: httpx.Request) -> httpx.Response | Outcome:
        response = self._opened(request)
        if isinstance(response, NoResponse) or response.status_code == 200:
            return response
        return _read(response, LONGEST_REPLY)

    def _opened(self, request: httpx.Request) -> httpx.Response | NoResponse:
        # Neither a token nor a password goes anywhere but where it was sent.
        public = request.method == "GET" and "Authorization" not in request.headers
        try:
            response = self.client.send(request, stream=True, follow_redirects=public)
        except httpx.RequestError as error:
            there = error.request.url.host
            moved = "" if there == request.url.host else f" at {there}, to which it redirects"
            return NoResponse(reason(error) + moved, sent=not isinstance(error, _NOT_SENT))
        if request.url.scheme == "https" and response.url.scheme != "https":
            response.close()
            return response.history[0]  # as if not followed
        return response


def reason(error: httpx.RequestError) -> str:
    """What went wrong, in the operating system's words where it has some."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror[0].lower() + cause.strerror[1:]
        cause = cause.__cause__ or cause.__context__
    match error:
        case httpx.ConnectTimeout():
            return "no connection within the time allowed"
        case httpx.ReadTimeout():
            return "no answer within the time allowed"
        case _:
            return redacted(str(error)) or type(error).__name__


def chunks(response: httpx.Response) -> Iterator[bytes]:
    """The body of a response that is still to be read; raises httpx.RequestError where it breaks off."""
    try:
        yield from response.iter_bytes()
    finally:
        response.close()


def _read(response: httpx.Response, longest: int) -> Outcome:
    body = bytearray()
    try:
        for chunk in chunks(response):
            body += chunk
            if len(body) > longest:
                response.close()
                return ResponseTooLarge(longest)
    except httpx.RequestError as error:
        return NoResponse(reason(error), sent=True)
    return Reply(response.status_code, response.headers, bytes(body))


def _never_left(outcome: Outcome) -> bool:
    return isinstance(outcome, NoResponse) and not outcome.sent


def _is_hiccup(outcome: Outcome | httpx.Response) -> bool:
    """Whether the next try may fare better: no reply, or the server's own failure."""
    match outcome:
        case NoResponse():
            return True
        case Reply(status=status):
            return status >= 500 and status != 501
        case _:
            return False
