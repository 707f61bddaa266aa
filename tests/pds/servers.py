"""Reference PDSes that many tests share: each is started once in a process, when it is first asked for."""

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import pytest
from tests.pds.reference import ReferencePds, Unreachable, serve


@contextmanager
def served(
    version: str, *, blob_limit: int | None = None, rate_limits: bool = False
) -> Generator[ReferencePds, None, None]:
    """Run a server; the test is skipped where it cannot be installed."""
    with ExitStack() as running:
        try:
            server = running.enter_context(serve(version, blob_limit=blob_limit, rate_limits=rate_limits))
        except Unreachable as reason:
            if os.environ.get("ATPUB_REQUIRE_PDS") == "1":
                raise
            pytest.skip(f"reference PDS {version}: {reason}")
        yield server


class Servers:
    """One server of each version, started when it is first asked for, until the stack is closed."""

    def __init__(self, running: ExitStack) -> None:
        self._running = running
        self._started: dict[str, ReferencePds] = {}

    def __call__(self, version: str) -> ReferencePds:
        if version not in self._started:
            self._started[version] = self._running.enter_context(served(version))
        return self._started[version]
