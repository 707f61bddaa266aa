"""The command: its output, its end, and its errors."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from tests.cli.lab import Lab
from tests.cli.terminal import interruptible
from tests.serving.running import fill

from atpub.repository.local import LocalRepository

SERVE = [sys.executable, "-W", "error", "-c", "from atpub.cli.main import main; main()", "serve"]


@contextmanager
def started(folder: Path, *args: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """The process and the URL that it prints."""
    command = [*SERVE, "--port", "0", *args]
    with interruptible():
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().rstrip("\n")
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_exits_with_0(tmp_path: Path, number: signal.Signals) -> None:
    with closing(LocalRepository(tmp_path / ".atpub/local")) as repository:
        fill(repository, 3)
    with started(tmp_path) as (process, url):
        port = int(url.removeprefix("http://127.0.0.1:"))
        assert httpx.get(f"{url}/xrpc/_health", trust_env=False).json()["version"].startswith("atpub ")
        with socket.create_connection(("127.0.0.1", port)) as idle:
            idle.sendall(b"GET /")
            time.sleep(0.1)
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (0, "")
        assert err == ("serving did:web:local.invalid (local.invalid) from .atpub/local; Ctrl-C stops it\nstopped\n")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_a_catalog_and_another_folder(tmp_path: Path) -> None:
    with closing(LocalRepository(tmp_path / "r")) as repository:
        fill(repository, 3)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/index.html").write_text("hello")
    with started(tmp_path, "--repository", "r", "--catalog", "pages", "--allow-origin", "*") as (_, url):
        found = httpx.get(url, headers={"Origin": "https://a.example"}, trust_env=False)
        assert (found.text, found.headers["access-control-allow-origin"]) == ("hello", "https://a.example")


def test_no_repository(lab: Lab) -> None:
    found = lab.run("serve")
    assert (found.code, found.out) == (1, "")
    assert "there is no repository in" in found.err
    assert "the first `atpub apply` creates it" in found.err
    assert not (lab.folder / ".atpub").exists()
    (lab.folder / "empty").mkdir()
    assert lab.run("serve", "--repository", "empty").code == 1
    assert list((lab.folder / "empty").iterdir()) == []
    assert lab.run("serve", "--repository", "data").code == 1


def test_a_port_in_use(lab: Lab) -> None:
    assert lab.apply().code == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = lab.run("serve", "--port", str(taken.getsockname()[1]))
    assert (found.code, found.out) == (1, "")
    assert "Address already in use" in found.err
    assert "--port 0 takes a free port" in found.err


@pytest.mark.parametrize(
    "args", [["--port", "65536"], ["--port", "x"], ["--repository", "none"], ["--catalog", "none"], ["x"]]
)
def test_wrong_usage(lab: Lab, args: list[str]) -> None:
    assert lab.run("serve", *args).code == 64
