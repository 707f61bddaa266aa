"""The display of progress: bars on a terminal as it shows them (pyte), lines elsewhere; the clock is an argument."""

from __future__ import annotations

import io
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace

import pyte
import pytest
from pyte.modes import LNM

from atpub import progress_bar
from atpub.progress import Advanced, Completed, Ended, Started
from atpub.progress_display import ProgressDisplay

MB = 1_000_000
START = Started("hash", 3, 100 * MB)


class Stream(io.TextIOWrapper):
    """A stream that is a terminal, or not, and keeps what is written to it."""

    def __init__(self, encoding: str, *, is_terminal: bool) -> None:
        self.bytes = io.BytesIO()
        self._is_terminal = is_terminal
        super().__init__(self.bytes, encoding, errors="replace", write_through=True)

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def text(self) -> str:
        return self.bytes.getvalue().decode(self.encoding)


@dataclass
class Run:
    """A display at a time that the test sets."""

    stream: Stream
    now: float = 0.0
    display: ProgressDisplay = field(init=False)

    def __post_init__(self) -> None:
        self.display = ProgressDisplay(self.stream, clock=lambda: self.now)

    def at(self, now: float, *sent: object) -> list[str]:
        """Send progress, draw at that time, and return what the terminal shows."""
        for item in sent:
            self.display(item)
        self.now = now
        self.display.tick()
        return self.lines

    @property
    def screen(self) -> pyte.Screen:
        screen = pyte.Screen(200, 24)
        screen.set_mode(LNM)
        pyte.Stream(screen).feed(self.stream.text)
        return screen

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]


@pytest.fixture(autouse=True)
def xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def run() -> Run:
    return Run(Stream("utf-8", is_terminal=True))


@pytest.fixture
def log() -> Run:
    return Run(Stream("utf-8", is_terminal=False))


def test_bars_appear_after_half_a_second_and_leave_nothing(run: Run) -> None:
    assert run.at(0.0, START) == []
    assert run.at(0.4, Advanced("hash", "data/a.tar", 10 * MB, 20 * MB)) == []
    assert run.stream.text == ""
    run.at(1.0, Advanced("hash", "data/b.tar", 5 * MB, 50 * MB))
    assert run.lines == [
        "━━━━━━───────  50 %   10.0 MB data/a.tar",
        "━────────────  10 %    5.0 MB data/b.tar",
        "━────────────  15 % Hashing 0/3, 15.0 MB of 100.0 MB, 15.0 MB/s, 6 s left",
    ]
    assert run.screen.cursor.hidden
    assert run.at(1.2, Completed("hash", "data/a.tar", 20 * MB))[0] == "━────────────  10 %    5.0 MB data/b.tar"
    run.display(Ended("hash"))
    assert run.lines == []
    assert (run.screen.cursor.x, run.screen.cursor.y, run.screen.cursor.hidden) == (0, 0, False)


def test_work_that_takes_no_time_shows_nothing(run: Run) -> None:
    for second in range(5):  # each step has its own half second
        run.at(second + 0.1, START)
        run.at(second + 0.5, Ended("hash"))
    assert run.stream.text == ""


@pytest.mark.parametrize("width", [*range(40, 64), 79, 80, 81, 100, 120, 200])
def test_a_line_for_each_file_whatever_the_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    run = Run(Stream("utf-8", is_terminal=True))
    names = ["data/a.tar", f"data/{'long/' * 60}b.tar", f"data/{'文' * 90}c.tar", "e\u0301" * 150 + "d.tar"]
    run.at(0.0, Started("download", 12_345, 10**15))
    lines = run.at(1.0, *(Advanced("download", name, 999 * MB, 9999 * MB) for name in names))
    assert len(lines) == 5
    drawn = run.screen.display[:5]
    assert all(not line[width - 1 :].strip() for line in drawn), drawn
    assert [line[-5:] for line in lines[:4]] == ["a.tar", "b.tar", "c.tar", "d.tar"]
    assert "Downloading 0" in lines[4]
    assert run.at(1.2, Ended("download")) == []


def test_no_more_files_than_fit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [START, *(Advanced("hash", f"{number}.tar", 1, 9) for number in range(20))]
    run.at(0.0, *sent)
    assert [line.split()[-1] for line in run.at(1.0)[:-1]] == [f"{number}.tar" for number in range(12, 20)]
    monkeypatch.setenv("LINES", "5")
    low = Run(Stream("utf-8", is_terminal=True))
    low.at(0.0, *sent)
    assert len(low.at(1.0)) == 4


HOSTILE = {
    "\033[2J\033[31mred.tar": r"\u001b[2J\u001b[31mred.tar",
    "[bold red]x[/].tar": "[bold red]x[/].tar",
    "[link=https://evil.example]x.tar": "[link=https://evil.example]x.tar",
    ":smile:.tar": ":smile:.tar",
    "a\nb\r.tar": r"a\nb\r.tar",
    "\u202egpj.tar": r"\u202egpj.tar",
    "\x9b31m.tar": r"\u009b31m.tar",
    "\udcff.tar": r"\udcff.tar",
}


@pytest.mark.parametrize(("name", "shown"), HOSTILE.items(), ids=ascii)
def test_names_of_others_are_only_text(run: Run, name: str, shown: str) -> None:
    run.at(0.0, START)
    line, _ = run.at(1.0, Advanced("hash", name, 1, 2))
    assert line.endswith(f"1 B {shown}")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_utf_8(encoding: str) -> None:
    run = Run(Stream(encoding, is_terminal=True))
    run.at(0.0, START)
    lines = run.at(1.0, Advanced("hash", f"{'long/' * 60}文.tar", 50, 100))
    assert lines[0].startswith("######.......  50 %      50 B ...")
    assert lines[0].endswith("/?.tar")


