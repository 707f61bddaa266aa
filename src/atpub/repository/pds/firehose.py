"""The events of one repository, as its server sends them over a WebSocket (com.atproto.sync.subscribeRepos)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from atpub.atproto.repo.events import Connected, Lost, RepoEvent, StreamProblem, Tick, read_frame
from atpub.atproto.syntax import Did
from atpub.errors import RepositoryError, Unavailable, Usage

METHOD: Final = "com.atproto.sync.subscribeRepos"
_LARGEST: Final = 6 * 1024 * 1024
"""The most bytes of a frame; the specification allows 5 MB."""
_TICK: Final = 0.25  # seconds
_LONGEST: Final = 30.0  # seconds between two tries


class Firehose:
    """The stream of one server, filtered by an account; it is opened again, from where it was, when it is lost."""

    def __init__(self, server: str, did: Did, stop: Callable[[], bool]) -> None:
        self._server = server
        self._did = did
        self._stop = stop
        self._cursor: int | None = None
        self._failures = 0

    def __iter__(self) -> Iterator[RepoEvent | Connected | Tick | Lost]:
        """Yield events until `stop`; raises Unavailable where the stream cannot be opened the first time."""
        was_open = False
        while not self._stop():
            reason = ""
            try:
                for event in self._connection():
                    was_open = was_open or isinstance(event, Connected)
                    yield event
            except _errors() as error:
                reason = str(error) or type(error).__name__
                if not was_open:
                    raise Unavailable(f"{self._server} sends no events: {reason}") from None
            if not self._stop():
                yield from self._wait(reason)

    def _connection(self) -> Iterator[RepoEvent | Connected | Tick]:
        """Yield the events of one connection, which ends at an error."""
        from websockets.sync.client import connect

        with connect(_url(self._server, self._cursor), max_size=_LARGEST, close_timeout=1) as socket:
            yield Connected()
            while not self._stop():
                try:
                    frame = socket.recv(timeout=_TICK)
                except TimeoutError:
                    yield Tick()
                    continue
                event = read_frame(frame if isinstance(frame, bytes) else frame.encode())
                self._failures = 0
                match event:
                    case StreamProblem(name, is_error=True):
                        self._cursor = None  # it may be what the server does not accept
                        raise RepositoryError(f"the server ends the stream: {name[:80]}")
                    case RepoEvent():
                        self._cursor = event.seq
                        if event.did == self._did:
                            yield event
                    case _:
                        pass

    def _wait(self, reason: str) -> Iterator[Lost | Tick]:
        """Wait for a random time, longer after each failure."""
        self._failures += 1
        pause = min(_LONGEST, 2.0 ** (self._failures - 1)) * random.uniform(0.5, 1)  # noqa: S311 - no secret
        yield Lost(reason, pause)
        until = time.monotonic() + pause
        while time.monotonic() < until and not self._stop():
            time.sleep(_TICK)
            yield Tick()


def _url(server: str, cursor: int | None) -> str:
    parts = urlsplit(server)
    query = "" if cursor is None else urlencode({"cursor": cursor})
    scheme = "ws" if parts.scheme == "http" else "wss"
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/xrpc/{METHOD}", query, ""))


def _errors() -> tuple[type[Exception], ...]:
    """Return what a connection that is lost raises; raises Usage without the library."""
    try:
        from websockets.exceptions import WebSocketException
    except ImportError:
        raise Usage("--watch needs the library websockets", hint="pip install 'atpub[watch]'") from None
    return OSError, WebSocketException, RepositoryError
