"""The blobs of a local repository: their files, their types, several threads at once, and garbage."""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from tests.repository.conftest import Open
from tests.repository.samples import InMemory, at, clock_at, content, create, notes, swap, tar_of

from atpub.atproto.syntax import RAW, Cid
from atpub.errors import BlobDamaged, BlobNotFound, BlobRejected, HeadMoved, Unavailable
from atpub.repository.local import LocalRepository
from atpub.repository.model import Delete

HOUR = 3_600_000_000


@pytest.fixture
def repository(opened: Open) -> LocalRepository:
    return opened()


def files(folder: Path) -> set[str]:
    return {file.name for file in (folder / "blobs").iterdir()}


def test_a_blob_is_a_file_named_by_its_cid(folder: Path, repository: LocalRepository) -> None:
    data = os.urandom(2_500_000)
    blob = repository.upload_blob(InMemory(data), "application/octet-stream")
    assert files(folder) == {blob.cid}
    assert (folder / "blobs" / blob.cid).read_bytes() == data
    create(repository, "one", blob)
    assert [len(chunk) for chunk in repository.get_blob(blob.cid)] == [1 << 20, 1 << 20, 2_500_000 - (2 << 20)]


@pytest.mark.parametrize(
    ("given", "stored"),
    [("text/csv; charset=utf-8", "text/csv"), (" text/csv ", "text/csv"), ("application/x-tar", "application/x-tar")],
)
def test_the_given_type_is_stored_without_parameters(repository: LocalRepository, given: str, stored: str) -> None:
    assert repository.upload_blob(InMemory(b"a,b\n"), given).mime_type == stored


def test_a_waiting_blob_takes_its_latest_type_and_a_blob_in_use_keeps_its_own(repository: LocalRepository) -> None:
    data = InMemory(b"a,b\n")
    repository.upload_blob(data, "text/plain")
    blob = repository.upload_blob(data, "text/csv")
    assert blob.mime_type == "text/csv"
    create(repository, "one", blob)
    assert repository.upload_blob(data, "text/plain") == blob
    create(repository, "two", blob)


def test_a_source_that_changes_its_size_is_refused(folder: Path, repository: LocalRepository) -> None:
    for claimed in (4, 6):
        with pytest.raises(BlobRejected, match=rf"5 bytes, not the {claimed}"):
            repository.upload_blob(InMemory(b"12345", claimed), "text/plain")
    assert files(folder) == set()


def test_the_file_goes_with_the_last_reference(folder: Path, repository: LocalRepository) -> None:
    blob = repository.upload_blob(InMemory(tar_of(b"x")), "application/x-tar")
    create(repository, "one", blob)
    create(repository, "two", blob)
    for rkey, left in (("one", {blob.cid}), ("two", set[str]())):
        repository.apply_writes([Delete(at(rkey))], swap(repository))
        assert files(folder) == left


def test_a_record_may_hold_one_blob_twice(repository: LocalRepository) -> None:
    blob = repository.upload_blob(InMemory(b"x"), "text/plain")
    create(repository, "one", blob, blob)
    assert content(repository, blob) == b"x"


def test_threads_upload_and_commit_at_once(opened: Open) -> None:
    repositories = [opened(), opened()]
    numbers = count()

    def work(repository: LocalRepository) -> None:
        for _ in range(5):
            number = next(numbers)
            blob = repository.upload_blob(InMemory(b"%d" % number * 50_000), "text/plain")
            while True:
                try:
                    create(repository, f"n{number}", blob)
                    break
                except HeadMoved:
                    continue

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, repositories * 3))
    found = notes(repositories[0])
    assert {path.rkey for path in found} == {f"n{number}" for number in range(30)}
    assert notes(repositories[1]) == found


# Garbage.


def test_garbage_is_what_nothing_has_used_for_an_hour(folder: Path, opened: Open) -> None:
    repository = opened()
    used, waiting = (repository.upload_blob(InMemory(data), "text/plain") for data in (b"used", b"waiting"))
    create(repository, "one", used)
    (folder / "blobs" / "partial-0123").touch()
    (folder / "blobs" / Cid.of_digest(bytes(32), RAW)).touch()
    (folder / "blobs" / "not ours").touch()
    assert repository.collect_garbage() == 0
    now = max(file.stat().st_mtime_ns for file in (folder / "blobs").iterdir()) // 1000 + 1
    later = opened(clock=clock_at(now + HOUR))
    assert later.collect_garbage() == 3
    assert files(folder) == {used.cid, "not ours"}
    assert content(repository, used) == b"used"
    with pytest.raises(BlobNotFound):
        create(repository, "two", waiting)
    assert later.collect_garbage() == 0


def test_the_first_commit_collects_it(folder: Path, opened: Open) -> None:
    """Of each who opens the repository: what an apply that was broken off has brought does not stay for ever."""
    opened().upload_blob(InMemory(b"old"), "text/plain")
    (old,) = (folder / "blobs").iterdir()
    second = 1_000_000
    then = old.stat().st_mtime_ns // 1000
    soon = opened(clock=clock_at(then + HOUR - second))
    create(soon, "one", used := soon.upload_blob(InMemory(b"used"), "text/plain"))
    assert files(folder) == {old.name, used.cid}
    create(opened(clock=clock_at(then + HOUR + second)), "two")
    assert files(folder) == {used.cid}


def test_a_missing_blob_file_is_noticed_and_an_upload_heals_it(folder: Path, repository: LocalRepository) -> None:
    blob = repository.upload_blob(InMemory(b"x"), "text/plain")
    create(repository, "one", blob)
    (folder / "blobs" / blob.cid).unlink()
    with pytest.raises(BlobNotFound, match="is missing from"):
        content(repository, blob)
    assert repository.upload_blob(InMemory(b"x"), "text/html") == blob
    assert content(repository, blob) == b"x"


def test_a_missing_blob_folder_is_unavailable(folder: Path, repository: LocalRepository) -> None:
    create(repository, "one")
    (folder / "blobs").rmdir()
    with pytest.raises(Unavailable):
        repository.upload_blob(InMemory(b"x"), "text/plain")


@pytest.mark.parametrize("damaged", [b"", b"12", b"54321", b"1234567"])
def test_a_damaged_file_is_told_and_mended_by_an_upload(
    folder: Path, repository: LocalRepository, damaged: bytes
) -> None:
    blob = repository.upload_blob(InMemory(b"12345"), "text/plain")
    create(repository, "one", blob)
    (folder / "blobs" / blob.cid).write_bytes(damaged)
    with pytest.raises(BlobDamaged, match="is damaged"):
        content(repository, blob)
    assert repository.upload_blob(InMemory(b"12345"), "text/plain") == blob
    assert content(repository, blob) == b"12345"
