"""`atpub rename`: the manifest's files are edited, and the next plan shows no change."""

from pathlib import Path

import pytest
from tests.cli.lab import MANIFEST, Lab


def split(lab: Lab) -> Path:
    """The manifest in two files of a folder."""
    head, labels = MANIFEST.split("\nlabels:")
    folder = lab.folder / "manifests"
    folder.mkdir()
    (lab.folder / "data").rename(folder / "data")
    (lab.folder / "atpub.yaml").unlink()
    (folder / "a.yaml").write_text(head)
    (folder / "b.yaml").write_text(f"# Labels.\nlabels:{labels}")
    return folder


def test_the_plan_is_empty_afterwards(lab: Lab) -> None:
    lab.apply()
    for old, new in (
        ("datasets/digits", "numbers"),
        ("datasets/cats", "datasets/kittens"),
        ("schemas/image", "picture"),
        ("labels/digits-1", "first"),
    ):
        assert lab.run("rename", old, new).code == 0
        assert lab.plan("--detailed-exitcode").code == 0, new
    text = (lab.folder / "atpub.yaml").read_text()
    assert "  first: {name: digits, dataset: numbers, version: 1.0.0}" in text
    assert '  kittens:\n    id: cats\n    name: cats\n    schema: picture\n    urls: "https' in text


def test_references_in_other_files_follow(lab: Lab) -> None:
    folder = split(lab)
    renamed = lab.run("rename", "datasets/digits", "numbers", "--json")
    assert renamed.json == {
        "format_version": "1.0",
        "from": "datasets/digits",
        "to": "datasets/numbers",
        "fields": {"id": "digits"},
        "files": ["manifests/a.yaml", "manifests/b.yaml"],
    }
    assert "dataset: numbers" in (folder / "b.yaml").read_text()
    assert (folder / "b.yaml").read_text().startswith("# Labels.\n")


def test_a_symlink_and_permissions_stay(lab: Lab) -> None:
    folder = split(lab)
    (folder / "b").mkdir()
    (folder / "b.yaml").rename(folder / "b/b")
    (folder / "b.yaml").symlink_to("b/b")
    (folder / "b/b").chmod(0o640)
    assert lab.run("rename", "datasets/digits", "numbers").code == 0
    assert (folder / "b.yaml").is_symlink()
    assert (folder / "b/b").stat().st_mode & 0o777 == 0o640
    assert "dataset: numbers" in (folder / "b/b").read_text()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("digits", "numbers"), "'digits' is not an address"),
        (("datasets/digits", "labels/numbers"), "datasets/digits stays in its section"),
        (("datasets/digit", "numbers"), "did you mean 'datasets/digits'?"),
        (("datasets/digits", "cats"), "the manifest has an entry datasets/cats already"),
    ],
)
def test_wrong_usage(lab: Lab, args: tuple[str, ...], words: str) -> None:
    failed = lab.run("rename", *args)
    assert failed.code == 64
    assert words in failed.err
    assert (lab.folder / "atpub.yaml").read_text() == MANIFEST


def test_a_renamed_entry_is_told_in_each_format(lab: Lab) -> None:
    lab.apply()
    lab.change(("  digits:\n", "  numbers:\n"), ("dataset: digits,", "dataset: numbers,"))
    told = lab.plan("--json")
    (item,) = told.json["renames"]
    assert (item["from"], item["to"], item["id"], item["rkey"]) == (
        "datasets/digits",
        "datasets/numbers",
        "digits",
        None,
    )
    assert [(item["code"], item["line"]) for item in told.json["warnings"]] == [("looks-renamed", 13)]
    assert "hint: set `id: digits` to keep its URI" in told.err
    assert "datasets/numbers looks like datasets/digits renamed" in lab.plan("--markdown").out
    lab.change(("  numbers:\n", "  numbers:\n    id: digits\n"))
    assert lab.plan("--detailed-exitcode").code == 0
