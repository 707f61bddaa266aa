"""Progress on stderr: every command gets its `OnProgress` here."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from atpub.cli.options import is_for_people, is_quiet
from atpub.cli.output import tell
from atpub.cli.streams import pausing, replace_unprintable
from atpub.progress import OnProgress, ignore
from atpub.progress_display import ProgressDisplay


@contextmanager
def show_progress() -> Generator[OnProgress]:
    """Show on stderr the progress that is sent in the block; nothing with `--quiet` or `--json`.

    Whatever the command prints in the block through `atpub.cli.output`, or asks, pauses the display.
    """
    if not is_for_people() or sys.stderr is None or sys.stderr.closed:
        yield ignore
        return
    replace_unprintable(sys.stderr)
    with ProgressDisplay(sys.stderr).running() as display, pausing(display.pause):
        yield display


def tell_step(text: str) -> None:
    """Print a line about a step that is done to stderr, unless the command is quiet."""
    if not is_quiet():
        tell(text)
