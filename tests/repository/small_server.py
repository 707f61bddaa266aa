"""An HTTP server on this machine's loopback that says what a test wants: for what the reference PDS never does."""

import json
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Asked:
    """A request: `what` is the method's NSID, else the path; the token is that of its Authorization."""

    what: str
    body: bytes
    token: str | None
    query: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Said: TypeAlias = tuple[int, object]
"""A status and a body, JSON unless it is bytes; status 0 closes the connection without a word."""
Answers: TypeAlias = Mapping[str, Said | Callable[[Asked], Said]]


@dataclass
class SmallServer:
    """What it says of each method, which a test may change, and what it was asked."""

    url: str
    answers: dict[str, Said | Callable[[Asked], Said]]
    asked: list[Asked] = field(default_factory=list[Asked])

    def methods(self) -> list[str]:
        """The last part of each method's name, since the last call."""
        names = [asked.what.rpartition(".")[2] for asked in self.asked]
        self.asked.clear()
        return names

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        said = self.answers.get(asked.what, (501, {"error": "MethodNotImplemented"}))
        return said(asked) if callable(said) else said


@contextmanager
def small_server(answers: Answers | None = None) -> Generator[SmallServer]:
    """A server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, _, query = self.path.partition("?")
            what = path.removeprefix("/xrpc/")
            token = self.headers.get("Authorization")
            status, said = server.answer(Asked(what, body, token.removeprefix("Bearer ") if token else None, query))
            if not status:
                self.close_connection = True
                return
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as listening:
        server = SmallServer(f"http://localhost:{listening.server_address[1]}", dict(answers or {}))
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
