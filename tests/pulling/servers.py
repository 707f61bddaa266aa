"""A web server of shards that ignores ranges, breaks off, or states wrong lengths, as a test asks."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.servers import QuietHandler, serving


@dataclass
class ShardServer:
    """What the server holds by path, how it behaves, and the ranges that it was asked for, by path."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    has_ranges: bool = True
    breaks: list[int] = field(default_factory=list[int])
    """After how many bytes each of the next answers is reset."""
    states: list[int] = field(default_factory=list[int])
    """The status of each of the next answers, in place of one with a body."""
    length: int | None = None
    """The Content-Length, whatever is sent; 0 for none at all."""
    content_range: str | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])
    gate: threading.Event | None = None
    """What each answer waits for after its first half."""
    url: str = ""


@contextmanager
def running(server: ShardServer) -> Generator[ShardServer]:
    """Serves on a free port."""

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionError):  # a client may have enough
                super().handle()

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            server.requests.append((self.path, wanted))
            content = server.files.get(self.path)
            if server.states or content is None:
                self.send_response(server.states.pop(0) if content is not None else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._answer(content, wanted if server.has_ranges else None)

        def _answer(self, content: bytes, wanted: str | None) -> None:
            found = re.fullmatch(r"bytes=(\d+)-", wanted or "")
            start = int(found[1]) if found else 0
            if start and start >= len(content):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if found else 200)
            if found:
                default = f"bytes {start}-{len(content) - 1}/{len(content)}"
                self.send_header("Content-Range", server.content_range or default)
            self._send(content[start:])

        def _send(self, body: bytes) -> None:
            stated = len(body) if server.length is None else server.length or None
            if stated is not None:
                self.send_header("Content-Length", str(stated))
            else:
                self.send_header("Connection", "close")
            self.end_headers()
            if server.breaks:
                self.wfile.write(body[: server.breaks.pop(0)])
                self.wfile.flush()
                self._reset()
            elif server.gate is not None:
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                server.gate.wait(20)
                self._reset()
            else:
                self.wfile.write(body)
                self.close_connection = server.length is not None

        def _reset(self) -> None:
            time.sleep(0.1)  # what was sent arrives, then the reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

    with serving(Handler) as server.url:
        yield server
