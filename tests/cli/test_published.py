"""`atpub list` and `atpub show`: datasets of a manifest and of an account, at several widths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.playground import Ran, write_files

MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {image: {nsid: org.lab.image, version: 1.0.0, fields: {text: string, label: "integer?"}}}
datasets:
  d: {schema: image, name: Digits, description: "Line one.\\nLine two.", license: MIT, tags: [a, b], blobs: d.tar}
  e: {schema: image, name: Others, urls: "https://cdn.lab.example/e-{0..8}.tar", checksums: e.sha256}
labels: {d-1: {name: d, dataset: d, version: 1.0.0}}
"""


@pytest.fixture
def published(folder: Path, atpub: Callable[..., Ran]) -> Path:
    """A manifest in the current folder, whose records are in the embedded repository."""
    sums = "".join(f"{str(number) * 64}  e-{number}.tar\n" for number in range(9))
    write_files(folder, {"atpub.yaml": MANIFEST, "d.tar": {"tar": 3}, "e.sha256": sums})
    assert atpub("apply", "--yes").code == 0
    return folder


def test_each_dataset_and_its_state(published: Path, atpub: Callable[..., Ran]) -> None:
    assert states(atpub) == {"datasets/d": "up to date", "datasets/e": "up to date"}
    text = MANIFEST.replace("name: Digits", "name: All digits").replace("  e: {", "  f: {")
    (published / "atpub.yaml").write_text(text)
    assert states(atpub) == {"datasets/d": "changed", "datasets/e": "to be removed", "datasets/f": "not published"}


def test_an_account_is_listed_without_the_manifest(published: Path, atpub: Callable[..., Ran]) -> None:
    (published / "atpub.yaml").unlink()
    found = atpub("list", "--account", "local", "--json").json
    assert found["did"] == "did:web:local.invalid"
    sizes = {
        item["title"]: (item["samples"], item["shards"], item["labels"], item["state"]) for item in found["datasets"]
    }
    assert sizes == {"Digits": (3, 1, ["d 1.0.0"], None), "Others": (None, 9, [], None)}


@pytest.mark.parametrize("command", ["show", "open --print", "croissant", "export --format jsonld", "verify"])
def test_a_local_repository_is_not_looked_for_on_the_server_of_the_environment(
    published: Path, atpub: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    uri = atpub("show", "d", "--json").json["uri"]
    (published / "atpub.yaml").unlink()
    monkeypatch.setenv("ATPUB_PDS", "http://127.0.0.1:9")
    assert atpub(*command.split(), uri).err == ""
    assert "127.0.0.1:9" in atpub("show", uri, "--pds", "http://127.0.0.1:9").err


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_fits(published: Path, atpub: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    title = "A title that is as long as a title may be " * 4
    (published / "atpub.yaml").write_text(MANIFEST.replace("Others", title.strip()))
    assert atpub("apply", "--yes").code == 0
    monkeypatch.setenv("COLUMNS", str(width))
    lines = atpub("list").out.splitlines()
    assert [len(line) for line in lines if len(line) > width] == []
    assert [line.rpartition("  ")[2] for line in lines] == ["STATE", "up to date", "up to date"]
    assert title.strip() in atpub("list", "--long").out


def test_a_dataset(published: Path, atpub: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shown = atpub("show", "datasets/d").out
    assert atpub("show", "d").out == shown
    assert shown.startswith("Digits\nLine one.\nLine two.\n\n")
    uri = next(line.split()[1] for line in shown.splitlines() if line.startswith("uri"))
    assert atpub("show", uri).out == shown
    for part in ("MIT", "a, b", "3 samples", "d 1.0.0", "integer?", f'atpub.load("{uri}")', f"atpub pull {uri}"):
        assert part in shown
    assert atpub("show", uri, "--raw").json["name"] == "Digits"
    assert atpub("show", uri, "--json").json["schema"]["fields"][0]["name"] == "text"


def test_many_shards_are_cut(published: Path, atpub: Callable[..., Ran]) -> None:
    shown = atpub("show", "e").out
    assert "… and 4 more" in shown
    assert 'webdataset.WebDataset(["https://cdn.lab.example/e-0.tar", …])' in shown


@pytest.mark.parametrize(("name", "words"), [("image", "text   string"), ("d-1", "at://did:web:local.invalid/")])
def test_other_records(published: Path, atpub: Callable[..., Ran], name: str, words: str) -> None:
    assert words in atpub("show", name).out


@pytest.mark.parametrize(
    ("name", "code"), [("x", 64), ("at://did:web:local.invalid/org.lab.note/x", 1), ("at://", 64), ("datasets/x", 64)]
)
def test_what_is_not_there(published: Path, atpub: Callable[..., Ran], name: str, code: int) -> None:
    found = atpub("show", name)
    assert (found.code, found.out) == (code, "")
    assert "hint" in found.err


def states(atpub: Callable[..., Ran]) -> dict[str, str]:
    return {item["address"]: item["state"] for item in atpub("list", "--json").json["datasets"]}
