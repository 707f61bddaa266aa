from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atpub.shards.files import Found, expand_files

FILES = [
    "data/digits-000.tar",
    "data/digits-001.tar",
    "data/digits-010.tar",
    "data/notes.txt",
    "data/.hidden.tar",
    "data/deep/er/x.tar",
    "data/.cache/y.tar",
    "data/a[1].tar",
    "data/a*b.tar",
    "data/a{b.tar",
    "data/with blank.tar",
    "top.tar",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "manifest"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    outside = tmp_path / "disk"
    outside.mkdir()
    (outside / "far.tar").write_bytes(b"x")
    (root / "big").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "data" / "loop").symlink_to(root)
    (root / "link.tar").symlink_to(root / "top.tar")
    (root / "broken.tar").symlink_to("nowhere.tar")
    os.mkfifo(root / "pipe.tar")
    return root


def names(found: Found, folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in found.files]


DIGITS = ["data/digits-000.tar", "data/digits-001.tar", "data/digits-010.tar"]

FOUND: list[tuple[list[str], list[str]]] = [
    (["top.tar"], ["top.tar"]),
    (["./top.tar", "top.tar", ".//top.tar"], ["top.tar"]),
    (["data/digits-*.tar"], DIGITS),
    (["data/digits-00?.tar"], DIGITS[:2]),
    (["data/digits-0[1-9]*.tar"], DIGITS[2:]),
    (["data/digits-00[!0].tar"], DIGITS[1:2]),
    (["data/digits-{000..001}.tar"], DIGITS[:2]),
    (["data/digits-{001,000}.tar"], [DIGITS[1], DIGITS[0]]),
    (["{big,data/deep/er}/*.tar"], ["big/far.tar", "data/deep/er/x.tar"]),
    (["data/digits-01*.tar", "data/digits-*.tar"], [DIGITS[2], DIGITS[0], DIGITS[1]]),
    (["data/**/x.tar"], ["data/deep/er/x.tar"]),
    (["**/digits-*.tar"], DIGITS),
    (["big/*.tar"], ["big/far.tar"]),
    (["big/far.tar"], ["big/far.tar"]),
    (["link.tar"], ["link.tar"]),
    (["loop/top.tar"], ["loop/top.tar"]),
    (["[lt]*.tar"], ["link.tar", "top.tar"]),
    (["data/.hidden.tar"], ["data/.hidden.tar"]),
    (["data/.h*.tar"], ["data/.hidden.tar"]),
    ([r"data/a\[1].tar"], ["data/a[1].tar"]),
    ([r"data/a\*b.tar"], ["data/a*b.tar"]),
    ([r"data/a\{b.tar"], ["data/a{b.tar"]),
    ([r"data/a\{*.tar"], ["data/a{b.tar"]),
    (["data/a*.tar"], ["data/a*b.tar", "data/a[1].tar", "data/a{b.tar"]),
    (["data/with blank.tar"], ["data/with blank.tar"]),
    ([], []),
]


@pytest.mark.parametrize(("patterns", "expected"), FOUND)
def test_patterns_name_these_files(folder: Path, patterns: list[str], expected: list[str]) -> None:
    found = expand_files(patterns, folder, shards=True)
    assert found.problems == ()
    assert names(found, folder) == expected


