"""CPU and memory per entry of a plan and an apply, against a repository that only answers.

Aim: 80 µs of CPU an entry to apply, the same for every number of entries; 400 MB for 100,000. Each number runs in a
process of its own, whose memory is then only its own.
"""

import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime

from atpub.atproto.data import Encoded, cid_of
from atpub.atproto.syntax import Cid, Did, Tid
from atpub.engine.apply import apply_plan
from atpub.engine.plan.build import plan_manifest
from atpub.engine.plan.model import Plan
from atpub.manifest.model import Policy
from atpub.repository.interface import Limits
from atpub.repository.model import Commit, Delete, Head, Live, Write
from tests.benchmarks.entries import desired
from tests.memory import peak_memory

COUNTS = (1_000, 10_000, 30_000, 100_000)
RUNS = 3
ALICE = Did("did:plc:aliceaaaaaaaaaaaaaaaaaaa")
START = Head(cid_of("head"), Tid.of(0))


class Answering:
    """A repository that takes every write and holds none; `cpu` is its own time."""

    did = ALICE

    def __init__(self) -> None:
        self.limits = Limits(200, 1_000_000, 2**63)
        self.commits = 0
        self.cpu = 0.0
        self._head = START

    def head(self) -> Head:
        """Return the newest commit."""
        return self._head

    def blob_limit(self) -> None:
        """Return no limit."""

    def apply_writes(self, writes: list[Write], _: Cid) -> Commit:
        """Take the writes."""
        start = time.thread_time()  # another thread prepares the next commit
        self.commits += 1
        self._head = Head(cid_of(self.commits), Tid.of(self.commits))
        cids = tuple(None if isinstance(item, Delete) else Encoded.of(item.value, item.encoded).cid for item in writes)
        self.cpu += time.thread_time() - start
        return Commit(self._head, cids)


def planned(count: int) -> Plan:
    """Return the plan of so many new datasets."""
    wanted = tuple(map(desired, range(count)))
    live = Live(ALICE, START, {})
    return plan_manifest(wanted, live, project="bench", account=ALICE, now=datetime.now(UTC), policy=Policy(1.0))


def measure(count: int) -> None:
    """Print the microseconds of a plan and of its apply for each entry, and the most memory, in megabytes."""
    start = time.process_time()
    plan = planned(count)
    middle = time.process_time()
    repository = Answering()
    apply_plan(plan, repository, {})  # type: ignore[arg-type] # it has what an apply without blobs calls
    end = time.process_time() - repository.cpu
    memory = peak_memory() >> 20
    print((middle - start) / count * 1e6, (end - middle) / count * 1e6, memory)


def bench() -> None:
    """Each number of entries, in turn."""
    runs = [{count: _run(count) for count in COUNTS} for _ in range(RUNS)]
    for count in COUNTS:
        plan, apply, memory = (statistics.median(found) for found in zip(*(run[count] for run in runs), strict=True))
        print(
            f"{count:,} entries: plan {plan:.0f} µs, apply {apply:.0f} µs of CPU an entry; {memory:.0f} MB", flush=True
        )


def _run(count: int) -> tuple[float, ...]:
    program = [sys.executable, "-c", f"from tests.benchmarks.apply import measure; measure({count})"]
    return tuple(map(float, subprocess.run(program, check=True, capture_output=True, text=True).stdout.split()))
