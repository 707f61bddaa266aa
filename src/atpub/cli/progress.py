"""Progress on stderr: every command gets its `OnProgress` here."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from atpub.cli.options import is_for_people, is_quiet
from atpub.cli.output import tell
from atpub.cli.streams import pausing, replace_unprintable

if TYPE_CHECKING:  # it is loaded where there is progress
    from atpub.progress import OnProgress, Progress


@contextmanager
def show_progress() -> Generator[OnProgress]:
    """Show on stderr the progress that is sent in the block; nothing with `--quiet` or `--json`.

    Whatever the command prints in the block through `atpub.cli.output`, or asks, pauses the display.
    """
    if not is_for_people() or sys.stderr is None or sys.stderr.closed:
        yield lambda _: None
        return
    replace_unprintable(sys.stderr)
    with ExitStack() as stack:
        yield _LateDisplay(stack)


class _LateDisplay:
    """A display of progress that is loaded and started when there is some: many runs read no data."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._lock = Lock()
        self._display: OnProgress | None = None

    def __call__(self, item: Progress) -> None:
        """Show progress, which any thread may send."""
        with self._lock:
            self._display = self._display or self._start()
        self._display(item)

    def _start(self) -> OnProgress:
        from atpub.progress_display import ProgressDisplay

        display = self._stack.enter_context(ProgressDisplay(sys.stderr).running())
        self._stack.enter_context(pausing(display.pause))
        return display


def tell_step(text: str) -> None:
    """Print a line about a step that is done to stderr, unless the command is quiet."""
    if not is_quiet():
        tell(text)
