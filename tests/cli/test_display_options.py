"""`--color`, `--verbose` and `--quiet`: before and after the name of the command, and for that run only."""

import threading
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from tests.cli.lab import MANIFEST as LAB
from tests.cli.lab import Lab
from tests.cli.playground import Ran, write_files
from tests.cli.terminal import shell

from atpub.cli.commands import COMMANDS

ESCAPE = "\033["
MANIFEST = "atpub: 1\nproject: lab\nnone: 1\n" + "".join(f"wrong-{number}: 1\n" for number in range(30))
ALICE = "did:plc:aliceaaaaaaaaaaaaaaaaaaa"


@pytest.mark.parametrize("args", [["-v", "validate"], ["validate", "-v"], ["validate", "--verbose"]])
def test_all_equal_problems_if_it_is_verbose(args: list[str], folder: Path, atpub: Callable[..., Ran]) -> None:
    write_files(folder, {"atpub.yaml": MANIFEST})
    assert atpub(*args).err.count("[unknown-key]\n") == 31
    assert "-v shows all" in atpub("validate").err


@pytest.mark.parametrize("args", [["--color", "always", "plan"], ["plan", "--color=always"]])
def test_colours_for_one_run(args: list[str], atpub: Callable[..., Ran]) -> None:
    assert ESCAPE in atpub(*args).err
    assert ESCAPE not in atpub("plan").err


def test_an_unknown_word_for_colours(atpub: Callable[..., Ran]) -> None:
    ran = atpub("plan", "--color", "blue")
    assert (ran.code, "'auto', 'always', 'never'" in ran.err) == (64, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_them(name: str, atpub: Callable[..., Ran]) -> None:
    own = [] if name in ("inventory", "lex") else ["-q", "-v"]
    assert atpub("-q", "-v", "--color", "never", name, *own, "--help").code == 0


@pytest.mark.parametrize("args", [["-q", "apply"], ["apply", "-q"], ["apply"]])
def test_no_line_for_each_step_if_it_is_quiet(args: list[str], lab: Lab) -> None:
    lab.write(LAB)
    applied = lab.run(*args, "--yes")
    assert "Digest: " in applied.err, "the plan is no progress"
    assert "is up to date." in applied.out
    is_told = "-q" not in args
    assert [word in applied.err for word in ("uploaded 1/", "committed ")] == [is_told, is_told]


@pytest.fixture
def server() -> Generator[str]:
    """A server that knows no method."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as found:
        threading.Thread(target=found.serve_forever).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


@pytest.mark.slow
def test_requests_if_it_is_verbose(server: str, folder: Path) -> None:
    command = f"atpub list --account {ALICE} --pds {server}"
    assert f"HTTP Request: GET {server}/xrpc/com.atproto.sync.getRepo" in shell(f"{command} -v", folder).stderr
    assert "HTTP Request" not in shell(command, folder).stderr
