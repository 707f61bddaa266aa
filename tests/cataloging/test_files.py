"""The folder of pages: own files are replaced and removed, and no other is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.playground import tree

from atpub.cataloging.files import LIST, WrittenFiles, write_pages
from atpub.errors import FileConflict

PAGES = {"datasets/a.html": "a", "datasets/a.json": "{}", "index.html": "index"}


def write(folder: Path, pages: dict[str, str]) -> WrittenFiles:
    return write_pages(folder, pages.items(), pages)


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "site"
    assert write(folder, PAGES) == WrittenFiles(3, 3, 0)
    assert write(folder, PAGES) == WrittenFiles(3, 0, 0)
    assert write(folder, {**PAGES, "index.html": "other"}) == WrittenFiles(3, 1, 0)
    assert (folder / "index.html").read_text() == "other"


def test_pages_that_are_gone_are_removed_and_files_of_others_stay(tmp_path: Path) -> None:
    write(tmp_path, PAGES)
    (tmp_path / "CNAME").write_text("x.example")
    (tmp_path / "datasets" / "mine.txt").write_text("mine")
    assert write(tmp_path, {"datasets/b.html": "b", "index.html": "index"}) == WrittenFiles(2, 1, 2)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {LIST, "CNAME", "datasets/mine.txt", "datasets/b.html", "index.html"}


@pytest.mark.parametrize(
    "files",
    [
        {"a.txt": "x"},
        {"index.html": "<p>by hand"},
        {LIST: "[]"},
        {LIST: "{"},
        {LIST: '{"files": []}', "index.html": "<p>by hand"},
        {LIST: '{"files": []}', "datasets/a.html": "by hand"},
    ],
)
def test_a_folder_of_others_is_left_as_it_is(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    before = tree(tmp_path)
    with pytest.raises(FileConflict):
        write(tmp_path, PAGES)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("path", ["../victim", "/etc/victim", "datasets/../../victim", "notes.md", "datasets/x.html/y"])
def test_a_list_names_no_file_elsewhere(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (tmp_path / "victim").write_text("precious")
    (folder / "notes.md").write_text("precious")
    (folder / LIST).write_text(json.dumps({"files": [path, 3, None]}))
    assert write(folder, PAGES).removed == 0
    assert (tmp_path / "victim").read_text() == (folder / "notes.md").read_text() == "precious"


def test_no_symlink_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "site", PAGES)
    victim = tmp_path / "victim.html"
    victim.write_text("precious")
    (tmp_path / "site" / "index.html").unlink()
    (tmp_path / "site" / "index.html").symlink_to(victim)
    write(tmp_path / "site", PAGES)
    assert victim.read_text() == "precious"
    outside = tmp_path / "outside"
    (tmp_path / "site" / "datasets").rename(outside)
    (tmp_path / "site" / "datasets").symlink_to(outside)
    with pytest.raises(FileConflict):
        write(tmp_path / "site", {**PAGES, "datasets/a.html": "changed"})
    assert write(tmp_path / "site", {"index.html": "index"}).removed == 0
    assert (outside / "a.html").read_text() == "a"


def test_a_run_that_stops_is_continued(tmp_path: Path) -> None:
    def stopping() -> object:
        yield "datasets/a.html", "a"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_pages(tmp_path, stopping(), PAGES)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert write(tmp_path, {"index.html": "index"}) == WrittenFiles(1, 1, 1)
    assert not (tmp_path / "datasets" / "a.html").exists()
