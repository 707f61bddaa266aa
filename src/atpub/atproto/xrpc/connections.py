"""Connections that notice an early reply, and do not wait for ever. Only this module and `transport` import httpx.

A server that refuses a request may answer before it has read it all: the reference PDS does so with a blob over its
limit or a token that has expired, and then reads no further. A usual client fills its buffers, waits until its write
timeout, and never sees the reply. Here a blocked write looks for one.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from time import monotonic
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

TOTAL_SECONDS: Final = 120.0
"""Seconds of waiting in one exchange, however few bytes come meanwhile."""
SLOWEST: Final = 10_000
"""Bytes a second: so many make up for a second of waiting."""
LONGEST_HEAD: Final = 256 * 1024
"""Bytes before the body, interim responses included."""

_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_READ_SIZE = 65_536


class Patience:
    """The seconds that are left to wait in one exchange, and the bytes that its head may still have (None: it is read).

    Only waiting counts, not what the caller does between two reads. `code` tells which limit was passed.
    """

    def __init__(self, seconds: float) -> None:
        self.code = "unavailable"
        self._total = self._left = seconds
        self._head: int | None = LONGEST_HEAD

    def begin_head(self) -> None:
        """Note that another response is to come."""
        self._head = LONGEST_HEAD

    def begin_body(self) -> None:
        """Note that the head was read: from now on, bytes are content."""
        self._head = None

    @contextmanager
    def waiting(self, timeout: float | None) -> Generator[float]:
        """Yield how long to wait; the time that passes meanwhile counts."""
        if self._left <= 0:
            self.code = "too-slow"
            raise TimeoutError
        start = monotonic()
        try:
            yield min(timeout or self._left, self._left)
        finally:
            self._left -= monotonic() - start
            if self._left <= 0:
                self.code = "too-slow"

    def received(self, size: int) -> None:
        """Count bytes that came; raises RemoteProtocolError where the head has no end."""
        if self._head is None:
            self.sent(size)
            return
        self._head -= size
        if self._head < 0:
            self.code = "response-too-large"
            raise httpcore.RemoteProtocolError(f"the head of its answer has more than {LONGEST_HEAD:,} bytes")

    def sent(self, size: int) -> None:
        """Count bytes that make up for time."""
        self._left = min(self._total, self._left + size / SLOWEST)
        self.code = "unavailable"

    @property
    def exceeded(self) -> str:
        """What to say where the time is up."""
        return f"less than {SLOWEST:,} bytes a second for {self._total:.0f} seconds"


_PATIENCE: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def with_patience(patience: Patience) -> Generator[None]:
    token = _PATIENCE.set(patience)
    try:
        yield
    finally:
        _PATIENCE.reset(token)


def is_loopback(host: str) -> bool:
    """Return whether the host is this machine, so that what is sent there cannot be overheard."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Transport(httpx.BaseTransport):
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
            ssl_context=httpx.create_ssl_context(),
            proxy=httpcore.Proxy(str(proxy.url), proxy.raw_auth, proxy.headers.raw) if proxy else None,
            max_connections=100,
            keepalive_expiry=5.0,
            network_backend=_Backend(),
        )


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
        patience = _PATIENCE.get()
        if patience is None:
            return self._inner.read(max_bytes, timeout)
        try:
            with patience.waiting(timeout) as seconds:
                taken = self._inner.read(max_bytes, seconds)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        patience.received(len(taken))
        return taken

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send the bytes; `timeout` is how long none of them may get through.

        Raises WriteError on an early reply, as on a connection that the server closes: the HTTP layer then reads on.
        """
        left = memoryview(buffer)
        patience = _PATIENCE.get() or Patience(TOTAL_SECONDS)
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
