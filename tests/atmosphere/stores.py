"""A web server with shards, which states their checksums in the way of one store or another."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from tests.servers import QuietHandler, serving


@dataclass
class Store:
    """What the server holds by path, what it says of it, and the requests that it got."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    states: Callable[[bytes], Mapping[str, str]] = lambda _: {}
    requests: list[str] = field(default_factory=list[str])
    url: str = ""


@contextmanager
def running(store: Store) -> Generator[Store]:
    """Serves the store on a free port."""

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            store.requests.append(f"{self.command} {self.path}")
            content = store.files.get(self.path)
            self.send_response(404 if content is None else 200)
            for name, value in store.states(content or b"").items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if body and content is not None:
                self.wfile.write(content)

    with serving(Handler) as store.url:
        yield store


def in_base64(content: bytes) -> str:
    return b64encode(sha256(content).digest()).decode()


STATES: dict[str, Callable[[bytes], Mapping[str, str]]] = {
    "repr-digest": lambda content: {"Repr-Digest": f"sha-512=:AAAA:, sha-256=:{in_base64(content)}:"},
    "digest": lambda content: {"Digest": f"SHA-256={in_base64(content)}"},
    "amazon": lambda content: {"x-amz-checksum-sha256": in_base64(content)},
    "hugging-face": lambda content: {"X-Linked-ETag": f'"{sha256(content).hexdigest()}"'},
}
MUTE: dict[str, Callable[[bytes], Mapping[str, str]]] = {
    "nothing": lambda _: {},
    "parts": lambda content: {"x-amz-checksum-sha256": f"{in_base64(content)}-3"},
    "md5": lambda _: {"ETag": '"d41d8cd98f00b204e9800998ecf8427e"', "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
    "of-the-answer": lambda content: {"Content-Digest": f"sha-256=:{in_base64(b'')}:"},
}
