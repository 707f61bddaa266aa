"""A server that takes a request and says nothing: it is given up in time, and what is waited for is shown."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.atproto.xrpc.test_endless import saying

from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.resolve import resolve
from atpub.atproto.runtime import Nothing
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.exchange import Timeouts
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.errors import Unavailable
from atpub.generated.com.atproto.server.describe_server import METHOD

DID = "did:plc:" + "a" * 24


def nothing() -> Iterator[bytes]:
    sleep(30)
    yield b""


def test_a_silent_server_is_asked_once() -> None:
    pauses: list[float] = []
    with saying(nothing) as url, new_client() as client:
        xrpc = XrpcClient(url, HttpClient(client, pauses.append, silence=0.2), timeouts=Timeouts(read=0.2))
        with pytest.raises(Unavailable, match="no answer from"):
            xrpc.query(METHOD, Nothing())
    assert pauses == []


@pytest.mark.slow
def test_silence_adds_up() -> None:
    """Two tries reach a bound of less than both; the third is not made."""
    pauses: list[float] = []
    with saying(nothing) as url, new_client() as client:
        xrpc = XrpcClient(url, HttpClient(client, pauses.append, silence=0.75), timeouts=Timeouts(read=0.5))
        with pytest.raises(Unavailable):
            xrpc.query(METHOD, Nothing())
    assert len(pauses) == 1


@pytest.mark.slow
def test_a_server_that_is_waited_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    timeouts = Timeouts(read=0.5)
    with caplog.at_level(logging.INFO, "atpub"), saying(nothing) as url, new_client() as client:
        with pytest.raises(Unavailable):
            XrpcClient(url, HttpClient(client, silence=0.5, notice=0.1), timeouts=timeouts).query(METHOD, Nothing())
        assert caplog.messages == [f"waiting for {url.removeprefix('http://')}…"]


@pytest.mark.slow
def test_a_silent_directory_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    start = monotonic()
    with caplog.at_level(logging.INFO, "atpub"), saying(nothing) as url, new_client() as client:
        with pytest.raises(Unavailable, match="cannot reach"):
            resolve(DID, HttpClient(client, silence=1.0, notice=0.2), config=ResolverConfig(plc=url))
        assert caplog.messages == [f"waiting for {url.removeprefix('http://')}…"]
    assert monotonic() - start < 5


@pytest.mark.slow
def test_the_command_line_shows_it(tmp_path: Path) -> None:
    start = monotonic()
    manifest = tmp_path / "atpub.yaml"
    manifest.write_text("atpub: 1\nproject: ours\n", "utf-8")
    with saying(nothing) as url:
        program = "from atpub.cli.main import main; main()"
        options = ["--account", DID, "--pds", url, "-m", str(manifest), "--car", str(tmp_path / "x.car")]
        command = [sys.executable, "-c", program, "export", *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == f"waiting for {url.removeprefix('http://')}…\n"
            process.kill()
    assert monotonic() - start < 20
