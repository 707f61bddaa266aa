"""A line to a real server that is cut while an answer is under way."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import ExitStack, suppress
from typing import cast
from urllib.parse import urlsplit


class CutLine:
    """A line to a server; each of the next connections is cut after so many bytes from there."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self.cuts: list[int] = []
        self._target = target.hostname, target.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        with ExitStack() as stack:
            while True:
                try:
                    near, _ = self._listener.accept()
                except OSError:
                    return
                far = socket.create_connection(self._target)
                relay = threading.Thread(target=self._relay, args=(near, far, self.cuts.pop(0) if self.cuts else None))
                relay.start()
                stack.callback(relay.join)

    def _relay(self, near: socket.socket, far: socket.socket, most: int | None) -> None:
        done = 0
        with near, far, selectors.DefaultSelector() as selector, suppress(OSError):
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while most is None or done < most:
                for key, _ in selector.select(10):
                    source, sink = cast("socket.socket", key.fileobj), key.data
                    chunk = source.recv(1 << 16)
                    if not chunk:
                        return
                    sink.sendall(chunk)
                    done += len(chunk) if source is far else 0

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
