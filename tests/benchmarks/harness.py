"""Times callables side by side: interleaved runs, medians, and the ratio that counts."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Run = Callable[[], object]
Prepare = Callable[[], Run]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds of ours and of the other, by run."""

    name: str
    other: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many times as long ours takes: the median over pairs of runs."""
        return statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    def __str__(self) -> str:
        return (
            f"{self.name}: {_milliseconds(self.ours)}; {self.other}: {_milliseconds(self.theirs)}; "
            f"ratio {self.ratio:.2f}"
        )


def compare(name: str, ours: Run, other: str, theirs: Run, *, runs: int = 5) -> Comparison:
    """Both, in turn, after one run of each that does not count; prints the comparison."""
    return compare_prepared(name, lambda: ours, other, lambda: theirs, runs=runs)


def compare_prepared(name: str, ours: Prepare, other: str, theirs: Prepare, *, runs: int = 5) -> Comparison:
    """The same for runs that have to be prepared, which does not count."""
    ours()()
    theirs()()
    pairs = [(seconds(ours()), seconds(theirs())) for _ in range(runs)]
    found = Comparison(name, other, tuple(a for a, _ in pairs), tuple(b for _, b in pairs))
    print(found, flush=True)
    return found


def seconds(run: Run) -> float:
    """How long a run takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _milliseconds(seconds: tuple[float, ...]) -> str:
    low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
    return f"{middle * 1000:,.1f} ms ({low * 1000:,.1f} to {high * 1000:,.1f})"


def machine() -> Mapping[str, str]:
    """What the figures were measured on."""
    model = "unknown"
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
