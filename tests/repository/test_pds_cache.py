"""The copy of a repository that is kept between runs: worth something only while it is whole, and never trusted."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.repository.samples import NOTE, OTHER, at, note, swap

from atpub.atproto.repo.car import read_car, snapshot_of
from atpub.atproto.syntax import Did, Nsid, Tid
from atpub.repository.filter import RecordFilter
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID, Create
from atpub.repository.pds import cache as module
from atpub.repository.pds.cache import Cache, Copy, Listed, Whole
from atpub.repository.snapshot import head_of, records_of

SERVER = "https://pds.example"
REV = Tid.of(1_700_000_000_000_000)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Copy]:
    """A copy of each kind."""
    with closing(LocalRepository(tmp_path_factory.mktemp("copies") / "repository")) as repository:
        repository.apply_writes([Create(at(f"n{number}"), note(f"{number}")) for number in range(20)], None)
        repository.apply_writes([Create(at("one", OTHER), {"$type": OTHER})], swap(repository))
        stream = BytesIO()
        repository.export_car(stream)
    snapshot = snapshot_of(read_car(stream.getvalue()), LOCAL_DID)
    wanted = RecordFilter(
        frozenset([NOTE, Nsid("com.example.third")]), frozenset([at("one", OTHER), at("none", OTHER)])
    )
    listed = Listed(head_of(snapshot), wanted, records_of(snapshot, wanted), lasting=True)
    return {"whole": Whole(snapshot, REV), "listed": listed}


@pytest.fixture(scope="module", params=["whole", "listed"])
def copy(copies: dict[str, Copy], request: pytest.FixtureRequest) -> Copy:
    kind: str = request.param
    return copies[kind]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "deep" / "live", LOCAL_DID, SERVER)


def file_of(cache: Cache) -> Path:
    (file,) = cache.folder.iterdir()
    return file


def test_what_is_kept_comes_back(cache: Cache, copy: Copy) -> None:
    assert cache.load() is None
    cache.save(copy)
    assert cache.load() == copy
    assert file_of(cache).stat().st_mode & 0o777 == 0o600
    assert cache.folder.stat().st_mode & 0o077 == 0


def test_the_next_copy_replaces_it(cache: Cache, copies: dict[str, Copy]) -> None:
    for copy in (*copies.values(), *copies.values()):
        cache.save(copy)
        assert cache.load() == copy
        assert file_of(cache)


@pytest.mark.parametrize(("did", "server"), [("did:web:lab.example", SERVER), (LOCAL_DID, "https://other.example")])
def test_of_something_else_it_is_no_copy(cache: Cache, copy: Copy, did: str, server: str) -> None:
    cache.save(copy)
    mine = file_of(cache)
    another = Cache(cache.folder, Did(did), server)
    assert another.load() is None
    another.save(copy)
    theirs = next(file for file in cache.folder.iterdir() if file != mine)
    mine.replace(theirs)
    assert another.load() is None


def test_another_format_is_no_copy(cache: Cache, copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.save(copy)
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    assert cache.load() is None


@given(st.data())
def test_no_damage_gets_through(
    copies: dict[str, Copy], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    cache = Cache(tmp_path_factory.mktemp("damaged"), LOCAL_DID, SERVER)
    cache.save(copies[data.draw(st.sampled_from(["whole", "listed"]))])
    content = bytearray(file_of(cache).read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[position:]
    else:
        content[position] ^= data.draw(st.integers(1, 255))
    file_of(cache).write_bytes(content)
    assert cache.load() is None


@pytest.mark.parametrize("content", [b"", b"\0", b"noise", b"\xff" * 100])
def test_noise_is_no_copy(cache: Cache, copy: Copy, content: bytes) -> None:
    cache.save(copy)
    file_of(cache).write_bytes(content)
    assert cache.load() is None
    cache.save(copy)
    assert cache.load() == copy


def test_where_nothing_can_be_kept_nothing_is(cache: Cache, copy: Copy) -> None:
    cache.folder.parent.mkdir()
    cache.folder.write_text("a file, and not a folder")
    cache.save(copy)
    assert cache.load() is None


def test_a_folder_in_its_place_is_left_alone(cache: Cache, copy: Copy) -> None:
    cache.save(copy)
    file = file_of(cache)
    file.unlink()
    (file / "inside").mkdir(parents=True)
    cache.save(copy)
    assert cache.load() is None
    assert file_of(cache) == file


def test_what_is_too_large_is_not_kept(cache: Cache, copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.save(copy)
    monkeypatch.setattr(module, "LARGEST", 100)
    cache.save(copy)
    assert not [*cache.folder.iterdir()]


def test_the_oldest_go_when_all_are_too_large(
    cache: Cache, copies: dict[str, Copy], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copies["whole"]
    cache.save(copy)
    monkeypatch.setattr(module, "LARGEST", file_of(cache).stat().st_size * 5 // 2)
    caches = [Cache(cache.folder, LOCAL_DID, f"https://{number}.example") for number in range(4)]
    for other in caches:
        for file in cache.folder.iterdir():
            age(file)
        other.save(copy)
    kept = [other.load() is not None for other in (cache, *caches)]
    assert kept == [False, False, False, True, True]


def age(file: Path) -> None:
    """As if ten seconds had passed."""
    before = file.stat().st_mtime - 10
    os.utime(file, (before, before))


def test_many_may_use_it_at_once(cache: Cache, copies: dict[str, Copy]) -> None:
    """A reader meets one whole copy or another."""
    cache.save(copies["whole"])

    def use(copy: Copy) -> list[Copy | None]:
        found: list[Copy | None] = []
        for _ in range(20):
            cache.save(copy)
            found.append(cache.load())
        return found

    with ThreadPoolExecutor(2) as threads:
        for found in threads.map(use, copies.values()):
            assert all(each in copies.values() for each in found)
    assert file_of(cache)


def test_a_copy_of_another_commit_is_none(cache: Cache, copies: dict[str, Copy]) -> None:
    """As if a user had written the file by hand."""
    whole = copies["whole"]
    assert isinstance(whole, Whole)
    blocks = {cid: block for cid, block in whole.snapshot.blocks.items() if cid != whole.snapshot.root}
    cache.save(Whole(type(whole.snapshot)(LOCAL_DID, whole.snapshot.root, REV, {}, blocks), REV))
    assert cache.load() is None