def test_no_colour_if_it_is_not_wanted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.at(0.0, START)
    run.at(1.0)
    assert "\033[32m" in run.stream.text or "\033[90m" in run.stream.text
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Run(Stream("utf-8", is_terminal=True))
    plain.at(0.0, START)
    assert plain.at(1.0) == run.lines
    assert "\033[9" not in plain.stream.text


@pytest.mark.slow
def test_without_a_terminal_a_line_every_ten_seconds(log: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    for tenth in range(250):
        done = tenth * MB // 10
        log.at(tenth / 10, *([] if tenth else [START]), Advanced("hash", "\033[31m", done, 50 * MB))
    assert log.stream.text == (
        "Hashing 0 of 3 files, 10.0 MB of 100.0 MB, 1.0 MB/s, 1 min 30 s left\n"
        "Hashing 0 of 3 files, 20.0 MB of 100.0 MB, 1.0 MB/s, 1 min 20 s left\n"
    )


def test_a_terminal_that_cannot_redraw_gets_lines(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    dumb = Run(Stream("utf-8", is_terminal=True))
    dumb.at(0.0, START)
    dumb.at(11.0)
    assert dumb.stream.text == "Hashing 0 of 3 files, 0 B of 100.0 MB, 0 B/s\n"


def test_a_pause_takes_the_display_away(run: Run) -> None:
    run.at(0.0, START)
    shown = run.at(1.0)
    with run.display.pause():
        assert run.lines == []
        assert not run.screen.cursor.hidden
        run.stream.write("Apply this? [y/N]: y\n")
        assert run.at(2.0, Advanced("hash", "a", 1, 2)) == ["Apply this? [y/N]: y"]
    assert run.at(2.2)[0] == "Apply this? [y/N]: y"
    assert len(run.lines) == len(shown) + 2
    assert run.at(2.4, Ended("hash")) == ["Apply this? [y/N]: y"]


def test_a_stream_that_has_gone_stops_nothing(run: Run) -> None:
    run.at(0.0, START)
    run.stream.close()
    run.now = 1.0
    run.display.tick()
    run.display(Ended("hash"))


def test_other_events_are_ignored(run: Run) -> None:
    run.at(0.0, START, object())
    assert len(run.at(1.0)) == 1


def test_threads_send_while_others_draw(run: Run) -> None:
    files, chunks = 50, 40
    run.display(Started("hash", files, files * chunks))

    def work(number: int) -> None:
        for done in range(chunks):
            run.display(Advanced("hash", f"{number}", done, chunks))
        run.display(Completed("hash", f"{number}", chunks))

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(work, number) for number in range(files)]
        for tick in range(20):
            run.at(float(tick))
        assert [job.result() for job in jobs] == [None] * files
    assert "Hashing 50 of 50 files, 2.0 kB of 2.0 kB" in run.at(21.0)[-1]
    assert run.at(22.0, Ended("hash")) == []


@pytest.mark.slow
def test_the_bar_of_the_python_api_leaves_a_clean_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = Stream("utf-8", is_terminal=True)
    monkeypatch.setattr("sys.stderr", errors)
    with suppress(KeyboardInterrupt), progress_bar() as on_progress:
        on_progress(START)
        deadline = time.monotonic() + 30
        while "Hashing" not in errors.text:  # it is drawn by its own thread
            assert time.monotonic() < deadline
            time.sleep(0.05)
        raise KeyboardInterrupt
    screen = pyte.Screen(200, 24)
    pyte.Stream(screen).feed(errors.text)
    assert not any(line.strip() for line in screen.display)
    assert not screen.cursor.hidden


@dataclass
class Cell:
    """Stands in for IPython's display: the outputs of a cell, each with the HTML that it has shown."""

    outputs: list[list[str]] = field(default_factory=list[list[str]])

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> SimpleNamespace:
        assert raw
        assert display_id
        shown = [data["text/html"]]
        self.outputs.append(shown)

        def update(data: dict[str, str], *, raw: bool) -> None:
            assert raw
            assert data.keys() == {"text/html", "text/plain"}
            shown.append(data["text/html"])

        return SimpleNamespace(update=update)


def test_a_notebook_shows_bars_in_one_output_of_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    cell, clock = Cell(), SimpleNamespace(now=0.0)
    monkeypatch.setitem(sys.modules, "IPython.display", cell)
    display = ProgressDisplay(Stream("utf-8", is_terminal=False), notebook=True, clock=lambda: float(clock.now))
    for clock.now in (0.0, 0.4):
        display(START)
        display.tick()
    assert cell.outputs == []  # what is done at once shows nothing
    for clock.now in (0.6, 0.8, 1.2):
        display(Advanced("hash", "<a>.tar", 25 * MB, 50 * MB))
        display.tick()
    (shown,) = cell.outputs
    assert len(shown) == 2  # at 0.8 s it is too early to draw again
    assert (
        "<progress value='25000000' max='50000000'></progress></td><td>50 %</td><td>&lt;a&gt;.tar (25.0 MB)"
        in shown[-1]
    )
    display(Ended("hash"))
    assert cell.outputs == [[*shown]]
    assert shown[-1] == ""


@pytest.mark.slow
def test_a_kernel_is_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    for shell, is_notebook in ((None, False), (SimpleNamespace(), False), (SimpleNamespace(kernel=1), True)):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        cell = Cell()
        monkeypatch.setitem(sys.modules, "IPython.display", cell)
        with progress_bar() as show:
            show(START)
            deadline = time.monotonic() + (20 if is_notebook else 0)
            while not cell.outputs and time.monotonic() < deadline:
                time.sleep(0.05)
        assert bool(cell.outputs) is is_notebook
