"""A display of progress: bars on a terminal or in a notebook's cell, elsewhere a line now and then.

Work that takes less than half a second shows nothing. The threads that send progress never wait; one thread counts
and draws.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from contextvars import copy_context
from importlib import import_module
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING, Any, Final, Protocol, TextIO

from atpub.progress import Ended, Progress
from atpub.report.escape import escape_terminal
from atpub.report.progress import ProgressTracker, StepProgress, percent, progress_html
from atpub.suggest import size

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

DELAY: Final = 0.5
"""The seconds of work before bars appear."""
LINE_EVERY: Final = 10.0
"""The seconds between lines where there is no terminal."""

_MOST_FILES: Final = 8
_REDRAW_EVERY: Final = 0.2  # seconds
_REDRAW_CELL_EVERY: Final = 0.5  # seconds: a notebook may be far from its kernel
_LEAST_WIDTH_OF_BARS: Final = 60


@contextmanager
def progress_bar() -> Generator[Callable[[object], None]]:
    """Show progress during the block: yield a callback for `on_progress` and `on_event` of the Python API.

    It draws bars in a notebook or on a terminal (stderr), and writes a line every ten seconds elsewhere.
    """
    with ProgressDisplay(sys.stderr, notebook=_in_notebook()).running() as display:
        yield display


class ProgressDisplay:
    """A callback that shows the progress that it is sent, from any thread."""

    def __init__(self, stream: TextIO, *, notebook: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the stream to show it on; in a `notebook`, it is the output of the cell."""
        self._view: _View = _Cell() if notebook else _Bars(stream) if _can_redraw(stream) else _Lines(stream)
        self._clock = clock
        self._sent: deque[object] = deque()
        self._lock = RLock()  # a signal handler may pause the display while its thread holds the lock
        self._tracker = ProgressTracker()
        self._due: float | None = None
        self._pauses = 0
        self._stop = Event()

    def __call__(self, item: object) -> None:
        """Take in progress, and ignore all else, such as commits; the end of the last step takes the display away."""
        self._sent.append(item)  # without a lock: hashing does not wait for drawing
        if isinstance(item, Ended):
            with self._lock:
                self._update(self._clock())

    def tick(self) -> None:
        """Draw, if it is time to."""
        with self._lock:
            now = self._clock()
            self._update(now)
            if self._due is not None and now >= self._due and not self._pauses:
                self._due = now + self._view.every
                with suppress(OSError, ValueError):  # a stream that has gone stops nothing
                    self._view.draw(self._tracker.steps)

    def _update(self, now: float) -> None:
        """Count what was sent since the last time."""
        while self._sent:
            item = self._sent.popleft()
            if isinstance(item, Progress):
                self._tracker.update(item)
        self._tracker.sample(now)
        if not self._tracker.steps:
            self._due = None
            self._clear()
        elif self._due is None:
            self._due = now + self._view.delay

    @contextmanager
    def pause(self) -> Generator[None]:
        """Take the display away during the block, as for a question or a line of text."""
        with self._lock:
            self._pauses += 1
            self._clear()
        try:
            yield
        finally:
            with self._lock:
                self._pauses -= 1

    @contextmanager
    def running(self) -> Generator[ProgressDisplay]:
        """Draw from a thread during the block."""
        context = copy_context()  # where a notebook's kernel keeps which cell output belongs to
        thread = Thread(target=context.run, args=(self._run,), name="atpub-progress", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            with self._lock:
                self._pauses += 1
                self._clear()
            thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_REDRAW_EVERY):
            self.tick()

    def _clear(self) -> None:
        with suppress(OSError, ValueError):
            self._view.clear()


class _View(Protocol):
    """A way to show steps: `delay` seconds after their start, and again `every` so many."""

    delay: float
    every: float

    def draw(self, steps: tuple[StepProgress, ...]) -> None: ...
    def clear(self) -> None: ...


