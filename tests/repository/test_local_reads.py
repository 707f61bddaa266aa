"""What a server reads of a local repository: whosever it is, by collections, and with proofs."""

import shutil
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.repository.samples import NOTE, InMemory, at, create, note, notes, swap

from atpub.atproto.repo import mst
from atpub.atproto.repo.car import read_car
from atpub.atproto.repo.commit import parse_commit
from atpub.atproto.syntax import Did, Nsid
from atpub.errors import RepositoryNotFound
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create, Delete


def test_any_repository_can_be_opened_if_there_is_one(tmp_path: Path) -> None:
    with pytest.raises(RepositoryNotFound, match="there is no repository"):
        LocalRepository.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    did = Did("did:web:lab.example")
    with closing(LocalRepository(tmp_path / "lab", did)) as repository:
        repository.upload_blob(InMemory(b"x"), "text/plain")
        with pytest.raises(RepositoryNotFound, match="there is no repository"):
            LocalRepository.open(tmp_path / "lab")  # it has no commit yet
        create(repository, "one")
    with closing(LocalRepository.open(tmp_path / "lab")) as repository:
        assert repository.did == did
        assert list(notes(repository)) == [at("one")]


def test_a_folder_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    with closing(LocalRepository(tmp_path / "a")) as first, closing(LocalRepository(tmp_path / "a")) as second:
        create(first, "one")
        assert list(notes(second)) == [at("one")]
        shutil.move(tmp_path / "a", tmp_path / "b")
        assert notes(second) == {}
        create(first, "two")  # not into the folder that was moved away
        assert list(notes(second)) == [at("two")]
    with closing(LocalRepository(tmp_path / "b")) as moved:
        assert list(notes(moved)) == [at("one")]


def test_collections_are_those_with_records(tmp_path: Path) -> None:
    with closing(LocalRepository(tmp_path)) as repository:
        assert repository.list_collections() == []
        names = ["com.example.note", "com.example.note-x.a", "com.example.note.a", "com.example.note0", "com.example.a"]
        repository.apply_writes([Create(at(key, Nsid(name)), {}) for name in names for key in ("1", "~")], None)
        assert repository.list_collections() == sorted(names)
        repository.apply_writes([Delete(at(key, Nsid(names[0]))) for key in ("1", "~")], swap(repository))
        assert repository.list_collections() == sorted(names[1:])


KEYS = [f"k{number}" for number in range(40)]


@given(st.sets(st.sampled_from(KEYS), max_size=30), st.text("k0123456789~", max_size=3))
@settings(max_examples=25)
def test_a_proof_is_of_the_record_or_of_its_absence(
    tmp_path_factory: pytest.TempPathFactory, keys: set[str], asked: str
) -> None:
    with closing(LocalRepository(tmp_path_factory.mktemp("proof"))) as repository:
        repository.apply_writes([Create(at(key), note(key)) for key in keys], None)
        for key in {*keys, *([asked] if asked else [])}:
            stream = BytesIO()
            repository.export_proof(at(key), stream)
            car = read_car(stream.getvalue())
            found = list(mst.keys_of_changes(parse_commit(car.blocks[car.roots[0]]).data, car.blocks))
            assert found == ([f"{NOTE}/{key}".encode()] if key in keys else [])
