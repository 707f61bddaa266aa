"""What is a local repository's own: the folder, the clock, the commit, and what happens when they are meddled with."""

import re
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from tests.repository.conftest import Open
from tests.repository.samples import OTHER, InMemory, at, clock_at, create, note, notes, swap

from atpub.atproto.repo.car import read_car, snapshot_of
from atpub.atproto.repo.commit import parse_commit
from atpub.atproto.syntax import RAW, Cid, Did, Tid
from atpub.errors import (
    BlobNotFound,
    BlobRejected,
    HeadMoved,
    InvalidInput,
    RecordConflict,
    RepositoryError,
    RepositoryNotFound,
    RequestTooLarge,
    Unavailable,
)
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID, Create, Delete, Update
from atpub.repository.snapshot import head_of, records_of

HOUR = 3_600_000_000
START = 1_700_000_000_000_000


@pytest.fixture
def repository(opened: Open) -> LocalRepository:
    return opened()


# The folder.


def test_reading_creates_nothing(folder: Path, repository: LocalRepository) -> None:
    assert repository.did == LOCAL_DID == "did:web:local.invalid"
    assert repository.head() is None
    assert notes(repository) == {}
    assert repository.collect_garbage() == 0
    with pytest.raises(BlobNotFound):
        repository.get_blob(Cid.of_digest(bytes(32), RAW))
    with pytest.raises(RepositoryNotFound):
        repository.export_car(BytesIO())
    with pytest.raises(RepositoryNotFound):
        _ = repository.public_key
    assert not folder.parent.exists()


def test_a_database_that_leads_elsewhere_is_not_written(folder: Path, repository: LocalRepository) -> None:
    folder.mkdir(parents=True)
    (folder.parent / "theirs.sqlite").touch()
    (folder / "repo.sqlite").symlink_to(folder.parent / "theirs.sqlite")
    with pytest.raises(RepositoryError, match="is a symlink"):
        repository.upload_blob(InMemory(b"a"), "text/plain")
    assert (folder.parent / "theirs.sqlite").stat().st_size == 0


