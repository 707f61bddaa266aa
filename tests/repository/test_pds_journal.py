"""The journal of uploads on disk: what it keeps, for whom, for how long, and what damages do."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from atpub.atproto.data import Blob
from atpub.atproto.syntax import RAW, Cid, Did
from atpub.repository.pds import FileJournal
from atpub.repository.pds.journal import LARGEST, LONGEST_AGE

DID = Did("did:web:lab.example")
SERVER = "https://pds.example"


@dataclass
class Clock:
    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def blob(number: int) -> Blob:
    return Blob(Cid.of_digest(sha256(str(number).encode()).digest(), RAW), "application/x-tar", 100 + number)


def journal(folder: Path, did: Did = DID, server: str = SERVER, clock: Clock | None = None) -> FileJournal:
    """One of another process."""
    return FileJournal(folder / "uploads", did, server) if clock is None else FileJournal(folder, did, server, clock)


def test_it_outlives_the_process(tmp_path: Path) -> None:
    first = journal(tmp_path)
    assert first.find(blob(1).cid) is None
    for number in (1, 2, 3):
        first.add(blob(number))
    first.remove([blob(2).cid, blob(9).cid])
    for found in (first, journal(tmp_path)):
        assert [found.find(blob(number).cid) for number in (1, 2, 3)] == [blob(1), None, blob(3)]


def test_nothing_is_left_once_records_refer_to_everything(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.add(blob(1))
    assert first.file.is_file()
    first.remove([blob(1).cid])
    assert not first.file.exists()


def test_asking_makes_no_file(tmp_path: Path) -> None:
    first = journal(tmp_path)
    assert first.find(blob(1).cid) is None
    first.remove([blob(1).cid])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_it_is_private(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.add(blob(1))
    assert stat.S_IMODE(first.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(first.folder.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name == "nt", reason="symlinks")
def test_no_symlink_is_followed(tmp_path: Path) -> None:
    first, other = journal(tmp_path), tmp_path / "other"
    first.folder.mkdir()
    first.file.symlink_to(other)
    first.add(blob(1))
    assert not other.exists()


@pytest.mark.parametrize(
    "other", [(Did("did:web:other.example"), SERVER), (DID, "https://other.example")], ids=["account", "server"]
)
def test_it_is_of_one_account_and_server(tmp_path: Path, other: tuple[Did, str]) -> None:
    """Also where its file is copied to another's place."""
    first, foreign = journal(tmp_path), journal(tmp_path, *other)
    first.add(blob(1))
    assert first.file != foreign.file
    foreign.file.write_bytes(first.file.read_bytes())
    assert foreign.find(blob(1).cid) is None


def test_old_lines_and_files_are_forgotten(tmp_path: Path) -> None:
    clock = Clock()
    journal(tmp_path, clock=clock).add(blob(1))
    clock.now += LONGEST_AGE - 1
    journal(tmp_path, clock=clock).add(blob(2))
    clock.now += 2
    found = journal(tmp_path, clock=clock)
    os.utime(found.file, (clock.now, clock.now))
    assert (found.find(blob(1).cid), found.find(blob(2).cid)) == (None, blob(2))
    stale = tmp_path / "left"
    stale.write_bytes(b"")
    os.utime(stale, (0, 0))
    assert journal(tmp_path, clock=clock).find(blob(1).cid) is None
    assert not stale.exists()


def test_a_clock_that_goes_back_makes_no_blob_young(tmp_path: Path) -> None:
    clock = Clock()
    journal(tmp_path, clock=clock).add(blob(1))
    clock.now -= 10 * LONGEST_AGE
    assert journal(tmp_path, clock=clock).find(blob(1).cid) is None


def test_a_large_file_is_begun_anew(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.add(blob(1))
    with first.file.open("ab") as stream:
        stream.write(b"\n" * LARGEST)
    second = journal(tmp_path)
    assert second.find(blob(1).cid) is None
    second.add(blob(2))
    assert second.file.stat().st_size < 1000


@pytest.mark.slow
def test_every_cut_loses_no_more_than_a_line(tmp_path: Path) -> None:
    first = journal(tmp_path)
    for number in range(3):
        first.add(blob(number))
    content = first.file.read_bytes()
    for length in range(len(content)):
        first.file.write_bytes(content[:length])
        journal(tmp_path).add(blob(7))
        found = journal(tmp_path)
        assert found.find(blob(7).cid) == blob(7)
        known = [number for number in range(3) if found.find(blob(number).cid)]
        assert known == [*range(len(known))]
        assert len(known) >= content[:length].count(b"]\n")


@pytest.mark.slow
def test_every_damaged_byte_loses_no_more_than_its_line(tmp_path: Path) -> None:
    first = journal(tmp_path)
    for number in range(3):
        first.add(blob(number))
    content = first.file.read_bytes()
    for place in range(len(content)):
        for damage in (0, ord("\n"), content[place] ^ 1):
            first.file.write_bytes(content[:place] + bytes((damage,)) + content[place + 1 :])
            found = [journal(tmp_path).find(blob(number).cid) for number in range(3)]
            assert all(item in (blob(number), None) for number, item in enumerate(found))
            assert found.count(None) <= 1


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"null\n", b"[" * 100_000, b"\0" * 5000, json.dumps([1, blob(1).cid]).encode()], ids=repr
)
def test_what_is_no_journal(tmp_path: Path, content: bytes) -> None:
    first = journal(tmp_path)
    first.folder.mkdir()
    first.file.write_bytes(content)
    assert first.find(blob(1).cid) is None


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.file.mkdir(parents=True)
    first.add(blob(1))
    assert first.find(blob(1).cid) == blob(1), "in this process"
    assert journal(tmp_path).find(blob(1).cid) is None


def test_a_file_in_its_folders_place(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_bytes(b"")
    first = journal(tmp_path)
    first.add(blob(1))
    first.remove([blob(1).cid])


@pytest.mark.slow
def test_several_threads_and_processes_add_to_it(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from tests.repository.test_pds_journal import blob, journal
import sys
for number in range(int(sys.argv[1]), int(sys.argv[1]) + 50):
    journal(Path({str(tmp_path)!r})).add(blob(number))
"""
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen([sys.executable, "-c", script, str(start)], cwd=root) for start in (100, 200)]
    first = journal(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(first.add, map(blob, range(50))))
    assert [process.wait() for process in processes] == [0, 0]
    found = journal(tmp_path)
    numbers = [*range(50), *range(100, 150), *range(200, 250)]
    assert [number for number in numbers if found.find(blob(number).cid) is None] == []
