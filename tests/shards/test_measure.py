from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.shards.tars import make_tar, samples_tar

from atpub.atproto.syntax import RAW, Cid
from atpub.errors import BlobRejected
from atpub.problems import Problem
from atpub.progress import Advanced, Completed, Ended, Failed, OnProgress, Progress, Started
from atpub.repository.interface import BlobSource
from atpub.shards.cache import load_entries
from atpub.shards.file_facts import FileFacts, FileSource
from atpub.shards.measure import measure_files

pytestmark = pytest.mark.slow


def make_shards(folder: Path) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"d-{number}.tar" for number in range(5)]
    for number, path in enumerate(paths, start=1):
        path.write_bytes(samples_tar(number))
    return paths


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    return make_shards(tmp_path / "data")


@pytest.fixture(scope="module")
def old_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Folders of shards older than the two seconds for which the cache trusts no file; each test takes its own."""
    folders = [make_shards(tmp_path_factory.mktemp("old") / "data") for _ in range(6)]
    for paths in folders:
        paths[0].with_name("bad.tar").write_text("no tar")
    newest = folders[-1][0].with_name("bad.tar").stat().st_ctime_ns
    time.sleep(max(0.0, (newest + 2_050_000_000 - time.time_ns()) / 1e9))
    return iter(folders)


@pytest.fixture
def settled(old_folders: Iterator[list[Path]]) -> list[Path]:
    return next(old_folders)


def facts_of(path: Path, samples: int) -> FileFacts:
    content = path.read_bytes()
    return FileFacts(len(content), hashlib.sha256(content).hexdigest(), samples)


@pytest.mark.parametrize("workers", [None, 1, 2, 16])
def test_files_are_measured(shards: list[Path], workers: int | None) -> None:
    measured = measure_files(shards, workers=workers)
    assert list(measured) == shards
    assert list(measured.values()) == [facts_of(path, number) for number, path in enumerate(shards, start=1)]


def test_facts_give_the_cid_of_the_blob(shards: list[Path]) -> None:
    facts = measure_files(shards)[shards[0]]
    assert isinstance(facts, FileFacts)
    assert facts.cid == Cid.of_digest(hashlib.sha256(shards[0].read_bytes()).digest(), RAW)
    assert facts.cid.startswith("bafkrei")
    assert facts.mime_type == "application/x-tar"


def on_advance(act: OnProgress) -> OnProgress:
    """Act while a file is read."""
    return lambda item: act(item) if isinstance(item, Advanced) else None


def test_nothing_to_measure() -> None:
    assert measure_files([]) == {}


def test_a_path_given_twice_is_measured_once(shards: list[Path]) -> None:
    sent: list[Progress] = []
    assert len(measure_files([shards[0], shards[0]], on_progress=sent.append)) == 1
    size = shards[0].stat().st_size
    assert sent == [
        Started("hash", 1, size),
        Advanced("hash", str(shards[0]), size, size),
        Completed("hash", str(shards[0]), size),
        Ended("hash"),
    ]


def test_a_file_that_cannot_be_measured_has_failed(tmp_path: Path) -> None:
    sent: list[Progress] = []
    measure_files([tmp_path / "gone.tar"], on_progress=sent.append)
    assert sent == [Started("hash", 1, 0), Failed("hash", str(tmp_path / "gone.tar")), Ended("hash")]


def test_each_bad_file_is_its_own_problem(shards: list[Path], tmp_path: Path) -> None:
    bad = {
        tmp_path / "gone.tar": "file-unreadable",
        tmp_path: "not-a-regular-file",
        tmp_path / "text.tar": "not-a-tar",
        tmp_path / "pipe": "not-a-regular-file",
    }
    (tmp_path / "text.tar").write_text("hello")
    os.mkfifo(tmp_path / "pipe")
    measured = measure_files([*bad, shards[0]])
    assert isinstance(measured[shards[0]], FileFacts)
    for path, code in bad.items():
        problem = measured[path]
        assert isinstance(problem, Problem)
        assert problem.code == code
        assert str(path) in problem.message


def test_without_tar_any_file_will_do(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"anything")
    facts = measure_files([path], tar=False)[path]
    assert facts == FileFacts(8, hashlib.sha256(b"anything").hexdigest(), None, "application/octet-stream")


def test_a_large_file_is_hashed_in_chunks_and_progress_told(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(5_000_000))
    sent: list[Progress] = []
    facts = measure_files([path], tar=False, on_progress=sent.append)[path]
    assert isinstance(facts, FileFacts)
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    done = [item.done for item in sent if isinstance(item, Advanced)]
    assert done == [1 << 20, 2 << 20, 3 << 20, 4 << 20, 5_000_000]


def test_a_file_that_changes_meanwhile_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(3 << 20))

    def append(_: Progress) -> None:
        with path.open("ab") as file:
            file.write(b"x")

    def replace(_: Progress) -> None:
        other = tmp_path / "other"
        other.write_bytes(bytes(3 << 20))
        other.replace(path)

    changes: list[OnProgress] = [append, replace]
    for change in changes:
        problem = measure_files([path], tar=False, on_progress=on_advance(change))[path]
        assert isinstance(problem, Problem)
        assert problem.code == "file-changed"


def test_workers_run_at_once(shards: list[Path]) -> None:
    together = threading.Barrier(2, timeout=10)

    def meet(_: Progress) -> None:
        together.wait()

    measure_files(shards[:2], workers=2, on_progress=on_advance(meet))


@pytest.mark.slow
def test_an_interrupt_does_not_wait_for_the_files_in_line(settled: list[Path], tmp_path: Path) -> None:
    started: list[Progress] = []

    def interrupt(item: Progress) -> None:
        started.append(item)
        if len(started) == 2:
            raise KeyboardInterrupt
        if len(started) == 3:
            time.sleep(1)  # until the main thread has heard of it

    with pytest.raises(KeyboardInterrupt):
        measure_files(settled, workers=1, cache=tmp_path / "cache", on_progress=on_advance(interrupt))
    assert len(started) < len(settled)
    assert len(entries(tmp_path / "cache")) >= 1


def entries(cache: Path) -> list[str]:
    return list(load_entries((cache / "measured-shards.json").read_text()))


class Hashed:
    """Counts the files that were really read, and the bytes of all."""

    def __init__(self) -> None:
        self.read = 0
        self.bytes = 0

    def __call__(self, item: Progress) -> None:
        if isinstance(item, Completed):
            self.bytes += item.size
            self.read += not item.is_known


def test_the_cache_gives_the_same_facts_without_reading(settled: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "new" / "cache"
    cold, warm = Hashed(), Hashed()
    first = measure_files(settled, cache=cache, on_progress=cold)
    second = measure_files(settled, cache=cache, on_progress=warm)
    assert first == second
    assert (cold.read, warm.read) == (5, 0)
    assert cold.bytes == warm.bytes == sum(path.stat().st_size for path in settled)
    assert sorted(path.name for path in cache.iterdir()) == ["measured-shards.json"]

    # Facts without samples come from those with; the other way round, the file is read.
    without = measure_files(settled[:1], cache=cache, tar=False, on_progress=warm)[settled[0]]
    assert isinstance(without, FileFacts)
    assert (without.samples, warm.read) == (None, 0)


def test_a_changed_file_is_read_again(settled: list[Path], tmp_path: Path) -> None:
    measure_files(settled, cache=tmp_path)
    before = settled[0].stat()
    settled[0].write_bytes(make_tar(["z.msgpack"]))
    assert settled[0].stat().st_size == before.st_size
    os.utime(settled[0], ns=(before.st_atime_ns, before.st_mtime_ns))  # the same size, time and inode
    assert measure_files(settled, cache=tmp_path)[settled[0]] == facts_of(settled[0], 1)


def test_files_just_written_are_not_remembered(shards: list[Path], tmp_path: Path) -> None:
    shards[0].touch()
    hashed = Hashed()
    for _ in range(2):
        measure_files(shards[:1], cache=tmp_path / "cache", on_progress=hashed)
    assert hashed.read == 2
    assert not (tmp_path / "cache").exists()


def test_a_spoiled_cache_is_ignored_and_rewritten(settled: list[Path], tmp_path: Path) -> None:
    file = tmp_path / "measured-shards.json"
    for content in (b"", b"{", b"\xff\xfe", b'{"version": 1, "files": {"a": 1}}'):
        file.write_bytes(content)
        assert measure_files(settled[:1], cache=tmp_path)[settled[0]] == facts_of(settled[0], 1)
        assert entries(tmp_path) == [str(settled[0])]


def test_a_cache_that_cannot_be_written_is_no_error(settled: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder" / "measured-shards.json").mkdir(parents=True)
    for cache in (tmp_path / "file", tmp_path / "folder"):
        assert measure_files(settled[:1], cache=cache)[settled[0]] == facts_of(settled[0], 1)
    assert len(list((tmp_path / "folder").iterdir())) == 1


def test_entries_of_other_files_stay_and_problems_are_not_kept(settled: list[Path], tmp_path: Path) -> None:
    bad = settled[0].with_name("bad.tar")
    measure_files(settled[:2], cache=tmp_path)
    measure_files([*settled[1:3], bad], cache=tmp_path)
    assert sorted(entries(tmp_path)) == [str(path) for path in settled[:3]]  # threads learn in any order


def test_a_source_opens_anew(shards: list[Path]) -> None:
    source: BlobSource = FileSource(shards[0], shards[0].stat().st_size)
    for _ in range(2):
        with source.open() as stream:
            assert stream.read() == shards[0].read_bytes()


def test_a_source_that_changed_is_refused(shards: list[Path]) -> None:
    with pytest.raises(BlobRejected, match="has changed: 10,240 bytes, not 5"):
        FileSource(shards[0], 5).open()
    with pytest.raises(BlobRejected, match="cannot be read: No such file"):
        FileSource(shards[0].with_name("gone"), 5).open()


UNREADABLE = Path("/proc/self/mem")
"""A file of Linux's that is opened, and cannot be read at its start."""


@pytest.mark.skipif(not UNREADABLE.exists(), reason="not Linux")
def test_a_source_whose_disk_fails_says_which_file_it_is() -> None:
    with (
        FileSource(UNREADABLE, 0).open() as stream,
        pytest.raises(BlobRejected, match=f"{UNREADABLE} cannot be read: "),
    ):
        stream.read(1 << 20)
