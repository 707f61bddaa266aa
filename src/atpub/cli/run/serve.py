"""`atpub serve`."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from socket import socket
from types import FrameType

from atpub.cli.output import print_data, tell
from atpub.cli.streams import STOP_SIGNALS, flush_stdout
from atpub.report.escape import escape_terminal
from atpub.repository.local import LocalRepository
from atpub.serving.identity import ServedAccount
from atpub.serving.methods import Methods
from atpub.serving.server import listen, serve, url_of
from atpub.serving.site import Site
from atpub.target import FOLDER


def run(*, repository: Path | None, port: int, catalog: Path | None, origins: tuple[str, ...]) -> None:
    """Serve a repository in a folder until the user stops it."""
    folder = repository or FOLDER
    with closing(LocalRepository.open(folder)) as opened, listen(port) as listening:
        account = ServedAccount(opened.did, url_of(listening))
        site = Site(Methods(opened, account), f"atpub {version('atpub')}", catalog, frozenset(origins))
        print_data(account.url)
        flush_stdout()
        tell(f"serving {account.did} ({account.handle}) from {escape_terminal(str(folder))}; Ctrl-C stops it")
        asyncio.run(_serve(site, listening))
    tell("stopped")


async def _serve(site: Site, listening: socket) -> None:
    stop = asyncio.Event()
    with _stopping(stop):
        await serve(site, listening, stop)


@contextmanager
def _stopping(stop: asyncio.Event) -> Generator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP set an event; one that is ignored, as by nohup, stays ignored."""
    loop = asyncio.get_running_loop()

    def pressed(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what the system calls it with
        loop.call_soon_threadsafe(stop.set)

    is_main = threading.current_thread() is threading.main_thread()  # signals are the main thread's
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS if is_main}
    kept = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in kept:
        signal.signal(number, pressed)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
