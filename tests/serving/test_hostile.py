"""Clients that break the rules of HTTP or take their time: each is answered or dropped, and others are served."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.serving.running import Served, running

from atpub.serving.messages import RequestError, parse_request
from atpub.serving.server import MOST_CONNECTIONS, ServerTimeouts

GET = b"GET /xrpc/_health HTTP/1.1\r\nHost: localhost\r\n"
CLOSE = b"Connection: close\r\n\r\n"
REPOSITORY = b"GET /xrpc/com.atproto.sync.getRepo?did=did:web:local.invalid HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with little patience."""
    timeouts = ServerTimeouts(idle=1.0, request=0.5, chunk=0.5, linger=0.5)
    with running(tmp_path_factory.mktemp("hasty") / "repository", timeouts=timeouts) as found:
        yield found


def connect(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=20)


def receive(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    content = b""
    try:
        while piece := connection.recv(65536):
            content += piece
    except ConnectionResetError:
        pass
    return content


def talk(served: Served, sent: bytes) -> bytes:
    with connect(served) as connection:
        connection.sendall(sent)
        return receive(connection)


def statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def open_files() -> list[str]:
    """The blobs and the temporary files that this process has open; none where the system does not tell."""
    names = [os.fspath(link.readlink()) for link in Path("/proc/self/fd").glob("*") if link.is_symlink()]
    return sorted(name for name in names if "/blobs/" in name or "(deleted)" in name)


def is_well(served: Served) -> bool:
    return served.get("_health").status_code == 200


REFUSED = [
    (b"\r\n\r\n\r\n\r\n", 400),
    (b"nonsense\r\n\r\n", 400),
    (b"GET\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET / HTTP/1.1 \r\nHost: localhost\r\n\r\n", 400),
    (b"GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (b"GET ftp://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + CLOSE, 421),
    (b"GET / HTTP/1.1\r\nHost: evil.example:2583\r\n" + CLOSE, 421),
    (b"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n" + CLOSE, 421),
    (b"GET / HTTP/1.1\r\nHost: a b\r\n" + CLOSE, 421),
    (b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 5_000_000, 431),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100) + b"\r\n\r\n", 400),  # TLS
    (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n" + CLOSE, 404),
    (b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n" + CLOSE, 404),
    (b"GET /xrpc/%zz HTTP/1.1\r\nHost: localhost\r\n" + CLOSE, 400),
    (b"GET /xrpc/com.atproto.sync.getRepo?did=%ff HTTP/1.1\r\nHost: localhost\r\n" + CLOSE, 400),
    (b"GET /xrpc/ HTTP/1.1\r\nHost: localhost\r\n" + CLOSE, 400),
    (b"DELETE / HTTP/1.1\r\nHost: localhost\r\n" + CLOSE, 405),
    (b"POST /xrpc/com.atproto.sync.getRepo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n" + CLOSE + b"{}", 405),
    (
        b"POST /xrpc/com.atproto.repo.putRecord HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n" + CLOSE + b"{}",
        501,
    ),
    (b"POST /xrpc/com.atproto.repo.uploadBlob HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n", 501),
    (b"POST /xrpc/com.atproto.repo.uploadBlob HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
    (b"POST /xrpc/com.atproto.repo.uploadBlob HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n", 501),
]


@pytest.mark.parametrize(("sent", "status"), REFUSED, ids=lambda value: repr(value)[:60])
def test_what_is_malformed_or_not_served_has_a_status_and_json(hasty: Served, sent: bytes, status: int) -> None:
    received = talk(hasty, sent)
    assert statuses(received) == [status]
    said: dict[str, Any] = json.loads(received.partition(b"\r\n\r\n")[2])
    assert set(said) == {"error", "message"}
    assert is_well(hasty)


def test_a_large_upload_is_refused_at_once_and_the_refusal_is_read(hasty: Served) -> None:
    head = b"POST /xrpc/com.atproto.repo.uploadBlob HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000000\r\n\r\n"
    with connect(hasty) as connection:
        connection.sendall(head + bytes(3_000_000))
        assert statuses(receive(connection)) == [501]


def test_a_body_is_discarded_before_the_next_request(hasty: Served) -> None:
    post = b"POST /xrpc/com.atproto.repo.putRecord HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n"
    assert statuses(talk(hasty, post + b"GET / HTTP/1.1\r\n" + GET + CLOSE)) == [501, 200]


def test_http_1_0_closes(hasty: Served) -> None:
    received = talk(hasty, b"GET /xrpc/_health HTTP/1.0\r\n\r\n")
    assert statuses(received) == [200]
    assert b"Connection: close" in received


def test_pipelining_answers_in_order(hasty: Served) -> None:
    paths = [b"/xrpc/_health", b"/nothing", b"/.well-known/atproto-did", b"/xrpc/_health"] * 5
    sent = b"".join(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in paths)
    assert statuses(talk(hasty, sent + GET + CLOSE)) == [200, 404, 200, 200] * 5 + [200]


def test_an_absolute_target_and_options(hasty: Served) -> None:
    assert statuses(talk(hasty, b"GET http://localhost/xrpc/_health HTTP/1.1\r\nHost: localhost\r\n" + CLOSE)) == [200]
    assert statuses(talk(hasty, b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n" + CLOSE)) == [204]


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent", [b"G", GET, GET + b"X: ", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"]
)
def test_a_request_that_stops_is_answered_in_time(hasty: Served, sent: bytes) -> None:
    started = time.monotonic()
    assert statuses(talk(hasty, sent)) == [408]
    assert time.monotonic() - started < 5


@pytest.mark.slow
def test_a_request_byte_by_byte_is_cut_off(hasty: Served) -> None:
    started = time.monotonic()
    with connect(hasty) as connection:
        try:
            for byte in GET + b"X: " + b"x" * 1000:
                connection.sendall(bytes((byte,)))
                time.sleep(0.05)
        except OSError:
            pass
    assert time.monotonic() - started < 10


@pytest.mark.slow
def test_an_idle_connection_is_closed_without_a_word(hasty: Served) -> None:
    assert talk(hasty, b"") == b""


@pytest.mark.slow
def test_a_reader_that_stops_is_dropped_and_holds_nothing_up(hasty: Served) -> None:
    large = hasty.blobs[2]
    ask = f"GET /xrpc/com.atproto.sync.getBlob?did={hasty.did}&cid={large.cid} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(hasty)) for _ in range(12)]  # more than there are threads
        for connection in connections:
            connection.sendall(ask.encode() * 9)
        assert is_well(hasty)
        time.sleep(1.5)
        assert all(len(receive(connection)) < 9 * large.size for connection in connections)


def test_a_client_that_leaves_in_the_middle_does_no_harm(hasty: Served) -> None:
    for number in range(40):
        with connect(hasty) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # resets
            connection.sendall(REPOSITORY + b"\r\n")
            connection.recv(number + 1)
    assert is_well(hasty)


def test_more_connections_than_are_served(hasty: Served) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(hasty)) for _ in range(MOST_CONNECTIONS)]
        time.sleep(0.2)
        assert statuses(talk(hasty, b"")) == [503]
        assert len(connections) == MOST_CONNECTIONS
    for _ in range(50):
        if statuses(talk(hasty, GET + CLOSE)) == [200]:
            return
        time.sleep(0.1)
    pytest.fail("connections that were closed still count")


def test_no_file_stays_open(hasty: Served) -> None:
    before = open_files()
    for method in ("GET", "HEAD"):
        for _ in range(5):
            hasty.blob(hasty.blobs[2], method, Range="bytes=5-")
            hasty.ask(method, "com.atproto.sync.getRepo", {"did": hasty.did})
    for _ in range(20):  # the server closes a file after the client has its last byte
        if open_files() == before:
            return
        time.sleep(0.1)
    pytest.fail("files stay open")


@given(st.binary(max_size=300))
@example(b"GET / HTTP/1.1\r\nHost: localhost")
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_a_request_or_an_error(head: bytes) -> None:
    with suppress(RequestError):
        parse_request(head)


PIECES = [b"GET ", b"/", b" HTTP/1.1", b"\r\n", b"Host: localhost", b"\r\n\r\n", b"\x00", b"%ff", b"\xff", b":", b" "]


@given(st.lists(st.sampled_from(PIECES), max_size=14))
@settings(max_examples=60, deadline=None)
def test_any_pieces_get_an_answer_or_the_end(hasty: Served, pieces: list[bytes]) -> None:
    with connect(hasty) as connection:
        connection.sendall(b"".join(pieces))
        connection.shutdown(socket.SHUT_WR)
        assert set(statuses(receive(connection))) <= {200, 400, 404, 505}
