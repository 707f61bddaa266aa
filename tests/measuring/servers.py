"""A web server with shards that misbehaves as stores do, and counts requests, bytes and what goes on at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import ThreadingHTTPServer
from typing import Any

from tests.servers import QuietHandler, serving

PAGE = b"<!DOCTYPE html><html><title>Log in</title></html>"


@dataclass
class Stored:
    """An object: its bytes, headers, and the faults of the next requests, of one kind of fault each."""

    content: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])
    has_etag: bool = True
    faults: list[str] = field(default_factory=list[str])
    """`status:N[:Retry-After]`, `reset`, `cut:N`, `stall`, `page`, `redirect:URL`, `changed`, `no-head`, `long`,
    `no-range`; empty for none."""
    always: str = ""
    always_after: str = ""
    """The fault of each request after those."""

    @property
    def etag(self) -> str:
        return f'"{sha256(self.content).hexdigest()[:12]}"'


@dataclass
class Server:
    """What the server holds by path, and what it has done."""

    objects: dict[str, Stored] = field(default_factory=dict[str, Stored])
    latency: float = 0.0
    url: str = ""
    requests: Counter[str] = field(default_factory=Counter[str])
    paths: Counter[str] = field(default_factory=Counter[str])
    """The number of complete bodies by path."""
    sent: int = 0
    at_once: int = 0
    most_at_once: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Count anew."""
        self.requests.clear()
        self.paths.clear()
        self.sent = self.most_at_once = 0


class _Http(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextmanager
def running(server: Server) -> Generator[Server]:
    """Serve on a free port."""

    class Handler(_Handler):
        store = server

    with serving(Handler, _Http) as server.url:
        yield server


class _Handler(QuietHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    store: Server

    def do_HEAD(self) -> None:
        self._count()

    def do_GET(self) -> None:
        self._count()

    def _count(self) -> None:
        store = self.store
        with store.lock:
            store.requests[self.command] += 1
            store.at_once += 1
            store.most_at_once = max(store.at_once, store.most_at_once)
        try:
            time.sleep(store.latency)
            self._answer()
        finally:
            with store.lock:
                store.at_once -= 1

    def _answer(self) -> None:
        found = self.store.objects.get(self.path)
        if found is None:
            self._send(404, {}, b"")
            return
        fault = found.always or (found.faults.pop(0) if found.faults else found.always_after)
        kind, _, argument = fault.partition(":")
        match kind:
            case "status":
                status, _, wait = argument.partition(":")
                self._send(int(status), {"Retry-After": wait} if wait else {}, b"")
            case "reset":
                self.close_connection = True
            case "stall":
                time.sleep(float(argument))
                self.close_connection = True
            case "page":
                self._send(200, {"Content-Type": "text/html; charset=utf-8"}, PAGE)
            case "redirect":
                self._send(302, {"Location": argument}, b"")
            case "no-head" if self.command == "HEAD":
                self._send(405, {}, b"")
            case _:
                self._object(found, kind, argument)

    def _object(self, found: Stored, kind: str, argument: str) -> None:
        headers = {**found.headers}
        if found.has_etag:
            headers["ETag"] = found.etag
        if kind == "changed":
            headers["ETag"] = '"another"'
        if found.has_etag and self.headers.get("If-None-Match") == found.etag:
            self._send(304, headers, b"")
            return
        content, status = found.content, 200
        span = self.headers.get("Range", "").removeprefix("bytes=")
        if span and self.headers.get("If-Range", found.etag) == found.etag and kind != "no-range":
            start, _, end = span.partition("-")
            content = content[int(start) : int(end) + 1 if end else None]
            headers["Content-Range"] = f"bytes {start}-{int(start) + len(content) - 1}/{len(found.content)}"
            status = 206
        length = len(content) + (100 if kind == "long" else 0)
        self._send(status, headers, content, length=length, cut=int(argument) if kind == "cut" else None)
        if self.command == "GET" and kind != "cut" and span != "0-0":
            with self.store.lock:
                self.store.paths[self.path] += 1
        if kind in ("cut", "long"):
            self.close_connection = True

    def _send(
        self, status: int, headers: dict[str, str], content: bytes, length: int | None = None, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        if self.command == "GET":
            body = content[:cut]
            self.wfile.write(body)
            with self.store.lock:
                self.store.sent += len(body)
