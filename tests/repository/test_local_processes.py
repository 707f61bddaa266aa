"""A local repository in the hands of several processes, some of which are killed."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

import pytest
from tests.repository.children import number, step
from tests.repository.samples import at, content, notes

from atpub.atproto.data import blobs_in
from atpub.atproto.repo.car import Snapshot, read_car, snapshot_of
from atpub.atproto.repo.commit import parse_commit
from atpub.repository.local import LocalRepository
from atpub.repository.snapshot import head_of, records_of

ROOT = Path(__file__).parents[2]


@contextmanager
def child(*arguments: object) -> Generator[tuple[subprocess.Popen[str], IO[str]]]:
    """A process of children.py that has come past its imports, and what it says from then on."""
    command = [sys.executable, "-m", "tests.repository.children", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process, process.stdout
        finally:
            process.kill()


def verified(repository: LocalRepository) -> Snapshot:
    """All that the repository holds, from a CAR file with every hash, the tree and the signature checked."""
    stream = BytesIO()
    repository.export_car(stream)
    car = read_car(stream.getvalue())
    assert parse_commit(car.blocks[car.roots[0]]).signed_by(repository.public_key)
    return snapshot_of(car, repository.did)


def check(folder: Path) -> tuple[int, str]:
    """The number in the counter and the head; the repository is whole, and all that was counted is there."""
    with closing(LocalRepository(folder)) as repository:
        head = repository.head()
        if head is None:
            assert not notes(repository)
            return -1, ""
        snapshot = verified(repository)
        last = number(repository)
        assert head_of(snapshot) == head
        assert records_of(snapshot) == notes(repository)
        assert {*records_of(snapshot)} == {at("counter"), *(at(f"n{each}") for each in range(last + 1))}
        for path, record in records_of(snapshot).items():
            for blob in blobs_in(record.value):
                assert content(repository, blob) == path.rkey[1:].encode() * (blob.size // len(path.rkey[1:]))
        return last, head.cid


def killed(folder: Path, seconds: float) -> tuple[int, str]:
    """The last commit that a process told of before it was killed, so long after it began."""
    with child("count", folder) as (process, said):
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        lines = said.read().rpartition("\n")[0].splitlines()  # it may have been killed in the middle of one
    if not lines:
        return -1, ""
    told, cid = lines[-1].split()
    return int(told), cid


def assert_survived(folder: Path, before: tuple[int, str], told: tuple[int, str]) -> tuple[int, str]:
    """The newest commit is the last that was told of, or the one after it; what was there before is never lost."""
    found = check(folder)
    assert found == max(before, told) or found[0] == max(before, told)[0] + 1
    return found


@pytest.mark.slow
@pytest.mark.parametrize("round", range(6))
def test_a_process_killed_at_its_start_leaves_a_whole_repository_or_none(tmp_path: Path, round: int) -> None:
    folder = tmp_path / "repository"
    found = assert_survived(folder, (-1, ""), killed(folder, random.uniform(0, 0.05)))
    with closing(LocalRepository(folder)) as repository:
        assert step(repository)[0] == found[0] + 1


@pytest.mark.slow
def test_a_process_killed_at_any_moment_leaves_the_old_or_the_new_commit(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    found = (-1, "")
    for _ in range(6):
        found = assert_survived(folder, found, killed(folder, random.uniform(0, 0.2)))
    assert found[0] > 0


@pytest.mark.slow
def test_of_two_processes_neither_loses_an_update(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(added, [folder] * 3, [25] * 3)) == [0, 0, 0]
    last, _ = check(folder)
    assert last == 3 * 25 - 1


def added(folder: Path, times: int) -> int:
    with child("add", folder, times) as (process, _):
        return process.wait(60)


@pytest.mark.parametrize("most", [20_000, 100_000])
def test_a_full_disk_leaves_the_old_commit(tmp_path: Path, most: int) -> None:
    folder = tmp_path / "repository"
    with child("fill", folder, most) as (_, said):
        *made, error = said.read().splitlines()
    assert error == "unavailable"
    last, cid = check(folder)
    assert [f"{last} {cid}"] == made[-1:] or (last == -1 and not made)
    with closing(LocalRepository(folder)) as repository:
        assert step(repository)[0] == last + 1
