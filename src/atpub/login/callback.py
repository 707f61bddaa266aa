"""The end of an OAuth login: the browser's request to this machine, with what the authorization server answers."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

from atpub.atproto.auth.oauth.metadata import REDIRECT_PATH
from atpub.errors import AuthorizationDenied

HOST: Final = "127.0.0.1"
_SILENCE_SECONDS: Final = 10
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "Connection": "close",
}
_PAGE: Final = (
    '<!doctype html><html lang="en"><title>atpub</title><p>atpub has received the answer. Close this page, and go '
    "back to the terminal: it shows whether you are logged in.</p></html>"
)


@dataclass(frozen=True, slots=True)
class CallbackListener:
    """A listener for one request of a browser."""

    redirect: str
    _answers: queue.Queue[str]

    def wait(self, seconds: float) -> str:
        """Return the query of the first request to the path; raises AuthorizationDenied if none comes in time."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            hint = "log in again; on a machine without a browser: atpub login --oauth --no-browser"
            raise AuthorizationDenied(f"the browser has sent no answer for {seconds:.0f} seconds", hint=hint) from None


@contextmanager
def listening() -> Generator[CallbackListener]:
    """Listen on a free port of the loopback until the block ends."""
    answers: queue.Queue[str] = queue.Queue(1)
    with _Server((HOST, 0), _handler(answers)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield CallbackListener(f"http://{HOST}:{server.server_port}{REDIRECT_PATH}", answers)
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def reserving() -> Generator[str]:
    """Yield the URL of a free port that stays closed until the block ends: no other program gets the answer."""
    with socket.socket() as reserved:
        reserved.bind((HOST, 0))
        yield f"http://{HOST}:{reserved.getsockname()[1]}{REDIRECT_PATH}"


def pasted_query(text: str) -> str | None:
    """Return the query of a pasted URL; None for what is no URL, such as the code alone."""
    return urlsplit(text).query if "://" in text else None


class _Server(ThreadingHTTPServer):
    """A server whose idle connections do not outlive it: browsers open some ahead."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a connection that breaks off."""


def _handler(answers: queue.Queue[str]) -> type[BaseHTTPRequestHandler]:
    is_first = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        timeout = _SILENCE_SECONDS
        server_version, sys_version = "atpub", ""

        def do_GET(self) -> None:  # the name that the library calls
            path, _, query = self.path.partition("?")
            own_host = f"{HOST}:{self.connection.getsockname()[1]}"  # a page elsewhere may point its own name here
            if path != REDIRECT_PATH or self.headers.get("Host") != own_host:
                self._answer(404, "")
                return
            if not is_first.acquire(blocking=False):
                self._answer(409, "")
                return
            try:
                self._answer(200, _PAGE)
            finally:  # the page first: the process may end as soon as it has the answer
                answers.put(query)

        def _answer(self, status: int, page: str) -> None:
            body = page.encode()
            self.send_response(status)
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: the request holds the code."""

    return Handler
