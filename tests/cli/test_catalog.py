"""`atpub catalog` and `atpub open`: pages of a manifest's account and of others, and the hints of apply."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.playground import Ran, tree, write_files
from tests.cli.terminal import ATPUB
from tests.servers import QuietHandler, serving
from tests.shards.tars import Member, make_tar

MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {image: {nsid: org.lab.image, version: 1.0.0, members: {txt: text, cls: integer}}}
datasets:
  d: {schema: image, name: Digits, description: "Line one.\\n\\nLine two.", license: MIT, tags: [a, b], blobs: d.tar}
  e: {schema: image, name: Others, urls: "URL/e.tar", checksums: none}
labels: {d-1: {name: d, dataset: d, version: 1.0.0}}
"""
MEMBERS = (("cls", b"1"), ("txt", b"words"))
SHARD = [
    Member(f"{number:03}.{kind}", text) for number in range(9) for kind, text in (("cls", b"1"), ("txt", b"words"))
]


class Nothing(QuietHandler):
    """A server that has nothing."""

    def do_GET(self) -> None:
        self.send_error(404)


@pytest.fixture
def url() -> Iterator[str]:
    with serving(Nothing) as url:
        yield url


@pytest.fixture
def published(folder: Path, atpub: Callable[..., Ran], url: str) -> Path:
    """A manifest in the current folder, whose records are in the embedded repository."""
    write_files(folder, {"atpub.yaml": MANIFEST.replace("URL", url)})
    (folder / "d.tar").write_bytes(make_tar(SHARD))
    assert atpub("apply", "--yes").code == 0
    return folder


def page(folder: Path, title: str) -> str:
    """The page of the dataset with that title."""
    (text,) = (text for file in folder.rglob("*.html") if f"<h1>{title}</h1>" in (text := file.read_text()))
    return text


def test_a_catalog_of_a_manifest(published: Path, atpub: Callable[..., Ran]) -> None:
    ran = atpub("catalog")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("2 datasets in catalog/index.html (9 files")
    digits = page(published / "catalog", "Digits")
    for text in (
        "datasets/d",
        "<p>Line two.</p>",
        "words",
        "https://spdx.org/licenses/MIT.html",
        "Values of the first 9",
    ):
        assert text in digits
    assert "The first shard could not be read: http://127.0.0.1" in page(published / "catalog", "Others")


def test_the_same_catalog_again_writes_nothing(published: Path, atpub: Callable[..., Ran]) -> None:
    atpub("catalog")
    before = tree(published)
    assert atpub("catalog", "--json").json["written"] == 0
    assert tree(published) == before


def test_a_catalog_without_samples_reads_no_data(published: Path, atpub: Callable[..., Ran]) -> None:
    assert atpub("catalog", "--samples", "0").code == 0
    assert "First samples" not in page(published / "catalog", "Digits")
    assert "could not be read" not in page(published / "catalog", "Others")


def test_a_catalog_of_accounts(published: Path, atpub: Callable[..., Ran]) -> None:
    (published / "other").mkdir()
    text = (published / "atpub.yaml").read_text().replace("d: {", "f: {").replace("dataset: d", "dataset: f")
    (published / "other.yaml").write_text(text.replace("project: lab", "project: other"))
    assert atpub("apply", "--yes", "-m", "other.yaml", "--account", "local:other/r").code == 0
    ran = atpub("catalog", "local", "local:other/r", "local", "--out", "site", "--json")
    assert len(ran.json["datasets"]) == 3, "one dataset is in both, with one URI"
    assert "<h1>Datasets</h1>" in (published / "site" / "index.html").read_text()
    assert "datasets/d</code>" not in (published / "site" / "index.html").read_text()


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--out", "full"), 1),
        (("--out", "atpub.yaml"), 64),
        (("local", "-m", "atpub.yaml"), 64),
        (("local", "--account", "local"), 64),
        (("nonsense",), 64),
        (("--samples", "-1"), 64),
        (("--samples", "x"), 64),
        (("local:none",), 1),
    ],
)
def test_bad_input_writes_nothing(published: Path, atpub: Callable[..., Ran], args: tuple[str, ...], code: int) -> None:
    write_files(published, {"full/notes.txt": "mine"})
    before = tree(published)
    ran = atpub("catalog", *args)
    assert (ran.code, ran.out) == (code, "")
    assert tree(published) == before


@pytest.mark.parametrize("name", ["datasets/d", "d", "labels/d-1", "URI"])
def test_open_prints_the_page_of_a_dataset(published: Path, atpub: Callable[..., Ran], name: str) -> None:
    uri = next(item["uri"] for item in atpub("list", "--json").json["datasets"] if item["title"] == "Digits")
    ran = atpub("open", "--print", uri if name == "URI" else name)
    assert ran.code == 0, ran.err
    assert "<h1>Digits</h1>" in Path(ran.out.strip()).read_text()


def test_open_prints_the_index(published: Path, atpub: Callable[..., Ran]) -> None:
    index = Path(atpub("open", "--print").out.strip())
    assert index.name == "index.html"
    assert "Digits" in index.read_text()


@pytest.mark.parametrize(
    ("name", "code"),
    [("schemas/image", 64), ("nothing", 64), ("at://x", 64), ("at://did:web:local.invalid/org.lab.note/x", 1)],
)
def test_open_refuses_what_is_no_dataset(published: Path, atpub: Callable[..., Ran], name: str, code: int) -> None:
    ran = atpub("open", "--print", name)
    assert (ran.code, ran.out) == (code, "")


@pytest.mark.slow
def test_open_starts_a_browser(published: Path) -> None:
    browser = published / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > opened\n')
    browser.chmod(0o755)
    environ = {**os.environ, "BROWSER": f"{browser} %s"}
    command = [*ATPUB, "open", "datasets/d"]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert (published / "opened").read_text().strip() == Path(ran.stdout.strip()).as_uri()


def test_apply_says_how_to_read_and_see(folder: Path, atpub: Callable[..., Ran]) -> None:
    write_files(folder, {"in/atpub.yaml": MANIFEST.replace("URL", "https://x.example")})
    (folder / "in" / "d.tar").write_bytes(make_tar(SHARD))
    ran = atpub("apply", "--yes", "-m", "in", "--account", "local:r")
    lines = [line for line in ran.err.splitlines() if line.startswith(("Read it: ", "See it:  "))]
    assert len(lines) == 4
    command = "datasets/d -m in --account local:r"
    assert f"See it:  atpub open {command}" in lines
    (read,) = (line for line in lines if line.startswith(f"Read it: atpub show {command} or atpub.load("))
    code = read.rpartition(" or ")[2]
    assert code.endswith(", repository='r')")
    assert len([*eval(code, {"atpub": __import__("atpub")})]) == 9
    assert atpub(*f"show {command}".split()).code == 0
    assert atpub(*f"open --print {command}".split()).code == 0


@pytest.mark.parametrize("option", ["-q", "--json"])
def test_apply_says_it_to_people_only(folder: Path, atpub: Callable[..., Ran], option: str) -> None:
    write_files(folder, {"atpub.yaml": MANIFEST.replace("URL", "https://x.example")})
    (folder / "d.tar").write_bytes(make_tar(SHARD))
    assert "See it" not in atpub("apply", "--yes", option).err
    assert "See it" not in atpub("apply", "--yes").err, "nothing was applied"
