"""Ctrl-C while something is being applied: the first lets the request in flight end, the second stops at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Final

from atpub.cli.failures import report
from atpub.cli.output import tell
from atpub.errors import Interrupted

_LEAST: Final = 1.0  # seconds that a wait takes, lest a server whose clock is ahead is asked in circles


class Interrupt:
    """Whether the user wants it to stop; `wait` does not outlast that."""

    def __init__(self) -> None:
        self._wanted = threading.Event()

    def __call__(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._wanted.is_set()

    def wait(self, until: int) -> None:
        """Wait until a time in seconds since 1970, or for Ctrl-C."""
        seconds = max(_LEAST, until - time.time())
        at = f"{datetime.fromtimestamp(until, UTC):%H:%M:%S}"
        tell(f"the rate limit is spent; going on at {at} UTC, in {_long(seconds)}")
        self._wanted.wait(seconds)

    def press(self, at_once: Callable[[], None]) -> None:
        """Take note of Ctrl-C."""
        if self._wanted.is_set():
            at_once()
        self._wanted.set()
        tell("stopping once the request in flight is done; Ctrl-C again stops at once")


@contextmanager
def interruptible(*, as_json: bool) -> Generator[Interrupt]:
    """What tells of Ctrl-C, in place of KeyboardInterrupt."""
    interrupt = Interrupt()

    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield interrupt
        return

    def pressed(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what the system calls it with
        interrupt.press(lambda: _stop_at_once(as_json=as_json))

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, pressed)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


def _stop_at_once(*, as_json: bool) -> None:
    """End the process: what is on its way to a server is either carried out or not, and the next run finds out."""
    code = report(Interrupted("interrupted", hint="run it again: it finds out what was done"), as_json=as_json)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _long(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
