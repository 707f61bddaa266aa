"""A server between a client and a PDS: it keeps every request, and a test may meddle with any of them on its way."""

from __future__ import annotations

import http.client
import io
import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

_OURS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date"})


class Point(NamedTuple):
    """A boundary: the n-th request of a method, from 0 on."""

    method: str
    number: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers."""

    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = (("Content-Type", "application/json"),)


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks off, after half of a reply if one is given."""

    reply: Reply | None = None


Answer: TypeAlias = Reply | Cut


class Exchange:
    """A request that has come in, its body perhaps still under way."""

    def __init__(self, point: Point, handler: _Handler, server: Server) -> None:
        self.point = point
        self.verb = handler.command
        self.path = handler.path
        self.headers = dict(handler.headers.items())
        self._handler = handler
        self.server = server
        self._body: bytes | None = None

    @property
    def body(self) -> bytes:
        """All of the body, waiting for it."""
        if self._body is None:
            self._body = self._handler.rfile.read(int(self.headers.get("Content-Length", "0")))
        return self._body

    def part_of_body(self, size: int) -> bytes:
        """Its first bytes; what is left is never read."""
        return self._handler.rfile.read(size)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def connection_to(self, place: str) -> http.client.HTTPConnection:
        """A connection to a server, one for all requests that come on this one: each new one costs both sides."""
        return self._handler.connection_to(place)

    def pass_on(self) -> Reply:
        """What the server answers to it."""
        return self.server(self)


Meddle: TypeAlias = Callable[[Exchange], Answer]
Server: TypeAlias = Callable[[Exchange], Reply]


def server_at(url: str) -> Server:
    """The server at a URL."""
    place = urlsplit(url).netloc

    def server(exchange: Exchange) -> Reply:
        headers = {name: value for name, value in exchange.headers.items() if name.lower() not in _OURS}
        body = exchange.body if exchange.verb == "POST" else None
        connection = exchange.connection_to(place)
        connection.request(exchange.verb, exchange.path, body=body, headers=headers)
        response = connection.getresponse()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in _OURS]
        return Reply(response.status, response.read(), kept)

    return server


def untouched(exchange: Exchange) -> Answer:
    """No meddling."""
    return exchange.pass_on()


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came over the wire, and what was answered to it."""

    point: Point
    verb: str
    headers: Mapping[str, str]
    wire: bytes = field(repr=False)
    answer: Answer = field(repr=False)

    @property
    def succeeded(self) -> bool:
        return isinstance(self.answer, Reply) and self.answer.status == 200


class Proxy:
    """Stands on 127.0.0.1 before a server; what one client at a time sends is watched."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.meddle: Meddle = untouched
        self.log: list[Seen] = []
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._port = 0
        self._listening: tuple[_Server, threading.Thread] | None = None
        self.up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def close(self) -> None:
        """Listen no more."""
        self.down()

    @contextmanager
    def watching(self, meddle: Meddle = untouched) -> Generator[list[Seen]]:
        """Meddles with the requests that come meanwhile, and keeps them in the order of their answers."""
        self.meddle, self.log = meddle, []
        self._counts.clear()
        try:
            yield self.log
        finally:
            self.meddle = untouched
            self.up()

    def up(self) -> None:
        """Listen, on the same port as ever."""
        if self._listening is None:
            server = _Server(("127.0.0.1", self._port), _Handler)
            server.proxy = self
            self._port = server.server_address[1]
            thread = threading.Thread(target=server.accept, daemon=True)
            thread.start()
            self._listening = (server, thread)

    def down(self) -> None:
        """Refuse every connection from now on, and cut those that there are at their next request."""
        with self._lock:
            listening, self._listening = self._listening, None
        if listening is not None:
            server, thread = listening
            server.stop()
            thread.join()

    @property
    def is_up(self) -> bool:
        return self._listening is not None

    def next_point(self, path: str) -> Point:
        method = urlsplit(path).path.rpartition(".")[2]
        with self._lock:
            number = self._counts[method]
            self._counts[method] += 1
        return Point(method, number)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    proxy: Proxy

    is_stopping = False

    def accept(self) -> None:
        """Serve until stopped; other than `serve_forever`, which wakes up again and again, take no time until then."""
        while True:
            request, address = self.get_request()
            if self.is_stopping:
                request.close()
                break
            self.process_request(request, address)
        self.server_close()

    def stop(self) -> None:
        self.is_stopping = True
        socket.create_connection(("127.0.0.1", self.server_port)).close()  # wakes the server up

    def server_bind(self) -> None:
        # A short window, so that a client in the middle of a blob is still sending when it is cut off.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        super().server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no news."""


class _Kept(io.RawIOBase):
    """A stream that keeps what is read from it."""

    def __init__(self, inner: io.BufferedIOBase, kept: bytearray) -> None:
        self._inner = inner
        self._kept = kept

    def readable(self) -> bool:
        return True

    def readline(self, size: int | None = -1, /) -> bytes:
        line = self._inner.readline(-1 if size is None else size)
        self._kept += line
        return line

    def read(self, size: int = -1, /) -> bytes:
        content = self._inner.read(size)
        self._kept += content
        return content


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self._wire = bytearray()
        self._inner, self.rfile = self.rfile, _Kept(self.rfile, self._wire)  # type: ignore[assignment]  # read and readline are all that is used
        self._onward: http.client.HTTPConnection | None = None

    def finish(self) -> None:
        if self._onward is not None:
            self._onward.close()
        self._inner.close()
        super().finish()

    def connection_to(self, place: str) -> http.client.HTTPConnection:
        """A connection to a server, which is kept as long as this one."""
        if self._onward is None:
            self._onward = http.client.HTTPConnection(place, timeout=60)
        return self._onward

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        proxy = self.server.proxy
        if not proxy.is_up:
            self._cut()
            return
        log, meddle = proxy.log, proxy.meddle
        exchange = Exchange(proxy.next_point(self.path), self, proxy.server)
        answer = meddle(exchange)
        if isinstance(answer, Reply):
            _ = exchange.body  # a client that is still sending has no eye for an answer
        log.append(Seen(exchange.point, exchange.verb, exchange.headers, bytes(self._wire), answer))
        self._wire.clear()
        match answer:
            case Reply():
                self._send(answer, answer.body)
            case Cut(reply):
                if reply is not None:
                    self._send(reply, reply.body[: len(reply.body) // 2])
                self._cut()

    do_POST = do_GET

    def _send(self, reply: Reply, body: bytes) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.wfile = io.BytesIO()
        self.end_headers()
        head = self.wfile.getvalue()
        self.connection.sendall(head + body)

    def _cut(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
