"""A local repository on a medium that cannot be written to: all reading works, and a write is refused."""

from __future__ import annotations

import shutil
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from tests.read_only import read_only
from tests.repository.conftest import Open
from tests.repository.samples import InMemory, at, content, create, notes, swap

from atpub.errors import Unavailable
from atpub.repository.local import LocalRepository
from atpub.repository.model import Delete


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.rglob("*")}


@pytest.mark.parametrize("is_hidden", [True, False])
def test_all_reading_works(folder: Path, opened: Open, is_hidden: bool) -> None:
    with closing(opened()) as repository:
        blob = repository.upload_blob(InMemory(b"hello"), "text/plain")
        create(repository, "one", blob)
        head, found = repository.head(), notes(repository)
    if not is_hidden:
        (folder / ".gitignore").unlink()
    before = names(folder)
    with read_only(folder), closing(LocalRepository(folder)) as repository:
        assert (repository.head(), notes(repository)) == (head, found)
        assert content(repository, blob) == b"hello"
        repository.export_car(BytesIO())
        assert repository.check_blobs(found) == {}
        assert names(folder) == before


def test_a_write_is_refused(folder: Path, opened: Open) -> None:
    with closing(opened()) as repository:
        create(repository, "one")
    with read_only(folder), closing(LocalRepository(folder)) as repository:
        head = swap(repository)
        with pytest.raises(Unavailable, match="it is read-only"):
            repository.apply_writes([Delete(at("one"))], head)
        with pytest.raises(Unavailable, match="it is read-only"):
            repository.upload_blob(InMemory(b"hello"), "text/plain")
        assert swap(repository) == head


def test_commits_in_the_log_of_a_killed_process_are_read(folder: Path, opened: Open, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with closing(opened()) as repository:
        create(repository, "one")
        shutil.copytree(folder, copy)
        head = repository.head()
    assert (copy / "repo.sqlite-wal").stat().st_size
    with read_only(copy), closing(LocalRepository(copy)) as repository:
        assert repository.head() == head
        assert set(notes(repository)) == {at("one")}
    (copy / "repo.sqlite-shm").unlink()
    with read_only(copy), closing(LocalRepository(copy)) as repository, pytest.raises(Unavailable):
        repository.head()  # never an older state


def test_it_can_be_written_to_once_the_medium_can(folder: Path, opened: Open) -> None:
    with closing(opened()) as repository:
        create(repository, "one")
    with closing(LocalRepository(folder)) as repository:
        with read_only(folder):
            assert set(notes(repository)) == {at("one")}
        create(repository, "two")
        assert set(notes(repository)) == {at("one"), at("two")}
