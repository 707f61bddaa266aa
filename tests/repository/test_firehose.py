"""The stream of a server's events: filtered by an account, and opened again from where it was."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import libipld
import pytest
from websockets.sync.server import ServerConnection, serve

from atpub.atproto.repo.events import Connected, Lost, RepoEvent, Tick
from atpub.atproto.syntax import Did
from atpub.errors import Unavailable
from atpub.repository.pds.firehose import Firehose

ALICE, BOB = Did("did:plc:aliceaaaaaaaaaaaaaaaaaaa"), Did("did:plc:bobbbbbbbbbbbbbbbbbbbbbb")


def identity(seq: int, did: Did) -> bytes:
    return libipld.encode_dag_cbor({"op": 1, "t": "#identity"}) + libipld.encode_dag_cbor({"seq": seq, "did": did})


def error(name: str) -> bytes:
    return libipld.encode_dag_cbor({"op": -1}) + libipld.encode_dag_cbor({"error": name})


@contextmanager
def serving(*connections: Callable[[ServerConnection], None]) -> Generator[tuple[str, list[str]]]:
    """Serve one connection after the other; yield the server's URL, and the paths that are asked for."""
    left, paths = [*connections], list[str]()

    def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        paths.append(connection.request.path)
        (left.pop(0) if left else hold)(connection)

    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}", paths
        finally:
            server.shutdown()
            thread.join()


def hold(connection: ServerConnection) -> None:
    for _ in connection:
        pass


def sends(*frames: bytes) -> Callable[[ServerConnection], None]:
    """A connection that sends frames, and ends."""

    def handle(connection: ServerConnection) -> None:
        for frame in frames:
            connection.send(frame)

    return handle


@pytest.mark.slow
def test_it_goes_on_from_the_last_event() -> None:
    events: list[RepoEvent | Connected | Lost] = []
    first, second = sends(identity(5, ALICE), identity(6, BOB)), sends(identity(7, ALICE))
    with serving(first, second, sends(error("FutureCursor"))) as (url, paths):
        for event in Firehose(url, ALICE, lambda: len(paths) == 4):
            events += [] if isinstance(event, Tick) else [event]
    start = "/xrpc/com.atproto.sync.subscribeRepos"
    assert paths == [start, f"{start}?cursor=6", f"{start}?cursor=7", start]
    assert [event for event in events if isinstance(event, RepoEvent)] == [RepoEvent(5, ALICE), RepoEvent(7, ALICE)]
    assert [type(event).__name__ for event in events][:4] == ["Connected", "RepoEvent", "Lost", "Connected"]
    assert "FutureCursor" in [event.reason for event in events if isinstance(event, Lost)][2]


def test_it_stops_when_it_is_asked_to() -> None:
    seen: list[object] = []
    with serving() as (url, _):
        for event in Firehose(url, ALICE, lambda: Tick() in seen):  # noqa: B023 - one list
            seen += [event]
    assert seen == [Connected(), Tick()]


def test_a_server_without_events_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="sends no events"):
        next(iter(Firehose("http://127.0.0.1:1", ALICE, lambda: False)))