class _Lines:
    """Lines of text, one at a time."""

    delay = every = LINE_EVERY

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def draw(self, steps: tuple[StepProgress, ...]) -> None:
        self._stream.write(f"{steps[-1].texts[0]}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Leave the lines that were written."""


class _Cell:
    """Bars in the output of a notebook's cell, as HTML: rich draws them only where ipywidgets are installed."""

    delay, every = DELAY, _REDRAW_CELL_EVERY

    def __init__(self) -> None:
        self._handle: Any = None

    def draw(self, steps: tuple[StepProgress, ...]) -> None:
        text = "\n".join(step.texts[0] for step in steps)
        self._show({"text/html": progress_html(steps, _MOST_FILES), "text/plain": text})

    def clear(self) -> None:
        """Empty the output: removing it would remove those of the user's own code, too."""
        if self._handle is not None:
            self._show({"text/html": "", "text/plain": ""})
            self._handle = None

    def _show(self, data: Mapping[str, str]) -> None:
        if self._handle is not None:
            self._handle.update(data, raw=True)
            return
        display: Any = import_module("IPython.display")  # a kernel has it
        self._handle = display.display(data, raw=True, display_id=True)


class _Bars:
    """Bars that are drawn over and over, by rich."""

    delay, every = DELAY, 0.0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live: Live | None = None

    def draw(self, steps: tuple[StepProgress, ...]) -> None:
        if self._live is None:
            self._live = self._start()
        console = self._live.console
        layout = _Layout(console.width - 1, console.encoding)  # the last column would wrap in some terminals
        rows = min(_MOST_FILES, max(0, console.height - len(steps) - 1))
        self._live.update(layout.render(steps, rows), refresh=True)

    def clear(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _start(self) -> Live:
        from rich.console import Console  # only work that takes long needs it
        from rich.live import Live

        console = Console(file=self._stream, force_terminal=True)
        live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
        live.start()
        return live


class _Layout:
    """The lines of bars that fit a width and an encoding."""

    def __init__(self, width: int, encoding: str) -> None:
        self._encoding = encoding
        self._is_unicode = _has(encoding, "━─…")
        self._bar = min(24, width // 6) if width >= _LEAST_WIDTH_OF_BARS - 1 else 0
        self._room = width - (self._bar + 1 if self._bar else 0) - len("100 % ")

    def render(self, steps: tuple[StepProgress, ...], rows: int) -> Text:
        """Return a line for each file at work, the last ones started if they are too many, and one for each step."""
        from rich.text import Text

        lines: list[Text] = []
        for step in steps:
            for name, file in list(step.at_work.items())[-rows:] if rows else ():
                text = f"{size(file.done):>9} {self._fit_end(name, self._room - 10)}"
                lines.append(self._line(file.done, file.size, text))
            texts = step.texts
            text = next((text for text in texts if len(text) <= self._room), texts[-1][: self._room])
            lines.append(self._line(step.done, step.size, text, "bold"))
        return Text("\n", no_wrap=True, overflow="crop").join(lines)

    def _line(self, done: int, whole: int | None, text: str, style: str = "") -> Text:
        from rich.text import Text

        filled = min(self._bar, self._bar * done // whole) if whole else 0
        full, empty = "━─" if self._is_unicode else "#."
        bar = ((full * filled, "green"), (empty * (self._bar - filled) + " " * bool(self._bar), "bright_black"))
        return Text.assemble(*bar, f"{percent(done, whole):>5} ", (text, style))

    def _fit_end(self, name: str, width: int) -> str:
        """Return a name, or the end of it that fits: files often differ there."""
        from rich.cells import cell_len

        shown = escape_terminal(name).encode(self._encoding, "replace").decode(self._encoding)
        if cell_len(shown) <= width:
            return shown
        mark = "…" if self._is_unicode else "..."
        end = shown[-width:]
        while end and cell_len(end) > width - len(mark):
            end = end[1:]
        return mark + end


def _in_notebook() -> bool:
    """Return whether this is a notebook's kernel."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def _can_redraw(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def _has(encoding: str, characters: str) -> bool:
    try:
        characters.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
