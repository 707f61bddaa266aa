"""`atpub inspect`: what is printed of shards, sound and broken, and the exit code."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from tests.cli.playground import Ran, tree, write_files
from tests.shards.tars import Member, make_tar

Run = Callable[..., Ran]

JPEG = "\xff\xd8\xff\xe0"
FILES = {
    "data/a-0.tar": {"members": {"0.jpg": JPEG, "0.cls": "7", "0.json": '{"caption": "a \\u001b[31mcat", "id": 1}'}},
    "data/a-1.tar": {"members": {"1.jpg": JPEG, "1.cls": "9"}},
    "data/more/b.tar": {"members": {"0.msgpack": "\x82\xa5label\x07\xa4text\xa3abc"}},
    "data/.hidden/c.tar": "no tar",
    "broken.tar": {"bytes": make_tar([Member("0.txt", b"a" * 2000)])[:1024].hex()},
    "text.tar": "not a tar",
}


def test_text(folder: Path, atpub: Run, snapshot: SnapshotAssertion) -> None:
    write_files(folder, FILES)
    before = tree(folder)
    ran = atpub("inspect", "data", "broken.tar", "text.tar", "nowhere.tar")
    assert ran.code == 3
    assert f"{ran.out}---\n{ran.err}" == snapshot
    assert tree(folder) == before


def test_json(folder: Path, atpub: Run, snapshot: SnapshotAssertion) -> None:
    write_files(folder, FILES)
    ran = atpub("inspect", "data", "broken.tar", "--json")
    assert ran.code == 3
    assert ran.json == snapshot
    assert list(ran.json) == ["format_version", "shards", "all", "problems"]


@pytest.mark.parametrize(
    ("args", "shards"),
    [
        (["data"], ["data/a-0.tar", "data/a-1.tar", "data/more/b.tar"]),
        (["data/*.tar"], ["data/a-0.tar", "data/a-1.tar"]),
        (["data/**/*.tar"], ["data/a-0.tar", "data/a-1.tar", "data/more/b.tar"]),
        (["data/a-{1..0}.tar", "data/a-1.tar"], ["data/a-1.tar", "data/a-0.tar"]),
        (["data/a-[0].tar"], ["data/a-0.tar"]),
        (["./data/more"], ["data/more/b.tar"]),
    ],
)
def test_paths(args: list[str], shards: list[str], folder: Path, atpub: Run) -> None:
    write_files(folder, FILES)
    ran = atpub("inspect", "--json", *args)
    assert ran.code == 0
    assert [shard["shard"] for shard in ran.json["shards"]] == shards


@pytest.mark.parametrize(("samples", "looked_at"), [("1", 1), ("2", 2), ("all", 3), ("500", 3)])
def test_samples(samples: str, looked_at: int, folder: Path, atpub: Run) -> None:
    write_files(folder, {"a.tar": {"members": {f"{number}.cls": "1" for number in range(3)}}})
    ran = atpub("inspect", "a.tar", "--json", "--samples", samples)
    assert ran.json["all"] == {**ran.json["all"], "samples": 3, "looked_at": looked_at}


def test_samples_in_pieces(folder: Path, atpub: Run) -> None:
    """Readers take each piece for a sample."""
    names = ["a.cls", "b.cls", "a.txt", "b.txt"]
    (folder / "scattered.tar").write_bytes(make_tar([Member(name, b"1") for name in names]))
    ran = atpub("inspect", "scattered.tar")
    assert ran.out.startswith("scattered.tar: 2 samples in 4 pieces, ")
    assert "[scattered-samples]" in ran.err


@pytest.mark.parametrize("samples", ["0", "-1", "many", "1.5"])
def test_a_wrong_number_of_samples(samples: str, folder: Path, atpub: Run) -> None:
    ran = atpub("inspect", ".", f"--samples={samples}")
    assert ran.code == 64
    assert "neither a number of samples nor `all`" in ran.err


def test_no_path_and_a_folder_without_shards(folder: Path, atpub: Run) -> None:
    assert atpub("inspect").code == 64
    ran = atpub("inspect", ".")
    assert (ran.code, ". holds no .tar file [no-match]" in ran.err) == (3, True)
    assert json.loads(atpub("inspect", ".", "--json").out)["problems"][0]["code"] == "no-match"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(folder: Path, atpub: Run) -> None:
    write_files(folder, FILES)
    (folder / "data/a-0.tar").chmod(0)
    ran = atpub("inspect", "data")
    assert (ran.code, "[file-unreadable]" in ran.out, "data/a-1.tar: 1 sample" in ran.out) == (1, True, True)
