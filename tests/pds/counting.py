"""A server before another one that passes every request on, and keeps the names of the methods that were called."""

import http.client
from collections.abc import Generator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit


class Counting:
    """The requests so far; `url` is where to send them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._methods: list[str] = []

    def add(self, path: str) -> None:
        self._methods.append(urlsplit(path).path.rpartition(".")[2])

    def methods(self) -> list[str]:
        """The last part of each method's name, in the order of the requests since the last call."""
        found, self._methods = self._methods, []
        return found


@contextmanager
def counting(target: str) -> Generator[Counting]:
    """A server of this kind before the one at a URL."""
    host = urlsplit(target).netloc

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            counted.add(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            with closing(http.client.HTTPConnection(host, timeout=60)) as connection:
                connection.request(self.command, self.path, body or None, headers)
                reply = connection.getresponse()
                content = reply.read()
            self.send_response(reply.status)
            for name in ("Content-Type", "Content-Encoding", "X-Powered-By"):
                if name in reply.headers:
                    self.send_header(name, reply.headers[name])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        counted = Counting(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield counted
        finally:
            server.shutdown()
            thread.join()
