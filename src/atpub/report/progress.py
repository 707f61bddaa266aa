"""Progress of steps and their files, kept up to date from what they send, and told in lines.

The time is an argument, in seconds on any clock that only goes forward.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from atpub.progress import Advanced, Completed, Ended, Failed, Progress, Started, Step
from atpub.report.escape import escape_html
from atpub.suggest import duration, size

TITLES: Final[dict[Step, str]] = {
    "hash": "Hashing",
    "upload": "Uploading",
    "download": "Downloading",
    "lock": "Locking",
    "verify": "Verifying",
    "pack": "Packing",
    "read": "Reading",
}
_WINDOW: Final = 10.0  # seconds over which the rate is measured
_LEAST_WINDOW: Final = 0.4  # seconds below which a rate says nothing


@dataclass(slots=True)
class FileProgress:
    """The bytes of a file that are done, and those of them that were done before the run."""

    done: int = 0
    size: int | None = None
    known: int = 0


@dataclass(slots=True)
class StepProgress:
    """A step that runs: its files at work, and the sums of those that are done."""

    step: Step
    files: int
    size: int | None
    completed: int = 0
    failed: int = 0
    at_work: dict[str, FileProgress] = field(default_factory=dict[str, FileProgress])
    _done: int = 0
    _moved: int = 0
    _samples: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])

    def update(self, item: Advanced | Completed | Failed) -> None:
        """Take in what a file sent."""
        match item:
            case Advanced(file=file, done=done, size=whole, known=known):
                self.at_work[file] = FileProgress(done, whole, known)
            case Completed(file=file, size=whole, is_known=is_known):
                before = self.at_work.pop(file, FileProgress())
                self._done += whole
                self._moved += 0 if is_known else whole - before.known
                self.completed += 1
            case Failed(file=file):
                before = self.at_work.pop(file, FileProgress())
                self._moved += before.done - before.known
                self.failed += 1

    def sample(self, now: float) -> None:
        """Remember how much is done at a time; the rate is measured between such times."""
        self._samples.append((now, self._moved + sum(file.done - file.known for file in self.at_work.values())))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _WINDOW:
            self._samples.popleft()

    @property
    def done(self) -> int:
        """The bytes that are done."""
        return self._done + sum(file.done for file in self.at_work.values())

    @property
    def rate(self) -> float | None:
        """Bytes per second during the last seconds; None if it is too early to tell."""
        if not self._samples:
            return None
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return max(0.0, (after - before) / (end - start)) if end - start >= _LEAST_WINDOW else None

    @property
    def seconds_left(self) -> float | None:
        """The time until all is done; None if it is not known."""
        rate, whole = self.rate, self.expected_size
        if whole is None or not rate or self.done > whole:
            return None
        return (whole - self.done) / rate

    @property
    def expected_size(self) -> float | None:
        """The bytes of all files; where they are not known, as if the others were like those that have begun."""
        sizes = [file.size for file in self.at_work.values() if file.size is not None]
        if self.size is not None or not sizes or len(sizes) < len(self.at_work):
            return self.size
        return (self._done + sum(sizes)) / (self.completed + len(sizes)) * (self.files - self.failed)

    @property
    def texts(self) -> tuple[str, ...]:
        """How far the step is, on one line: in full, then in fewer and fewer words."""
        title, done = TITLES[self.step], self.completed + self.failed
        failed = f"{self.failed:,} failed" if self.failed else ""
        of = size(self.done) if self.size is None else f"{size(self.done)} of {size(self.size)}"
        rate = "" if self.rate is None else f"{size(round(self.rate))}/s"
        about = "about " if self.size is None else ""
        left = "" if self.seconds_left is None else f"{about}{duration(self.seconds_left)} left"
        few = f"{done:,}/{self.files:,}"
        return (
            _join(f"{title} {done:,} of {self.files:,} files", failed, of, rate, left),
            _join(f"{title} {few}", failed, of, rate, left),
            _join(f"{title} {few}", failed, rate, left),
            _join(f"{title} {few}", left),
            f"{title} {few}",
        )


def percent(done: int, whole: int | None) -> str:
    """Return how much is done, such as `45 %`; 100 % is all of it. Empty where the whole is not known."""
    if whole is None:
        return ""
    return f"{min(100, 100 * done // whole) if whole else 100} %"


class ProgressTracker:
    """The steps that run, in the order of their start. Not safe for threads."""

    def __init__(self) -> None:
        self._steps: dict[Step, StepProgress] = {}

    @property
    def steps(self) -> tuple[StepProgress, ...]:
        """The steps that have started and not ended."""
        return tuple(self._steps.values())

    def update(self, item: Progress) -> None:
        """Take in what was sent; files of a step that does not run, such as late threads send, are ignored."""
        match item:
            case Started(step=step, files=files, size=whole):
                self._steps[step] = StepProgress(step, files, whole)
            case Ended(step=step):
                self._steps.pop(step, None)
            case Advanced() | Completed() | Failed():
                if item.step in self._steps:
                    self._steps[item.step].update(item)
            case _:
                assert_never(item)

    def sample(self, now: float) -> None:
        """Measure the rates at a time."""
        for step in self._steps.values():
            step.sample(now)


def _join(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def progress_html(steps: Sequence[StepProgress], most_files: int) -> str:
    """Return a bar for each file at work, the last ones started if they are too many, and one for each step."""
    rows: list[str] = []
    for step in steps:
        files = [*step.at_work.items()][-most_files:] if most_files else []
        rows += [_bar(file.done, file.size, f"{name} ({size(file.done)})") for name, file in files]
        rows.append(_bar(step.done, step.size, step.texts[0]))
    return f"<table>{''.join(rows)}</table>"


def _bar(done: int, whole: int | None, text: str) -> str:
    """Return a row with a bar, which moves to and fro where the whole is not known."""
    share = f" value='{done if whole else 1}' max='{whole or 1}'" if whole is not None else ""
    return f"<tr><td><progress{share}></progress></td><td>{percent(done, whole)}</td><td>{escape_html(text)}</td></tr>"