PROBLEMS = [
    ("../disk/far.tar", "outside-folder", "leads out of the manifest's folder", "symlink"),
    ("/etc/passwd", "outside-folder", "/etc/passwd leads out", "symlink"),
    ("data/../../x.tar", "outside-folder", "leads out", ""),
    ("data/../top.tar", "outside-folder", "leads out", ""),
    ("{top.tar,../x.tar}", "outside-folder", "../x.tar leads out", ""),
    (r"\../x.tar", "outside-folder", "leads out", ""),
    ("../*.tar", "outside-folder", "leads out", ""),
    ("", "no-match", "the pattern is empty", ""),
    ("data/cats-*.tar", "no-match", "data/cats-*.tar matches no file in", ""),
    ("dta/*.tar", "no-match", "matches no file", "did you mean data?"),
    ("data/dep/*.tar", "no-match", "matches no file", "did you mean data/deep?"),
    ("dat[a]", "no-match", "matches no file", "it matches folders only"),
    ("[.][.]/disk/*", "no-match", "matches no file", ""),
    ("pipe.*", "not-a-regular-file", "pipe.tar is not a regular file", ""),
    ("[bt]*.tar", "file-missing", "broken.tar is a symlink to nowhere.tar, which does not exist", ""),
    ("data/digts-000.tar", "file-missing", "data/digts-000.tar does not exist", "did you mean data/digits-000.tar?"),
    ("dta/digits-000.tar", "file-missing", "does not exist", "there is no folder"),
    ("top.tar/x.tar", "file-missing", "does not exist", ""),
    ("nul\0.tar", "file-missing", "does not exist", ""),
    ("broken.tar", "file-missing", "broken.tar is a symlink to nowhere.tar, which does not exist", ""),
    (r"data/a\[2].tar", "file-missing", "data/a[2].tar does not exist", "data/a[1].tar"),
    ("data/digits-{000..011}.tar", "file-missing", "9 of 12 files do not exist: data/digits-002.tar, ", ""),
    ("{pqvwxyz,tip.tar}", "file-missing", "2 of 2 files do not exist: pqvwxyz, tip.tar", "did you mean top.tar?"),
    ("data", "not-a-file", "data is a folder", "name the files in it: data/*.tar"),
    ("data/", "not-a-file", "is a folder", "data/*.tar"),
    (".", "not-a-file", "is a folder", ""),
    ("pipe.tar", "not-a-regular-file", "not a regular file", ""),
    ("x" * 300, "file-unreadable", "File name too long", ""),
    ("data/{0..", "brace-unbalanced", "never closed", "range"),
    ("data/{0..9999999}.tar", "brace-too-many", "100,000", ""),
]


@pytest.mark.parametrize(("pattern", "code", "message", "hint"), PROBLEMS)
def test_a_bad_pattern_is_a_problem(folder: Path, pattern: str, code: str, message: str, hint: str) -> None:
    (problem,) = expand_files([pattern], folder, shards=True).problems
    assert (problem.code, problem.place) == (code, None)
    assert message in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize("path", ["../disk/far.tar", "big/far.tar", "/etc/passwd"])
def test_the_hint_for_a_single_file_outside_is_no_symlink(folder: Path, path: str) -> None:
    (problem,) = expand_files([path], folder).problems
    assert (problem.code, problem.hint) == (
        "outside-folder",
        "copy the file into the folder: a symlink may not leave it",
    )


def test_the_hint_for_a_folder_in_place_of_a_single_file_names_no_shards(folder: Path) -> None:
    (problem,) = expand_files(["data"], folder).problems
    assert (problem.code, problem.hint) == ("not-a-file", "name a file in it")


def test_an_empty_folder_gives_no_odd_hint(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (problem,) = expand_files(["data/*.tar"], tmp_path).problems
    assert (problem.code, problem.hint) == ("no-match", "")


def test_missing_names_are_listed_and_the_rest_is_found(folder: Path) -> None:
    found = expand_files(["data/digits-{000..003}.tar", "top.tar", "gone.tar", "/x"], folder)
    assert names(found, folder) == ["data/digits-000.tar", "data/digits-001.tar", "top.tar"]
    assert found.missing == ("data/digits-002.tar", "data/digits-003.tar", "gone.tar")
    assert [problem.code for problem in found.problems] == ["file-missing", "file-missing", "outside-folder"]


def test_every_unmatched_wildcard_is_reported(folder: Path) -> None:
    found = expand_files(["{data,gone,none}/digits-*.tar"], folder)
    assert len(found.files) == 3
    assert [problem.code for problem in found.problems] == ["no-match", "no-match"]


def test_a_relative_folder_gives_relative_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert expand_files(["data/digits-*.tar"], Path()).files[0] == Path("data/digits-000.tar")


def test_wildcards_are_sorted_bytewise(tmp_path: Path) -> None:
    for name in ("b", "B", "a", "ä", "10", "9", "\udcff"):
        (tmp_path / name).write_bytes(b"")
    found = [os.fsencode(file.name) for file in expand_files(["*"], tmp_path).files]
    assert found == sorted(found)
    assert len(found) == 7


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pattern=st.text() | st.text("./*[]!{}\\,-ad~$'\"\ud800\0", max_size=12))
def test_no_pattern_raises_or_leaves_the_folder(folder: Path, pattern: str) -> None:
    found = expand_files([pattern], folder)
    assert found.files or found.problems
    assert all(file.is_relative_to(folder) and ".." not in file.parts for file in found.files)
