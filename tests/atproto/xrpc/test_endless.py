"""Servers whose answers do not end, or grow: each ends at a limit that the error names."""

import gzip
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from itertools import repeat
from time import monotonic, sleep

import pytest

from atpub.atproto.runtime import Nothing
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.exchange import HttpRequest, Timeouts
from atpub.atproto.xrpc.http import HttpClient, NoResponse, Outcome, Reply, ResponseTooLarge
from atpub.atproto.xrpc.transport import new_client
from atpub.errors import SlowResponse
from atpub.generated.com.atproto.server.describe_server import METHOD

pytestmark = pytest.mark.slow

OK = b"HTTP/1.1 200 OK\r\n"
MEGABYTE = 1024 * 1024

Pieces = Callable[[], Iterator[bytes]]


@contextmanager
def saying(pieces: Pieces) -> Generator[str]:
    """The URL of a server that sends the pieces to each client, until it hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer_all, args=(listener, pieces), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def answer_all(listener: socket.socket, pieces: Pieces) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                for piece in pieces():
                    connection.sendall(piece)


def outcome(
    pieces: Pieces, longest: int = MEGABYTE, seconds: float = 5.0, pauses: list[float] | None = None
) -> Outcome:
    """What becomes of a request to the server; pauses before it is asked again are noted, and take no time."""
    noted: list[float] = [] if pauses is None else pauses
    with saying(pieces) as url, new_client() as client:
        timeouts = Timeouts(total=seconds)
        http = HttpClient(client, noted.append)
        return http.send(HttpRequest("GET", url, timeouts=timeouts), retry="if-failed", longest=longest)


def whole(body: bytes, encoding: str) -> Pieces:
    head = OK + f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return lambda: iter((head + body,))


def test_a_small_body_that_grows_is_not_decompressed_to_its_end() -> None:
    server = whole(gzip.compress(bytes(128 * MEGABYTE)), "gzip")
    tracemalloc.start()
    try:
        found = outcome(server)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == ResponseTooLarge(MEGABYTE)
    assert peak < 8 * MEGABYTE


@pytest.mark.parametrize("encoding", ["gzip, gzip", "deflate, gzip", "br", "zstd"])
def test_only_one_known_coding_is_read(encoding: str) -> None:
    found = outcome(whole(gzip.compress(gzip.compress(b"{}")), encoding))
    assert isinstance(found, NoResponse)
    assert encoding in found.reason


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"text" * 99, mtime=0), "gzip"),
        (gzip.compress(b"text" * 99, mtime=0), "X-GZIP"),
        (zlib.compress(b"text" * 99), "deflate"),
        (zlib.compress(b"text" * 99, wbits=-15), "deflate"),
        (b"text" * 99, "identity"),
        (b"text" * 99, ""),
    ],
    ids=["gzip", "gzip by its old name", "deflate", "raw deflate", "identity", "none"],
)
def test_what_is_encoded_once_is_read(body: bytes, encoding: str) -> None:
    found = outcome(whole(body, encoding))
    assert isinstance(found, Reply)
    assert found.body == b"text" * 99


@pytest.mark.parametrize("body", [gzip.compress(bytes(9999))[:-9], b"no gzip at all"], ids=["cut off", "another"])
def test_a_damaged_encoding_is_an_error(body: bytes) -> None:
    assert isinstance(outcome(whole(body, "gzip")), NoResponse)


def drip(head: bytes, piece: bytes) -> Iterator[bytes]:
    yield head
    for again in repeat(piece):
        sleep(0.05)
        yield again


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        pytest.param(OK + b"Content-Length: 999999\r\n\r\n", b"x", id="body"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x", id="chunk extension"),
        pytest.param(OK + b"X-Slow: ", b"x", id="head"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", id="interim responses"),
    ],
)
def test_a_server_that_drips_is_given_up(head: bytes, piece: bytes) -> None:
    start = monotonic()
    pauses: list[float] = []
    found = outcome(lambda: drip(head, piece), seconds=1.0, pauses=pauses)
    assert isinstance(found, NoResponse)
    assert found.code == "too-slow"
    assert "for 1 seconds" in found.reason
    assert monotonic() - start < 4
    assert pauses == []  # it is not asked again


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 100, id="interim responses"),
        pytest.param(OK, b"X-More: x\r\n" * 100, id="headers"),
        pytest.param(OK, b"x" * 9999, id="one header"),
    ],
)
def test_the_head_of_a_response_ends(head: bytes, piece: bytes) -> None:
    start = monotonic()
    found = outcome(lambda: iter((head, *repeat(piece, 10_000))))
    assert isinstance(found, NoResponse)
    assert monotonic() - start < 9


def test_the_body_of_a_redirect_is_not_read() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /\r\nTransfer-Encoding: chunked\r\n\r\n"
    found = outcome(lambda: iter((head, *repeat(b"ffff\r\n" + bytes(0xFFFF) + b"\r\n", 10_000))))
    assert isinstance(found, NoResponse)
    assert "more than 5 redirects" in found.reason


def test_an_error_names_the_limit_by_its_code() -> None:
    timeouts = Timeouts(total=0.5)
    with (
        saying(lambda: drip(OK + b"Content-Length: 999\r\n\r\n", b" ")) as url,
        new_client() as client,
        pytest.raises(SlowResponse, match="10,000 bytes a second") as error,
    ):
        XrpcClient(url, HttpClient(client), timeouts=timeouts).query(METHOD, Nothing())
    assert error.value.code == "too-slow"
