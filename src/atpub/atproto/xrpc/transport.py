"""HTTP requests and responses, within limits of time and size: over connections of `connections`."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from atpub.atproto.xrpc.body import ENCODINGS, BodyError, decode
from atpub.atproto.xrpc.connections import TOTAL_SECONDS, Patience, Transport, with_patience
from atpub.errors import Usage
from atpub.redact import redact

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0  # without a byte in either direction
MOST_REDIRECTS = 5

_HOST = re.compile(rb"[a-z0-9._-]+|[a-f0-9:.]+")
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a connection, for received bytes, for sent bytes, and for a free connection (None: no limit).

    Those for bytes count anew with every byte; `total` is for all waiting together, where less than `SLOWEST` bytes a
    second come or go.
    """

    connect: float = CONNECT_SECONDS
    read: float = SILENCE_SECONDS
    write: float = SILENCE_SECONDS
    pool: float | None = SILENCE_SECONDS
    total: float = TOTAL_SECONDS

    @classmethod
    def of(cls, seconds: float) -> Self:
        """Return the same limit for each of the five."""
        return cls(seconds, seconds, seconds, seconds, seconds)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that may be sent any number of times: iterating over its content starts anew each time."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    params: Mapping[str, Any] | None = None
    content: bytes | Iterable[bytes] | None = field(default=None, repr=False)
    timeouts: Timeouts = Timeouts()


class TransportError(Exception):
    """A request without a response, or a response that breaks off.

    `reason` explains it in a few words; `sent` tells whether the server may have received the request. `code` is that
    of the error that it means: `too-slow` and `response-too-large` name the limit that was passed; `silent` is an
    answer that did not come in time.
    """

    def __init__(self, reason: str, *, sent: bool, code: str = "unavailable") -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.code = code


class HttpResponse:
    """A response whose body is still to be read; it must be closed."""

    def __init__(
        self, response: httpx.Response, patience: Patience | None = None, history: tuple[HttpResponse, ...] = ()
    ) -> None:
        self._response = response
        self._patience = patience or Patience(TOTAL_SECONDS)
        self._history = history

    @property
    def status(self) -> int:
        """The status code."""
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, their names without regard to case."""
        return self._response.headers

    @property
    def url(self) -> str:
        """The URL that it came from, after redirects."""
        return str(self._response.url)

    @property
    def redirect(self) -> httpx.Request | None:
        """The request that it redirects to."""
        return self._response.next_request

    @property
    def history(self) -> tuple[HttpResponse, ...]:
        """The redirects that led to it, the first one first."""
        return self._history

    def chunks(self) -> Iterator[bytes]:
        """Yield the body, decompressed in pieces, and close the response; raises TransportError where it breaks off."""
        with self, _transport_errors(self._patience):
            stream = self._response.stream
            assert isinstance(stream, httpx.SyncByteStream)
            yield from decode(self._read(iter(stream)), self.headers.get("content-encoding", ""))

    def stored_chunks(self, size: int) -> Iterator[bytes]:
        """Yield the body as it was sent, in chunks of that size; raises TransportError where it breaks off."""
        with self, _transport_errors(self._patience):
            yield from self._read(self._response.iter_raw(size))

    def _read(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        while True:
            with with_patience(self._patience):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    def close(self) -> None:
        """Give up what is left of the body."""
        self._response.close()

    def __enter__(self) -> Self:
        """Return the response itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


@dataclass(frozen=True, slots=True)
class TransportClient:
    """Connections to any number of servers, safe for threads."""

    client: httpx.Client

    def send(self, request: HttpRequest, *, follow_redirects: bool = False) -> HttpResponse:
        """Send a request and return the response, its body still to be read; raises TransportError.

        The body of a redirect is not read.
        """
        patience = Patience(request.timeouts.total)
        with _transport_errors(patience), with_patience(patience):
            built = self.client.build_request(
                request.method,
                request.url,
                headers=request.headers,
                params=request.params,
                content=request.content,
                timeout=_httpx_timeout(request.timeouts),
            )
            try:
                response = self._follow(built, patience) if follow_redirects else self._send_one(built, patience)
            except httpx.RequestError as error:
                host = error.request.url.host
                moved = "" if host == built.url.host else f" at {host}, to which it redirects"
                reason = _reason(error, patience) + moved
                sent = not isinstance(error, _NOT_SENT)
                raise TransportError(reason, sent=sent, code=_code(error, patience)) from error
        patience.begin_body()
        return response

    def _send_one(self, built: httpx.Request, patience: Patience, *history: HttpResponse) -> HttpResponse:
        return HttpResponse(self.client.send(built, stream=True, follow_redirects=False), patience, history)

    def _follow(self, built: httpx.Request, patience: Patience) -> HttpResponse:
        response = self._send_one(built, patience)
        while (following := response.redirect) is not None:
            response.close()
            if len(response.history) == MOST_REDIRECTS:
                raise httpx.TooManyRedirects(f"more than {MOST_REDIRECTS} redirects", request=built)
            patience.begin_head()
            response = self._send_one(following, patience, *response.history, response)
        return response

    def close(self) -> None:
        """Close every connection."""
        self.client.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def new_client() -> TransportClient:
    """Return a client for one program's requests, which obeys HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE."""
    headers = {"User-Agent": "atpub", "Accept-Encoding": ENCODINGS}
    return TransportClient(httpx.Client(transport=Transport(), headers=headers))


def base_url(text: str) -> str:
    """Return the URL of a server without a path; raises Usage."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    beyond = url.userinfo or url.query or url.fragment or url.path.strip("/")
    if url.scheme not in ("http", "https") or not _HOST.fullmatch(url.raw_host) or beyond or (url.port or 0) > 65535:
        raise Usage(f"{text!r} is not the address of a server", hint="such as https://pds.example.com")
    return f"{url.scheme}://{url.netloc.decode()}"


def _httpx_timeout(timeouts: Timeouts) -> httpx.Timeout:
    return httpx.Timeout(connect=timeouts.connect, read=timeouts.read, write=timeouts.write, pool=timeouts.pool)


@contextmanager
def _transport_errors(patience: Patience) -> Generator[None, None, None]:
    try:
        yield
    except httpx.InvalidURL as error:
        raise TransportError(str(error), sent=False) from error
    except BodyError as error:
        raise TransportError(str(error), sent=True) from error
    except httpx.RequestError as error:
        raise TransportError(_reason(error, patience), sent=True, code=_code(error, patience)) from error


def _code(error: httpx.RequestError, patience: Patience) -> str:
    is_silent = isinstance(error, httpx.ReadTimeout) and patience.code == "unavailable"
    return "silent" if is_silent else patience.code


def _reason(error: httpx.RequestError, patience: Patience) -> str:
    """Explain an error in the operating system's words where it has some."""
    if patience.code == "too-slow":
        return patience.exceeded
    if isinstance(error, httpx.WriteTimeout):
        return str(error)  # its cause is a write that would have blocked, which explains nothing
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
            return redact(str(error)) or type(error).__name__
