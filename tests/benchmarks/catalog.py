"""A catalog of 1,000 datasets of blobs, with images: at most 10 s at first, less where nothing has changed."""

from __future__ import annotations

import io
import resource
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from PIL import Image

from tests.benchmarks.harness import seconds
from tests.cli.terminal import ATPUB
from tests.shards.tars import Member, make_tar

DATASETS, SAMPLES = 1_000, 12
AIM = 10.0


def shard(number: int) -> bytes:
    """Twelve samples of an image of its own, a class and a text."""
    members: list[Member] = []
    for sample in range(SAMPLES):
        out = io.BytesIO()
        Image.new("RGB", (128, 128), (number % 256, sample * 20, number // 256)).save(out, "JPEG")
        members += [Member(f"{sample:03}.cls", str(sample % 3).encode()), Member(f"{sample:03}.jpg", out.getvalue())]
        members.append(Member(f"{sample:03}.txt", f"sample {sample} of {number}".encode()))
    return make_tar(members)


def prepare(folder: Path) -> None:
    """Publish the datasets to a repository in the folder."""
    names = [f"d{number:04}" for number in range(DATASETS)]
    for number, name in enumerate(names):
        (folder / f"{name}.tar").write_bytes(shard(number))
    entries = "".join(
        f"  {name}: {{schema: image, name: Dataset {name}, license: MIT, tags: [t{name[-1]}], blobs: {name}.tar}}\n"
        for name in names
    )
    schema = "image: {nsid: org.lab.image, version: 1.0.0, members: {jpg: image/jpeg, cls: integer, txt: text}}"
    text = f"atpub: 1\nproject: lab\naccount: local\nschemas: {{{schema}}}\ndatasets:\n{entries}"
    (folder / "atpub.yaml").write_text(text)
    run(folder, "apply", "--yes", "-q")


def run(folder: Path, *args: str) -> None:
    """Run a command in the folder."""
    subprocess.run([*ATPUB, *args], cwd=folder, check=True, capture_output=True)


def cpu() -> float:
    """Return the seconds of CPU of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def bench() -> None:
    """Print the seconds of the first run, of one that changes nothing, and of one without samples."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for title, args in (("new", ()), ("unchanged", ()), ("without samples", ("--samples", "0", "--out", "b"))):
            before = cpu()
            took = seconds(partial(run, folder, "catalog", "-q", *args))
            print(f"{title}: {took:.1f} s, {cpu() - before:.1f} s of CPU (aim: {AIM:.0f} s)", flush=True)
        size = sum(file.stat().st_size for file in (folder / "catalog").rglob("*") if file.is_file())
        print(f"{size / 1e6:.0f} MB, index {(folder / 'catalog/index.html').stat().st_size / 1e3:,.0f} kB")
