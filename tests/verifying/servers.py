"""A web server of shards that fails in the way that a test asks for, path by path."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from tests.servers import QuietHandler, serving

Fault = Callable[["Handler", bytes], None]


@dataclass
class FaultyServer:
    """What the server holds by path, what goes wrong there, and the requests that it got."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    faults: dict[str, Fault] = field(default_factory=dict[str, Fault])
    requests: list[tuple[str, str, str | None]] = field(default_factory=list[tuple[str, str, str | None]])
    url: str = ""

    @property
    def sent(self) -> list[str]:
        """The methods and paths that were asked for."""
        return [f"{method} {path}" for method, path, _ in self.requests]


class Handler(QuietHandler):
    """Answers with a file, a part of it, or a fault."""

    protocol_version = "HTTP/1.1"
    store: FaultyServer

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.store.requests.append((self.command, self.path, self.headers.get("Range")))
        content = self.store.files.get(self.path)
        fault = self.store.faults.get(self.path)
        if fault is not None:
            fault(self, content or b"")
        elif content is None:
            self.reply(404, b"")
        else:
            self.send_part(content)

    def send_part(self, content: bytes, **headers: str) -> None:
        found = re.fullmatch(r"bytes=0-(\d+)", self.headers.get("Range", ""))
        if not found:
            self.reply(200, content, **headers)
        elif not content:
            self.reply(416, b"", **headers)
        else:
            part = content[: int(found[1]) + 1]
            self.reply(206, part, **{"Content-Range": f"bytes 0-{len(part) - 1}/{len(content)}"}, **headers)

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def reset(self) -> None:
        self.wfile.flush()
        time.sleep(0.05)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


def status(code: int) -> Fault:
    return lambda handler, _: handler.reply(code, b"")


def page(handler: Handler, _: bytes) -> None:
    handler.reply(200, b"<!doctype html><html>Log in</html>", Content_Type="text/html; charset=utf-8")


def redirect(to: str) -> Fault:
    return lambda handler, _: handler.reply(302, b"", Location=to)


def states(digest_of: bytes) -> Fault:
    """State the digest of these bytes, whatever is sent."""
    digest = b64encode(sha256(digest_of).digest()).decode()
    return lambda handler, content: handler.send_part(content, **{"Repr-Digest": f"sha-256=:{digest}:"})


def without_head(handler: Handler, content: bytes) -> None:
    if handler.command == "HEAD":
        handler.reply(405, b"")
    else:
        handler.send_part(content)


def break_off(handler: Handler, content: bytes) -> None:
    """Send half of what was promised."""
    if handler.command == "HEAD":
        handler.send_part(content)
        return
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.reset()


def chunked(handler: Handler, content: bytes) -> None:
    """Send everything without saying how much it is."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))


def endless(handler: Handler, _: bytes) -> None:
    """Send without an end, and without saying how much."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    try:
        while handler.command == "GET":
            handler.wfile.write(bytes(1 << 16))
    except OSError:
        pass


def stall(event: threading.Event) -> Fault:
    """Answer nothing until an event."""
    return lambda handler, _: handler.reset() if event.wait(30) else None


@contextmanager
def running(server: FaultyServer) -> Generator[FaultyServer]:
    """Serves on a free port."""
    kind = type("_Handler", (Handler,), {"store": server})
    with serving(kind) as server.url:
        yield server
