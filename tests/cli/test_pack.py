"""`atpub pack`: from a folder of files to a published dataset, what is printed, and the exit codes."""

import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy
import pytest
from syrupy.assertion import SnapshotAssertion
from tests.cli.playground import Ran, tree, write_files

import atpub as api

Run = Callable[..., Ran]
webdataset: Any = import_module("webdataset")  # it has no types

PICTURES = {
    **{f"pictures/{number}.cls": str(number) for number in range(4)},
    **{f"pictures/{number}.json": f'{{"n": {number}}}' for number in range(4)},
    **{f"pictures/{number}.caption.txt": f"picture {number}" for number in range(4)},
}


@pytest.fixture
def pictures(folder: Path) -> Path:
    write_files(folder, PICTURES)
    for number in range(4):
        (folder / f"pictures/{number}.jpg").write_bytes(b"\xff\xd8\xff%d" % number)
        numpy.save(folder / f"pictures/{number}.feat.npy", numpy.arange(3, dtype="f4") + number)
    return folder


def test_text(pictures: Path, atpub: Run, snapshot: SnapshotAssertion) -> None:
    (pictures / "pictures/README").write_text("")
    first = atpub("pack", "pictures", "--out", "data", "--max-size", "10KiB")
    again = atpub("pack", "pictures", "--out", "data", "--max-size", "10KiB")
    assert (first.code, again.code) == (0, 0)
    assert "\n---\n".join((first.out, first.err, again.out, again.err)) == snapshot


def test_json(pictures: Path, atpub: Run, snapshot: SnapshotAssertion) -> None:
    ran = atpub("pack", "pictures", "--out", "data", "--json")
    assert ran.code == 0
    assert ran.json == snapshot
    assert [file.name for file in (pictures / "data").iterdir()] == ["pictures-000000.tar"]


@pytest.mark.parametrize("form", ["members", "msgpack"])
def test_from_files_to_a_dataset_and_back(form: str, pictures: Path, atpub: Run) -> None:
    """Packed, described, published, and read back typed."""
    assert atpub("pack", "pictures", "--out", "data", "--max-size", "8KiB", "--format", form).code == 0
    inspected = atpub("inspect", "data", "--json").json["all"]
    assert (inspected["shards"], inspected["samples"]) == ((4, 4) if form == "members" else (1, 4))
    assert atpub("init", "data").code == 0
    applied = atpub("apply", "--account", "local", "--yes")
    assert applied.code == 0, applied.err
    assert ("atdata-cannot-read" in applied.err) == (form == "members")
    uri = next(line for line in applied.out.splitlines() if "dataset.entry" in line)
    samples = list(api.load(uri))
    assert [(sample.cls, sample.jpg, sample.caption_txt) for sample in samples] == [
        (number, b"\xff\xd8\xff%d" % number, f"picture {number}") for number in range(4)
    ]
    assert [sample.feat_npy.tolist() for sample in samples] == [[n, n + 1, n + 2] for n in range(4)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # webdataset leaves files open
def test_webdataset_reads_the_shards(pictures: Path, atpub: Run) -> None:
    assert atpub("pack", "pictures", "--out", "data", "--max-size", "8KiB").code == 0
    urls = str(pictures / "data/pictures-{000000..000003}.tar")
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode())
    assert [(sample["__key__"], sample["cls"], sample["json"]) for sample in samples] == [
        (str(number), number, {"n": number}) for number in range(4)
    ]
    del samples
    import_module("gc").collect()


@pytest.mark.parametrize(
    ("written", "most"),
    [
        ("3072", 3072),
        ("5MB", 5_000_000),
        ("5MiB", 5_242_880),
        ("5 mib", 5_242_880),
        ("1.5kB", 1500),
        ("0.5GiB", 1 << 29),
        ("3072B", 3072),
        ("2GB", 2_000_000_000),
    ],
)
def test_sizes(written: str, most: int, folder: Path, atpub: Run) -> None:
    write_files(folder, {"a/0.bin": {"huge": 3_000_000_000 // 512 * 512}})
    ran = atpub("pack", "a", "--out", "data", "--max-size", written)
    assert ran.code == 3
    assert f"a shard has at most {most:,} [sample-too-large]" in ran.err


@pytest.mark.parametrize("written", ["", "0", "0.4", "-5", "5X", "MB", "5M", "1e6", "5MBB", "٣MB", "9" * 99])
def test_no_sizes(written: str, folder: Path, atpub: Run) -> None:
    write_files(folder, {"a/0.bin": "x"})
    ran = atpub("pack", "a", "--out", "data", f"--max-size={written}")
    assert ran.code == 64
    assert "is no size: write 5MB, 1.5GB, 50MiB, or a number of bytes" in ran.err


def test_exit_codes(folder: Path, atpub: Run) -> None:
    write_files(folder, {"a/0.bin": "x", "b/0.pkl": "x", "c/c-000000.tar": "mine", "d/d": ""})
    (folder / "c/0.bin").write_text("x")
    before = tree(folder)
    assert atpub("pack", "nowhere", "--out", "data").code == 3
    assert atpub("pack", "https://lab.example/a.tar", "--out", "data").code == 3
    assert atpub("pack", "b", "--out", "data", "--format", "msgpack").code == 3
    assert atpub("pack", "d", "--out", "data").code == 3
    assert atpub("pack", "a", "--out", "c", "--name", "c").code == 1
    assert atpub("pack", "a", "--out", "a").code == 64
    assert atpub("pack", "a").code == 64
    assert atpub("pack", "a", "--out", "data", "--format", "zip").code == 64
    assert tree(folder) == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_run_is_run_again(folder: Path, atpub: Run) -> None:
    (folder / "a").mkdir()
    for number in range(40):
        (folder / f"a/{number:02}.bin").write_bytes(bytes([number]) * 500_000)
    command: list[str | Path] = [
        Path(sys.executable).with_name("atpub"),
        "pack",
        "a",
        "--out",
        "data",
        "--max-size",
        "1MB",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"written   a-000000.tar")
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert 1 <= len([*(folder / "data").glob("*.tar")]) < 40
    assert atpub("pack", "a", "--out", "data", "--max-size", "1MB").code == 0
    assert atpub("pack", "a", "--out", "whole", "--max-size", "1MB").code == 0
    shards = {file.name: file.read_bytes() for file in (folder / "data").glob("*.tar")}
    assert shards == {file.name: file.read_bytes() for file in (folder / "whole").iterdir()}
    assert len(shards) == 40
