"""HTTP requests and responses, within limits of time and size. Only this module imports httpx and httpcore.

A server that refuses a request may answer before it has read it all: the reference PDS does so with a blob over its
limit or a token that has expired, and then reads no further. A usual client fills its buffers, waits until its write
timeout, and never sees the reply. Here a blocked write looks for one.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import ssl
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Self
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from atpub.atproto.xrpc.body import ENCODINGS, BodyError, decode
from atpub.atproto.xrpc.exchange import (
    PATIENCE,
    TOTAL_SECONDS,
    EndlessHead,
    HttpRequest,
    Patience,
    Timeouts,
    TransportError,
    is_loopback,
    with_patience,
)
from atpub.errors import Usage
from atpub.redact import redact

MOST_REDIRECTS = 5

_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_READ_SIZE = 65_536
_HOST = re.compile(rb"[a-z0-9._-]+|[a-f0-9:.]+")
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


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
                headers=request.signed_headers,
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
    return TransportClient(httpx.Client(transport=_Transport(), headers=headers))


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
    except UnicodeError as error:  # of a host's name, also in a redirect, which httpx lets out
        raise TransportError(f"a malformed URL: {error}", sent=True) from error
    except BodyError as error:
        raise TransportError(str(error), sent=True) from error
    except httpx.RequestError as error:
        raise TransportError(_reason(error, patience), sent=True, code=_code(error, patience)) from error


def _code(error: httpx.RequestError, patience: Patience) -> str:
    if isinstance(error, httpx.TooManyRedirects):
        return "redirect-loop"
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


class _Transport(httpx.BaseTransport):
    """Sends each request through the proxy that the environment names for its host, else directly."""

    def __init__(self) -> None:
        self._pools: dict[str | None, _Pool] = {}
        self._lock = threading.Lock()
        self._proxies = getproxies()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the server's reply, its body still to be read."""
        proxy = self._proxy_for(request.url)
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = _Pool(proxy)
            pool = self._pools[proxy]
        return pool.handle_request(request)

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.close()

    def _proxy_for(self, url: httpx.URL) -> str | None:
        if is_loopback(url.host) or proxy_bypass(url.host):
            return None
        return self._proxies.get(url.scheme) or self._proxies.get("all")


class _Pool(httpx.HTTPTransport):
    """httpx's own transport over connections that notice early replies."""

    def __init__(self, proxy_url: str | None) -> None:
        # In place of super().__init__, which takes no network backend: all else that it does is to make this pool.
        proxy = httpx.Proxy(proxy_url) if proxy_url else None
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
            proxy=httpcore.Proxy(str(proxy.url), proxy.raw_auth, proxy.headers.raw) if proxy else None,
            max_connections=100,
            keepalive_expiry=5.0,
            network_backend=_Backend(),
        )


@cache
def _tls(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Return the context of the certificates that httpx finds in the environment; reading them takes 25 ms."""
    return httpx.create_ssl_context()


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(super().connect_tcp(host, port, timeout, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    """A connection whose blocked writes end as soon as the server says something."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._socket: socket.socket = inner.get_extra_info("socket")
        self._early = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._early:
            taken, self._early = self._early[:max_bytes], self._early[max_bytes:]
            return taken
        patience = PATIENCE.get()
        if patience is None:
            return self._inner.read(max_bytes, timeout)
        try:
            with patience.waiting(timeout) as seconds:
                taken = self._inner.read(max_bytes, seconds)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        try:
            patience.received(len(taken))
        except EndlessHead as error:
            raise httpcore.RemoteProtocolError(str(error)) from error
        return taken

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send the bytes; `timeout` is how long none of them may get through.

        Raises WriteError on an early reply, as on a connection that the server closes: the HTTP layer then reads on.
        """
        left = memoryview(buffer)
        patience = PATIENCE.get() or Patience(TOTAL_SECONDS)
        with _network_errors():
            self._socket.settimeout(0)
            while left:
                try:
                    size = self._socket.send(left)
                except _WOULD_BLOCK:
                    with patience.waiting(timeout) as seconds:
                        self._wait(seconds)
                else:
                    patience.sent(size)
                    left = left[size:]

    def _wait(self, timeout: float) -> None:
        """Wait until more can be sent; raises WriteError on an early reply."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
            ready = selector.select(timeout)
        if not ready:
            raise TimeoutError(f"the server took no byte in {timeout:.0f} seconds")
        if ready[0][1] & selectors.EVENT_READ and self._has_reply():
            raise httpcore.WriteError("the server replied before it had the whole request")

    def _has_reply(self) -> bool:
        """Return whether the server has sent something, even the end of the connection: TLS has messages of its own."""
        try:
            self._early = self._socket.recv(_READ_SIZE)
        except _WOULD_BLOCK:
            return False
        return True

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        encrypted = self._inner.start_tls(ssl_context, server_hostname, timeout)
        # TLS through a proxy that itself speaks TLS has no socket of its own to look at.
        return encrypted if isinstance(self._socket, ssl.SSLSocket) else _Stream(encrypted)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


@contextmanager
def _network_errors() -> Generator[None, None, None]:
    try:
        yield
    except TimeoutError as error:
        raise httpcore.WriteTimeout(str(error)) from error
    except OSError as error:
        raise httpcore.WriteError(str(error)) from error
