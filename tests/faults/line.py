"""A line between a client and a server, in bytes: it counts what is sent, and breaks off where a test says."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_PIECE = 16_384


class Line:
    """The bytes `sent` so far. Once they are more than `limit`, `at_limit` is called, once; `cut` breaks everything."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self._target = (target.hostname, target.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.sent = 0
        self.is_up = True
        self.limit: float | None = None
        self.at_limit: Callable[[], None] = self.cut
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Break every connection off."""
        with self._lock:
            broken, self._open = self._open, set()
        for end in broken:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def go_down(self) -> None:
        """Break every connection off, and take no other until `is_up`."""
        self.is_up = False
        self.cut()

    def close(self) -> None:
        self._listener.close()
        self.go_down()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self.is_up:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                with self._lock:
                    self._open |= {client, server}
                threading.Thread(target=self._carry, args=(client, server, self._count), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, client, _pass), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, count: Callable[[int], None]) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                count(len(piece))
                sink.sendall(piece)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _count(self, number: int) -> None:
        with self._lock:
            self.sent += number
            is_at_limit = self.limit is not None and self.sent > self.limit
            if is_at_limit:
                self.limit = None
        if is_at_limit:
            self.at_limit()


def _pass(_: int) -> None:
    """Count nothing."""


@contextmanager
def line_to(url: str) -> Generator[Line]:
    """A line to the server at a URL, until the context ends."""
    line = Line(url)
    try:
        yield line
    finally:
        line.close()
