"""Measuring many shards at once: in the threads of this process, or by any `concurrent.futures.Executor`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import closing
from functools import partial
from threading import Event
from typing import Final
from urllib.parse import urlsplit

from atpub.errors import Interrupted
from atpub.executors import result_of, submit_batches
from atpub.measuring.measure import close_connections, measure
from atpub.measuring.model import (
    UNREAD,
    FailedShard,
    MeasuredShard,
    Outcome,
    ShardTask,
    dump_outcomes,
    load_outcomes,
)
from atpub.problems import Problem
from atpub.progress import Completed, Ended, Failed, OnProgress, Progress, Started, ignore

AT_ONCE: Final = 32
"""Shards that are measured at once: asking for a digest is waiting for the network."""
BATCH: Final = 16
"""Shards of one task of another executor, which takes longer to send a task than this process."""


def measure_all(
    tasks: Sequence[ShardTask],
    on_outcome: Callable[[Outcome], object],
    *,
    executor: Executor | None = None,
    on_progress: OnProgress = ignore,
) -> None:
    """Measure shards, and report each outcome as soon as it is known, in the caller's thread.

    An `executor` gets batches of tasks, and no callback.
    """
    if not tasks:
        return
    on_progress(Started("lock", len(tasks)))
    try:
        hosts = _Hosts()
        blocks = _by_threads(tasks, hosts, on_progress) if executor is None else _by_executor(tasks, hosts, executor)
        with closing(blocks):  # where `on_outcome` raises an error, the work that is left ends with it
            for block in blocks:
                for outcome in load_outcomes(block):
                    on_outcome(outcome)
                    hosts.add(outcome)
                    on_progress(_progress_of(outcome))
    finally:
        on_progress(Ended("lock"))


def _progress_of(outcome: Outcome) -> Progress:
    if isinstance(outcome, MeasuredShard):
        return Completed("lock", outcome.url, outcome.facts.size or 0, outcome.source != "read")
    if outcome.problem.code == UNREAD:
        return Completed("lock", outcome.url, 0, is_known=True)
    return Failed("lock", outcome.url)


class _Hosts:
    """The hosts that have not answered yet, and how often; after many times, the rest of their shards is given up."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()
        self._answered: set[str] = set()

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        host = urlsplit(outcome.url).netloc
        if isinstance(outcome, FailedShard) and outcome.problem.code == "shard-unavailable":
            self._failures[host] += 1
        else:
            self._answered.add(host)

    def measure(self, task: ShardTask, on_progress: OnProgress) -> bytes:
        """Measure a shard, unless its host is given up."""
        return self.give_up([task]) if self.has_given_up([task]) else measure([task], on_progress)

    def has_given_up(self, tasks: Sequence[ShardTask]) -> bool:
        """Return whether the hosts of all these shards are given up."""
        hosts = {urlsplit(task.url).netloc for task in tasks}
        return all(host not in self._answered and self._failures[host] >= AT_ONCE for host in hosts)

    def give_up(self, tasks: Sequence[ShardTask]) -> bytes:
        """Return the outcomes of shards that are not asked for."""
        return dump_outcomes([self._fail(task.url, urlsplit(task.url).netloc) for task in tasks])

    def _fail(self, url: str, host: str) -> FailedShard:
        message = f"{url} was not asked for: {host} has not answered {self._failures[host]} times"
        return FailedShard(url, Problem("shard-unavailable", message, hint="run it again later"))


def _by_threads(tasks: Sequence[ShardTask], hosts: _Hosts, on_progress: OnProgress) -> Generator[bytes]:
    stop = Event()
    pool = ThreadPoolExecutor(min(AT_ONCE, len(tasks)), thread_name_prefix="atpub-lock")
    work = partial(hosts.measure, on_progress=partial(_report, stop, on_progress))
    try:
        for future in as_completed([pool.submit(work, task) for task in tasks]):
            yield future.result()
    finally:
        stop.set()  # after Ctrl-C, shards that are being read end at their next chunk
        pool.shutdown(cancel_futures=True)
        close_connections()


def _report(stop: Event, on_progress: OnProgress, progress: Progress) -> None:
    if stop.is_set():
        raise Interrupted("interrupted", hint="run it again: it continues")
    on_progress(progress)


def _by_executor(tasks: Sequence[ShardTask], hosts: _Hosts, executor: Executor) -> Generator[bytes]:
    batches = [tasks[start : start + BATCH] for start in range(0, len(tasks), BATCH)]
    with submit_batches(executor, measure, batches) as futures:
        waiting = dict(zip(futures, batches, strict=True))
        for future in as_completed(futures):
            batch = waiting.pop(future, None)
            if batch is None:
                continue
            yield result_of(future)
            if hosts.has_given_up(batch):
                for other, batch in [item for item in waiting.items() if hosts.has_given_up(item[1])]:
                    if other.cancel():
                        del waiting[other]
                        yield hosts.give_up(batch)
