"""Ctrl-C, SIGTERM and SIGHUP during apply: the first lets the request in flight end, the second stops at once."""

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
from atpub.cli.output import is_terminal, print_collected, tell
from atpub.cli.streams import STOP_SIGNALS, ignoring_stop_signals, undisturbed
from atpub.errors import Interrupted
from atpub.suggest import duration

_HANGUP: Final = getattr(signal, "SIGHUP", None)
_ONE_STOP: Final = 0.1  # seconds: a closing terminal and wrappers of commands send a signal twice
_LEAST: Final = 1.0  # seconds of a wait, so that a server whose clock is ahead is not asked in a loop


class Interrupt:
    """The user's request to stop; it also ends a `wait`."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._pressed = 0.0

    def __call__(self) -> bool:
        """Tell whether the run is to stop."""
        return self._wanted.is_set()

    def wait(self, until: int) -> None:
        """Wait until a time in seconds since 1970, or for Ctrl-C."""
        seconds = max(_LEAST, until - time.time())
        at = f"{datetime.fromtimestamp(until, UTC):%H:%M:%S}"
        tell(f"the rate limit is exhausted; continuing at {at} UTC, in {duration(seconds)}")
        self._wanted.wait(seconds)

    def press(self, at_once: Callable[[], None]) -> None:
        """Record that the run is to stop; call `at_once` the second time, unless it is the same stop."""
        if self._wanted.is_set() and time.monotonic() - self._pressed < _ONE_STOP:
            return
        if is_terminal(sys.stderr):
            tell("")  # the terminal has shown `^C` on this line
        if self._wanted.is_set():
            at_once()
        self._wanted.set()
        self._pressed = time.monotonic()
        tell("stopping after the request in flight; press Ctrl-C again to stop at once")


@contextmanager
def continuing(rest: str) -> Generator[None]:
    """Tell in the error of an interrupt with what the next run continues."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted", hint=f"run it again: it continues with {rest}") from None


@contextmanager
def interruptible(*, as_json: bool) -> Generator[Interrupt]:
    """Record Ctrl-C, SIGTERM and SIGHUP during the block instead of raising KeyboardInterrupt."""
    interrupt = Interrupt()

    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield interrupt
        return

    def pressed(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what the system calls it with
        interrupt.press(lambda: _stop_at_once(as_json=as_json))

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    if before.get(_HANGUP) is signal.SIG_IGN:  # as nohup has it
        del before[_HANGUP]
    for number in before:
        signal.signal(number, pressed)
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_at_once(*, as_json: bool) -> None:
    """End the process; the next run finds out whether the request in flight was carried out."""
    error = Interrupted("interrupted", hint="run it again: it continues from what was applied")
    with ignoring_stop_signals(), undisturbed():  # no bar is drawn after the message
        code = report(error, as_json=as_json)
        if as_json:
            print_collected()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
