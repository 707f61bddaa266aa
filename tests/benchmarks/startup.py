"""`atpub --help` against Python that does nothing: at most 60 ms more."""

import os
import statistics
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.harness import compare


def bench() -> None:
    """Whole processes, bytecode cached as for a user."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def runner(*command: str | Path) -> None:
        subprocess.run(command, env=clean, stdout=subprocess.DEVNULL, check=True)

    found = compare(
        "atpub --help",
        lambda: runner(Path(sys.executable).with_name("atpub"), "--help"),
        "python -c pass",
        lambda: runner(sys.executable, "-c", "pass"),
        runs=21,
    )
    more = statistics.median(a - b for a, b in zip(found.ours, found.theirs, strict=True))
    print(f"  more than bare Python: {more * 1000:.1f} ms (bound: 60 ms)")
