"""The command line as a process of its own: in a terminal, with streams that are closed, and stopped on the way."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

ATPUB = (str(Path(sys.executable).parent / "atpub"),)
_SECONDS = 30


class Terminal:
    """A process in a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self._process = process
        self._master = master
        self.text = ""

    def until(self, wanted: str) -> str:
        """Read until some text is shown; gives all that was."""
        deadline = time.monotonic() + _SECONDS
        while not re.search(wanted, self.text):
            assert time.monotonic() < deadline, self.text
            if not self._read():
                break
        assert re.search(wanted, self.text), self.text
        return self.text

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        """As Ctrl-C, again where it came just before Python began to wait for it."""
        for _ in range(_SECONDS):
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
                return

    def end(self) -> int:
        """Read to the end; gives the exit code."""
        while self._read():
            pass
        return self._process.wait(_SECONDS)

    def _read(self) -> bool:
        if not select.select([self._master], [], [], _SECONDS)[0]:
            return False
        try:
            found = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            return False
        self.text += found.decode().replace("\r\n", "\n")
        return bool(found)


@contextmanager
def terminal(*args: str, cwd: Path, **environ: str) -> Generator[Terminal]:
    """Run atpub in a terminal."""
    master, slave = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    environment = {**kept, "TERM": "xterm", **environ}
    with interruptible():
        process = subprocess.Popen(
            [*ATPUB, *args], cwd=cwd, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


@contextmanager
def interruptible() -> Generator[None]:
    """Start a process that takes notice of Ctrl-C, even where this one, in the background, has to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def shell(command: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in which `atpub` is the one under test."""
    path = f"{Path(ATPUB[0]).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **environ}
    return subprocess.run(
        ["bash", "-c", command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
