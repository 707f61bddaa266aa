"""Connections to servers that answer early, slowly or not at all: sockets, for no PDS does all of that."""

import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from time import monotonic, sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from atpub.atproto.xrpc.exchange import HttpRequest, Timeouts, TransportError
from atpub.atproto.xrpc.transport import TransportClient, new_client

pytestmark = pytest.mark.slow

REFUSAL = b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\n\r\nno"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SIZE = 64 * 1024 * 1024  # far more than the buffers of both sides

Serve = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(private + made.public_bytes(pem))
    return file


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    found: str = request.param
    return found


@contextmanager
def serving(serve: Serve, scheme: str, certificate: Path) -> Generator[str, None, None]:
    """The URL of a server that handles one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=handle, args=(listener, serve, certificate if scheme == "https" else None))
        thread.start()
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    thread.join(10)
    assert not thread.is_alive()


def handle(listener: socket.socket, serve: Serve, certificate: Path | None) -> None:
    connection, _ = listener.accept()
    connection.settimeout(10)
    with connection, suppress(OSError):
        if certificate is None:
            serve(connection)
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with context.wrap_socket(connection, server_side=True) as encrypted:  # and sends session tickets
            serve(encrypted)


def body() -> Iterator[bytes]:
    for _ in range(SIZE // 1_000_000):
        yield bytes(1_000_000)
    yield bytes(SIZE % 1_000_000)


def send(client: TransportClient, request: HttpRequest) -> tuple[int, str]:
    """The status and the text of the response."""
    response = client.send(request)
    return response.status, b"".join(response.chunks()).decode()


def upload(url: str, write: float = 5.0) -> tuple[int, str]:
    with new_client() as client:
        headers = {"Content-Length": str(SIZE)}
        timeouts = replace(Timeouts.of(5.0), write=write)
        return send(client, HttpRequest("POST", url, headers, content=body(), timeouts=timeouts))


def test_an_early_refusal_is_read(scheme: str, certificate: Path) -> None:
    done = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(REFUSAL)
        done.wait(10)  # and reads no further

    with serving(serve, scheme, certificate) as url:
        start = monotonic()
        assert upload(url) == (413, "no")
        assert monotonic() - start < 4
        done.set()


def test_a_refusal_long_after_the_start_is_read(scheme: str, certificate: Path) -> None:
    done = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        sleep(0.5)  # the client is blocked by then
        connection.sendall(REFUSAL)
        done.wait(10)

    with serving(serve, scheme, certificate) as url:
        assert upload(url) == (413, "no")
        done.set()


def test_a_slow_reader_gets_it_all(scheme: str, certificate: Path) -> None:
    received = 0

    def serve(connection: socket.socket) -> None:
        nonlocal received
        while received < SIZE and (content := connection.recv(1_000_000)):
            received += len(content)
            sleep(0.001 if received % 7 == 0 else 0)
        connection.sendall(OK)

    with serving(serve, scheme, certificate) as url:
        assert upload(url) == (200, "ok")
    assert received > SIZE


def test_a_server_that_takes_nothing_is_given_up(scheme: str, certificate: Path) -> None:
    done = threading.Event()

    def serve(connection: socket.socket) -> None:
        done.wait(10)

    with serving(serve, scheme, certificate) as url:
        with pytest.raises(TransportError, match="no byte in 1 seconds"):
            upload(url, write=1)
        done.set()


def test_a_server_that_hangs_up_is_an_error(scheme: str, certificate: Path) -> None:
    with (
        serving(lambda connection: sleep(0.2), scheme, certificate) as url,
        pytest.raises(TransportError) as error,
    ):
        upload(url)
    assert error.value.sent


@pytest.mark.parametrize("url", ["http://[", "ftp://pds.invalid", "no URL"])
def test_what_is_no_url_is_not_sent(url: str) -> None:
    with new_client() as client, pytest.raises(TransportError) as error:
        client.send(HttpRequest("GET", url))
    assert not error.value.sent


def test_a_connection_is_used_again(scheme: str, certificate: Path) -> None:
    def serve(connection: socket.socket) -> None:
        for _ in range(3):
            request = b""
            while not request.endswith(b"end"):
                request += connection.recv(10_000)
            connection.sendall(OK)

    with serving(serve, scheme, certificate) as url, new_client() as client:
        request = HttpRequest("POST", url, content=b"the end")
        assert [send(client, request) for _ in range(3)] == [(200, "ok")] * 3


def test_a_proxy_of_the_environment_is_used_but_not_for_this_machine(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        seen.append(connection.recv(10_000))
        connection.sendall(OK)

    with serving(serve, "http", certificate) as proxy:
        monkeypatch.setenv("http_proxy", proxy.replace("//", "//user:word@"))
        monkeypatch.setenv("no_proxy", "direct.invalid")
        with new_client() as client:
            assert send(client, HttpRequest("GET", "http://pds.invalid/x")) == (200, "ok")
            with pytest.raises(TransportError) as error:
                client.send(HttpRequest("GET", "http://direct.invalid/x"))
            assert not error.value.sent
            with serving(serve, "http", certificate) as local:
                assert send(client, HttpRequest("GET", f"{local}/y")) == (200, "ok")
    assert seen[0].startswith(b"GET http://pds.invalid/x HTTP/1.1\r\n")
    assert b"proxy-authorization: basic" in seen[0].lower()
    assert seen[1].startswith(b"GET /y HTTP/1.1\r\n")