def test_the_first_write_makes_the_folder(folder: Path, repository: LocalRepository) -> None:
    create(repository, "one")
    assert (folder / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
    repository.close()
    assert {file.name for file in folder.iterdir()} == {".gitignore", "blobs", "key", "repo.sqlite"}


def test_an_upload_makes_the_folder_and_no_commit(folder: Path, repository: LocalRepository) -> None:
    repository.upload_blob(InMemory(b"x"), "text/plain")
    assert repository.head() is None
    assert notes(repository) == {}
    assert (folder / ".gitignore").exists()


def test_nothing_refused_makes_the_folder(folder: Path, repository: LocalRepository) -> None:
    with pytest.raises(InvalidInput):
        repository.apply_writes([Create(at("one"), {"$type": OTHER})], None)
    for mime_type in ("", " ; charset=utf-8", "csv"):
        with pytest.raises(BlobRejected, match="is not a MIME type"):
            repository.upload_blob(InMemory(b"x"), mime_type)
    assert not folder.exists()


def test_the_repository_is_there_when_it_is_opened_again(opened: Open) -> None:
    first, second = opened(), opened()
    create(first, "one", first.upload_blob(InMemory(b"x"), "text/plain"))
    assert second.head() == first.head()
    assert notes(second) == notes(first)
    create(second, "two")
    create(first, "three")
    assert {path.rkey for path in notes(opened())} == {"one", "two", "three"}
    assert opened().public_key == first.public_key


def test_a_closed_repository_can_be_used_again(repository: LocalRepository) -> None:
    create(repository, "one")
    repository.close()
    create(repository, "two")
    assert {path.rkey for path in notes(repository)} == {"one", "two"}


def test_the_folder_of_another_did_is_refused(opened: Open) -> None:
    create(opened(Did("did:web:lab.example")), "one")
    other = opened()
    for use in (other.head, partial(create, other, "two"), partial(notes, other)):
        with pytest.raises(RepositoryError, match=r"of did:web:lab\.example, not of did:web:local\.invalid"):
            use()


def test_a_folder_with_other_things_is_refused(folder: Path, repository: LocalRepository) -> None:
    folder.mkdir(parents=True)
    (folder / "thesis.tex").touch()
    for use in (repository.head, partial(create, repository, "one")):
        with pytest.raises(RepositoryError, match="not a repository"):
            use()
    assert [file.name for file in folder.iterdir()] == ["thesis.tex"]


def test_a_file_is_refused(folder: Path, repository: LocalRepository) -> None:
    folder.parent.mkdir()
    folder.touch()
    for use in (repository.head, partial(create, repository, "one")):
        with pytest.raises(RepositoryError, match="not a repository"):
            use()


def test_an_empty_folder_is_taken(folder: Path, repository: LocalRepository) -> None:
    folder.mkdir(parents=True)
    assert repository.head() is None
    create(repository, "one")
    assert {*notes(repository)} == {at("one")}


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with closing(LocalRepository(tmp_path / "file" / "repository")) as repository, pytest.raises(Unavailable):
        create(repository, "one")


@pytest.mark.parametrize("name", ["space and #hash?", "ünï%20", "a'b"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    with closing(LocalRepository(tmp_path / name)) as repository:
        create(repository, "one")
    assert (tmp_path / name / "repo.sqlite").exists()


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(LocalRepository(Path("here"))) as repository:
        create(repository, "one")
    assert (tmp_path / "here" / "repo.sqlite").exists()


def test_a_newer_format_is_refused(folder: Path, opened: Open) -> None:
    with closing(opened()) as repository:
        create(repository, "one")
    meddle(folder, "pragma user_version = 99")
    with pytest.raises(RepositoryError, match="format 99"):
        opened().head()


# The clock.


def test_revisions_rise_though_the_clock_goes_back(opened: Open) -> None:
    repository = opened(clock=clock_at(START, START - HOUR, START - HOUR, START + 5))
    revisions = [repository.apply_writes([], swap(repository)).head.rev for _ in range(4)]
    assert revisions == [Tid.of(START + later) for later in (0, 1, 2, 5)]
    assert revisions == sorted(revisions)
    later = opened(clock=clock_at(START - HOUR))
    assert later.apply_writes([], swap(later)).head.rev > revisions[-1]


# The commit.


def test_the_commit_is_signed_with_the_key(repository: LocalRepository) -> None:
    create(repository, "one", repository.upload_blob(InMemory(b"x"), "text/plain"))
    stream = BytesIO()
    repository.export_car(stream)
    car = read_car(stream.getvalue())
    snapshot = snapshot_of(car, repository.did)
    commit = parse_commit(car.blocks[car.roots[0]])
    assert commit.signed_by(repository.public_key)
    assert commit.prev is None
    assert head_of(snapshot) == repository.head()
    assert records_of(snapshot) == notes(repository)


def test_one_record_twice_in_a_batch_is_refused(repository: LocalRepository) -> None:
    with pytest.raises(RecordConflict, match=r"com\.example\.note/one is written twice"):
        repository.apply_writes([Create(at("one"), note()), Delete(at("one"))], None)


def test_a_record_over_the_limit_is_refused(repository: LocalRepository) -> None:
    with pytest.raises(RequestTooLarge, match=r"1,000,0\d\d bytes"):
        repository.apply_writes([Create(at("one"), note("x" * 1_000_000))], None)


def test_an_invalid_record_is_named(repository: LocalRepository) -> None:
    with pytest.raises(InvalidInput) as caught:
        repository.apply_writes([Create(at("fine"), note()), Create(at("bad"), {"$type": OTHER})], None)
    assert str(caught.value).startswith("com.example.note/bad: $type is 'com.example.other'")
    with pytest.raises(InvalidInput, match="not-in-data-model"):
        repository.apply_writes([Create(at("bad"), {"big": 2**63})], None)


def test_the_refusals_say_what_is_there(repository: LocalRepository) -> None:
    create(repository, "one")
    with pytest.raises(HeadMoved, match=rf"is {swap(repository)}, not none"):
        repository.apply_writes([], None)
    with pytest.raises(RecordConflict, match=r"cannot update com\.example\.note/two"):
        repository.apply_writes([Update(at("two"), note())], swap(repository))


def test_many_batches_make_the_tree_that_one_process_would_make_at_once(opened: Open) -> None:
    one, other = opened(), opened()
    for start in range(0, 300, 30):  # turn by turn, so that each has to take in what the other wrote
        repository = (one, other)[start % 60 // 30]
        writes = [Create(at(f"n{sha256(b'%d' % n).hexdigest()}"), note(str(n))) for n in range(start, start + 30)]
        repository.apply_writes(writes, swap(repository))
    stream = BytesIO()
    opened().export_car(stream)
    assert records_of(snapshot_of(read_car(stream.getvalue()), one.did)) == notes(one)
    assert len(notes(one)) == 300


# Damage.


def meddle(folder: Path, *statement: object) -> None:
    with closing(sqlite3.connect(folder / "repo.sqlite")) as db, db:
        db.execute(*statement)  # type: ignore[arg-type]


@pytest.fixture
def damaged(folder: Path, opened: Open) -> Callable[..., LocalRepository]:
    """A repository with two records, opened after a statement was run on its database."""
    with closing(opened()) as repository:
        create(repository, "one", repository.upload_blob(InMemory(b"x"), "text/plain"))
        create(repository, "two")

    def after(*statement: object) -> LocalRepository:
        meddle(folder, *statement)
        return opened()

    return after


def test_a_changed_record_is_noticed(damaged: Callable[..., LocalRepository]) -> None:
    repository = damaged("update record set value = x'a0' where key = cast('com.example.note/one' as blob)")
    with pytest.raises(RepositoryError, match=r"damaged: the record com\.example\.note/one does not match its CID"):
        notes(repository)


def test_a_record_less_is_noticed_by_the_next_commit(damaged: Callable[..., LocalRepository]) -> None:
    repository = damaged("delete from record where key = cast('com.example.note/one' as blob)")
    for use in (partial(create, repository, "three"), partial(repository.export_car, BytesIO())):
        with pytest.raises(RepositoryError, match="damaged: its records are not those of its newest commit"):
            use()


def test_a_missing_table_is_noticed(damaged: Callable[..., LocalRepository]) -> None:
    with pytest.raises(RepositoryError, match="no such table"):
        notes(damaged("drop table record"))


def test_a_database_that_is_none_is_refused(folder: Path, opened: Open) -> None:
    folder.mkdir(parents=True)
    (folder / "repo.sqlite").write_bytes(b"not a database, and long enough to be read as one" * 100)
    for use in (opened().head, partial(create, opened(), "one")):
        with pytest.raises(RepositoryError, match=r"damaged: file is not a database") as caught:
            use()
        assert "makes a new repository" in caught.value.hint


@pytest.mark.parametrize("key", [None, "", "not hexadecimal"])
def test_a_key_that_is_gone_or_broken_is_not_made_anew(
    folder: Path, repository: LocalRepository, key: str | None
) -> None:
    create(repository, "one")
    (folder / "key").unlink()
    if key is not None:
        (folder / "key").write_text(key)
    before = repository.head()
    with pytest.raises(RepositoryError, match=re.escape(str(folder / "key"))):
        create(repository, "two")
    assert repository.head() == before


@pytest.mark.parametrize("left", ["", None])
def test_a_gitignore_that_a_full_disk_left_empty_is_written_by_the_next_write(folder: Path, left: str | None) -> None:
    """Else `git add .` takes the key."""
    for existing in (False, True):
        if existing:
            (folder / ".gitignore").unlink()
        folder.mkdir(parents=True, exist_ok=True)
        if left is not None:
            (folder / ".gitignore").write_text(left)
        with closing(LocalRepository(folder)) as repository:
            create(repository, f"n{existing}")
        assert (folder / ".gitignore").read_text() == "*\n"


def test_there_is_no_key_where_git_would_take_it(folder: Path) -> None:
    (folder / ".gitignore").mkdir(parents=True)
    with closing(LocalRepository(folder)) as repository, pytest.raises(Unavailable):
        create(repository, "one")
    assert not (folder / "key").exists()
