"""The process's streams and signals: what is done where stdout cannot be written to, or the process is to stop.

This module imports the standard library and click alone, so that help is quick.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Final, TextIO

import click

STOP_SIGNALS: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that stop a run as Ctrl-C does; Windows has no SIGHUP."""

_USUAL_COLUMNS: Final = 80
_PAUSES: Final[list[Callable[[], AbstractContextManager[None]]]] = []


def catch_stop_signals() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does; one that is ignored (nohup) stays ignored."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


@contextmanager
def ignoring_stop_signals() -> Generator[None]:
    """Ignore stop signals in the block, which reports a stop: another one would cut its JSON off."""
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def open_closed_stdout() -> None:
    """Let writing to a stdout that was closed at the start (`>&-`) raise OSError, where Python discards it.

    Its number, which the next file or connection would get, is taken as well.
    """
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), encoding="utf-8")


def terminal_columns() -> int:
    """Return the width of the terminal by the rules of `shutil.get_terminal_size`, which brings formats of archives."""
    stated = os.environ.get("COLUMNS", "")
    if stated.isascii() and stated.isdecimal() and int(stated):
        return int(stated)
    with suppress(ValueError, OSError):  # it may be closed, or no terminal
        if sys.__stdout__ is not None:
            return os.get_terminal_size(sys.__stdout__.fileno()).columns or _USUAL_COLUMNS
    return _USUAL_COLUMNS


def write_stdout(text: str) -> None:
    """Write a text and a line break to stdout; if that fails, discard the rest of its output and raise OSError."""
    replace_unprintable(sys.stdout)
    try:
        with undisturbed():
            click.echo(text, color=True)
    except OSError:
        discard(sys.stdout)
        raise


def flush_stdout() -> None:
    """Flush stdout, if it is open; raises OSError and discards what is left."""
    if sys.stdout is None or sys.stdout.closed:
        return
    try:
        sys.stdout.flush()
    except OSError:
        discard(sys.stdout)
        raise


@contextmanager
def pausing(pause: Callable[[], AbstractContextManager[None]]) -> Generator[None]:
    """During the block, let `undisturbed` pause a display that is redrawn on the terminal."""
    _PAUSES.append(pause)
    try:
        yield
    finally:
        _PAUSES.remove(pause)


@contextmanager
def undisturbed() -> Generator[None]:
    """Write or ask in the block, while no display is drawn over it."""
    with ExitStack() as stack:
        for pause in tuple(_PAUSES):
            stack.enter_context(pause())
        yield


def discard(stream: TextIO) -> None:
    """Redirect a stream to nowhere, so that Python's flush at exit does not fail in turn."""
    with suppress(OSError, ValueError):  # it may be closed, or not be a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def replace_unprintable(stream: TextIO | None) -> None:
    """Let a stream print `?` for a character that its encoding lacks, instead of raising UnicodeEncodeError."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
