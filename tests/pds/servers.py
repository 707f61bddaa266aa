"""Reference PDSes that many tests share: each is started once in a run of the tests, when it is first asked for."""

import errno
import json
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from tests.pds.reference import Account, ReferencePds, Unreachable, serve

_TAKES = 1_000_000  # bytes of a blob, where there are limits


class Servers:
    """Servers for all processes that share a folder: the first that asks for one starts it, and it ends after the last.

    A process holds a server by an open end of a FIFO, which is closed however the process ends. `close` lets go of all
    servers at once, and waits for those that this process has started: no two processes wait for each other.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = ExitStack()
        self._ends: list[int] = []
        self._found: dict[tuple[str, bool], ReferencePds] = {}

    def __call__(self, version: str, *, limited: bool = False) -> ReferencePds:
        """Return the server of a version, or its other one: that has rate limits, and takes blobs of 1 MB."""
        key = version, limited
        if key not in self._found:
            place = self._folder / f"pds-{version}{'-limited' * limited}"
            with FileLock(f"{place}.lock"):
                self._found[key] = self._join(place) or self._start(place, version, limited)
        return self._found[key]

    def close(self) -> None:
        while self._ends:
            os.close(self._ends.pop())
        self._running.close()

    def _join(self, place: Path) -> ReferencePds | None:
        """Return the server that another process has started, and hold it, unless there is none or it has ended."""
        try:
            self._ends.append(os.open(f"{place}.pipe", os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENXIO):
                return None
            raise
        found: Any = json.loads(Path(f"{place}.json").read_bytes())
        accounts = tuple(Account(**account) for account in found.pop("accounts"))
        server = ReferencePds(**found, accounts=accounts)
        try:
            server.xrpc("_health")
        except OSError:
            return None  # it is just ending
        return server

    def _start(self, place: Path, version: str, limited: bool) -> ReferencePds:
        pipe = Path(f"{place}.pipe")
        pipe.unlink(missing_ok=True)
        os.mkfifo(pipe)
        end = os.open(pipe, os.O_RDWR)  # to open it for writing alone would wait for the server
        try:
            server = self._running.enter_context(_served(version, limited, pipe))
        except BaseException:
            os.close(end)  # the next that asks would take it for a server
            raise
        self._ends.append(end)
        Path(f"{place}.json").write_text(json.dumps(asdict(server)), "utf-8")
        return server


@contextmanager
def _served(version: str, limited: bool, pipe: Path) -> Generator[ReferencePds]:
    """Run a server; the test is skipped where it cannot be installed."""
    with ExitStack() as running:
        try:
            blob_limit = _TAKES if limited else None
            server = running.enter_context(serve(version, rate_limits=limited, blob_limit=blob_limit, pipe=pipe))
        except Unreachable as reason:
            if os.environ.get("ATPUB_REQUIRE_PDS") == "1":
                raise
            pytest.skip(f"reference PDS {version}: {reason}")
        yield server
