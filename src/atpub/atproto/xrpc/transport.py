"""HTTP connections that notice an early reply: a server that refuses a request answers before it has read it all.

The reference PDS does so with a blob over its limit or a token that has expired, and then reads no further. A usual
client fills its buffers, waits until its write timeout, and never sees the reply. Here a blocked write looks for one.
"""

from __future__ import annotations

import re
import selectors
import socket
import ssl
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from atpub.errors import Usage

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0  # without a byte in either direction
MOST_REDIRECTS = 5

_TIMEOUT = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_READ_SIZE = 65_536
_HOST = re.compile(rb"[a-z0-9._-]+|[a-f0-9:.]+")


def new_client() -> httpx.Client:
    """A client for one program's requests, safe for threads; it obeys HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE."""
    headers = {"User-Agent": "atpub"}
    return httpx.Client(transport=_Transport(), timeout=_TIMEOUT, headers=headers, max_redirects=MOST_REDIRECTS)


def base_url(text: str) -> str:
    """The URL of a server without a path; raises Usage."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    beyond = url.userinfo or url.query or url.fragment or url.path.strip("/")
    if url.scheme not in ("http", "https") or not _HOST.fullmatch(url.raw_host) or beyond:
        raise Usage(f"{text!r} is not the address of a server", hint="such as https://pds.example.com")
    return f"{url.scheme}://{url.netloc.decode()}"


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, so that what is sent there cannot be overheard."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class _Transport(httpx.BaseTransport):
    """Sends each request through the proxy that the environment names for its host, else directly."""

    def __init__(self) -> None:
        self._pools: dict[str | None, _Pool] = {}
        self._lock = threading.Lock()
        self._proxies = getproxies()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The server's reply, its body still to be read."""
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
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send the bytes; `timeout` is how long none of them may get through.

        Raises WriteError on an early reply, as on a connection that the server closes: the HTTP layer then reads on.
        """
        left = memoryview(buffer)
        with _network_errors():
            self._socket.settimeout(0)
            while left:
                try:
                    left = left[self._socket.send(left) :]
                except _WOULD_BLOCK:
                    self._wait(timeout)

    def _wait(self, timeout: float | None) -> None:
        """Wait until more can be sent; raises WriteError on an early reply."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
            ready = selector.select(timeout)
        if not ready:
            raise TimeoutError(f"the server took no byte in {timeout:.0f} seconds")
        if ready[0][1] & selectors.EVENT_READ and self._has_reply():
            raise httpcore.WriteError("the server replied before it had the whole request")

    def _has_reply(self) -> bool:
        """Whether the server has sent something, be it the end of the connection: TLS has messages of its own."""
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
