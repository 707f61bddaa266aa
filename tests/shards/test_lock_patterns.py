"""A lock stands in for files exactly: patterns find the same names in it as on the disk, in the same order."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.shards.files import expand_files
from atpub.shards.locator import Located, Locator
from atpub.shards.lock import Lock, LockedFile

FILES = [
    "data/digits-000.tar",
    "data/digits-001.tar",
    "data/digits-010.tar",
    "data/.hidden.tar",
    "data/deep/er/x.tar",
    "data/a[1].tar",
    "data/a*b.tar",
    "data/a{b.tar",
    "data/a!b.tar",
    "data/a\\b.tar",
    "data/with blank.tar",
    ".cache/y.tar",
    "-1.tar",
    "~x.tar",
    "ä.tar",
    "\udcff.tar",
    "Top.tar",
    "top.tar",
]


def locked(names: Iterable[str]) -> Lock:
    return Lock({name: LockedFile(1, "a" * 64, 1) for name in names})


def write(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def names(files: Collection[Path], folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in files]


@pytest.fixture(scope="module")
def full() -> Iterable[Path]:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), FILES)
        yield Path(folder)


PIECES = r"""
* ** ? [0-9] [!a] [[]1] {000..001} {001,000} {data,.} / / ./ // .tar
data digits- 0 a deep er . x - ~ ! .. { } , Top top .hidden \[ \* \\ \{ \a
"""
patterns = (
    st.lists(st.sampled_from(PIECES.split()), min_size=1, max_size=7).map("".join)
    | st.sampled_from(FILES)
    | st.sampled_from(
        ["data/*.tar", "**/*.tar", "**", "data/**/*", "*/*", "{data,.cache}/*", "data/digits-{0..9}*.tar"]
    )
)


@pytest.mark.slow
@given(wanted=st.lists(patterns, min_size=1, max_size=3), here=st.sets(st.sampled_from(FILES)))
def test_whatever_is_there_the_same_files_are_found(full: Path, wanted: Sequence[str], here: set[str]) -> None:
    expected = expand_files(wanted, full)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, here)
        found = Locator(folder, locked(FILES)).locate(wanted)
        assert names(found.files, folder) == names(expected.files, full)
        assert set(names(found.absent, folder)) == set(names(expected.files, full)) - here
        assert bool(found.problems) == bool(expected.problems)


def locate(folder: Path, lock: Lock | None, *wanted: str) -> Located:
    return Locator(folder, lock).locate(wanted)


def codes(found: Located) -> list[str]:
    return [problem.code for problem in found.problems]


def test_what_is_there_and_what_is_locked_go_together(tmp_path: Path) -> None:
    write(tmp_path, ["data/d-1.tar", "data/d-3.tar"])
    lock = locked(["data/d-2.tar", "data/d-0.tar", "data/d-1.tar", "data/e.tar"])
    found = locate(tmp_path, lock, "data/d-*.tar")
    assert names(found.files, tmp_path) == ["data/d-0.tar", "data/d-1.tar", "data/d-2.tar", "data/d-3.tar"]
    assert found.absent == {tmp_path / "data/d-0.tar", tmp_path / "data/d-2.tar"}
    found = locate(tmp_path, lock, "data/{e,d-3,d-0}.tar")
    assert names(found.files, tmp_path) == ["data/e.tar", "data/d-3.tar", "data/d-0.tar"]


def test_a_broken_symlink_is_not_there_and_a_folder_is(tmp_path: Path) -> None:
    write(tmp_path, ["data/a.tar"])
    (tmp_path / "far").symlink_to(tmp_path / "disk")
    (tmp_path / "d.tar").mkdir()
    lock = locked(["far/x.tar", "d.tar"])
    assert names(locate(tmp_path, lock, "far/*.tar").files, tmp_path) == ["far/x.tar"]
    assert codes(locate(tmp_path, lock, "d.tar")) == ["not-a-file"]
    assert codes(locate(tmp_path, lock, "{d,far/x}.tar")) == ["not-a-file"]
    assert codes(locate(tmp_path, lock, "d.t*")) == ["no-match"]


def test_a_match_that_is_a_broken_symlink_comes_from_the_lock_or_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, ["data/a.tar"])
    for name in ("b", "c"):
        (tmp_path / f"data/{name}.tar").symlink_to("/nowhere")
    found = locate(tmp_path, locked(["data/b.tar", "data/c.tar"]), "data/*.tar")
    assert (names(found.files, tmp_path), found.problems) == (["data/a.tar", "data/b.tar", "data/c.tar"], ())
    [problem] = locate(tmp_path, locked(["data/b.tar"]), "data/*.tar").problems
    assert (problem.code, problem.message) == ("file-missing", "neither here nor in atpub.lock: data/c.tar")


def test_a_symlinked_folder_counts_as_on_the_disk_while_it_is_there(tmp_path: Path) -> None:
    write(tmp_path / "disk", ["x.tar"])
    folder = tmp_path / "manifest"
    write(folder, ["data/y.tar"])
    (folder / "big").symlink_to(tmp_path / "disk")
    lock = locked(["big/x.tar", "data/y.tar"])
    assert names(locate(folder, lock, "**/*.tar").files, folder) == ["data/y.tar"]


MISSING = [
    (None, "data/c.tar", "file-missing", "data/c.tar does not exist", "elsewhere, run `atpub lock` there"),
    (None, "data/c*.tar", "no-match", "matches no file", "elsewhere, run `atpub lock` there"),
    (None, "dta/*", "no-match", "matches no file", "did you mean data?; if the files are elsewhere"),
    (None, "", "no-match", "the pattern is empty", "name a file, or several as in data/*.tar"),
    (["x.tar"], "data/c.tar", "file-missing", "does not exist", "atpub.lock does not have it either: run `atpub lock`"),
    (["x.tar"], "c*", "no-match", "matches no file", "atpub.lock does not have it either"),
    (["x.tar"], "{x,y,data/a,z*}.tar", "file-missing", "neither here nor in atpub.lock: y.tar, z*.tar", "atpub lock"),
    (["x.tar"], "{x,0..9}.tar", "file-missing", "0.tar, 1.tar, 2.tar, 3.tar, 4.tar and 5 more", "run `atpub lock`"),
    (["x.tar"], "../x.tar", "outside-folder", "leads out", "symlink"),
    (["x.tar"], "/x.tar", "outside-folder", "leads out", "symlink"),
]  # fmt: skip


@pytest.mark.parametrize(("lock", "pattern", "code", "message", "hint"), MISSING)
def test_what_is_nowhere_is_a_problem(
    tmp_path: Path, lock: list[str] | None, pattern: str, code: str, message: str, hint: str
) -> None:
    write(tmp_path, ["data/a.tar"])
    found = locate(tmp_path, None if lock is None else locked(lock), pattern.replace("0..9", "{0..9}"))
    (problem,) = found.problems
    assert problem.code == code
    assert message in problem.message
    assert hint in problem.hint


def test_a_relative_folder_gives_relative_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate(Path(), locked(["data/d.tar"]), "./data/*.tar").files == (Path("data/d.tar"),)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_not_taken_for_absent(tmp_path: Path) -> None:
    write(tmp_path, ["data/d.tar"])
    (tmp_path / "data").chmod(0)
    try:
        assert codes(locate(tmp_path, locked(["data/d.tar"]), "data/d.tar")) == ["file-unreadable"]
    finally:
        (tmp_path / "data").chmod(0o700)
        shutil.rmtree(tmp_path / "data")
