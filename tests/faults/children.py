"""Runs `atpub` in processes of their own, which a test kills, or which kill themselves at a step that it names.

python -m tests.faults.children      each line on stdin is a job, as JSON: {"args": […], "dies_at": 3 | null}
                                     each line on stdout tells of it: the process's id, then its status and its steps

Each job is a fork of this process, so that only the first one waits for Python's imports.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
_MODULES = (
    *("cli.publishing_commands", "cli.run.apply", "cli.run.plan", "cli.run.projects", "engine.desired.sample_check"),
    *("generated._lexicons", "lexicon_resolution.publishers", "login.account", "login.keyring", "login.permissions"),
    *("manifest.own_lexicons", "report.outcomes", "repository.applied", "repository.local", "repository.pds"),
    "text.yaml_document",
)
"""What an apply imports, some of it only on its way."""
_FILES = frozenset({"os.rename", "os.remove", "os.mkdir"})
_TRANSACTIONS = ("begin immediate", "commit")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit code, or minus the signal; the steps that it took on the disk."""

    code: int
    steps: Sequence[str]


@dataclass(frozen=True, slots=True)
class Nursery:
    """Starts processes, one at a time."""

    _jobs: IO[str]
    _told: IO[str]

    def start(self, args: Sequence[str], *, dies_at: int | None = None) -> int:
        """The id of a new process that runs `atpub`."""
        print(json.dumps({"args": args, "dies_at": dies_at}), file=self._jobs, flush=True)
        return int(self._told.readline())

    def ended(self) -> Ended:
        """How it ended, once it has."""
        told: Any = json.loads(self._told.readline())
        return Ended(told["code"], told["steps"])

    def run(self, args: Sequence[str], *, dies_at: int | None = None) -> Ended:
        self.start(args, dies_at=dies_at)
        return self.ended()


@contextmanager
def nursery(environment: Mapping[str, str]) -> Generator[Nursery]:
    """A process that starts others, until the context ends."""
    command = [sys.executable, "-m", "tests.faults.children"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Nursery(process.stdin, process.stdout)
        process.stdin.close()


def main() -> None:
    for name in _MODULES:
        import_module(f"atpub.{name}")
    for line in sys.stdin:
        job: Any = json.loads(line)
        told, telling = os.pipe()
        child = os.fork()
        if not child:
            os.close(told)
            _run(job["args"], job["dies_at"], telling)
        os.close(telling)
        print(child, flush=True)
        with os.fdopen(told) as steps:
            found = steps.read().splitlines()  # until the process ends
        _, status = os.waitpid(child, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status), "steps": found}), flush=True)


def _run(args: list[str], dies_at: int | None, telling: int) -> None:
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    _watch(_Steps(dies_at, telling))
    from atpub.cli.main import run

    os._exit(run(args))


class _Steps:
    """Counts what is done to the disk, and dies before the step of a given number."""

    def __init__(self, dies_at: int | None, telling: int) -> None:
        self._left = dies_at
        self._telling = telling

    def __call__(self, name: str) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._left is not None:
            self._left -= 1
        os.write(self._telling, f"{name}\n".encode())


def _watch(step: Callable[[str], None]) -> None:
    """Have each step told of just before it is taken."""

    def hook(event: str, _: object) -> None:
        if event in _FILES:
            step(event)

    def statement(text: str) -> None:
        if text.lower() in _TRANSACTIONS:
            step(text.lower())

    class Connection(sqlite3.Connection):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.set_trace_callback(statement)

    sys.addaudithook(hook)
    setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))  # noqa: B010 - in this process only


if __name__ == "__main__":
    main()
