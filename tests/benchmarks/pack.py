"""Packing files into shards against a bare loop of tarfile, which neither sorts, checks nor hashes."""

import shutil
import tarfile
import tempfile
from pathlib import Path
from statistics import median

from atpub.packing.run import pack_files
from tests.benchmarks.harness import Run, compare_prepared

FILES, SIZE = 10_000, 100_000
SHARD = 500
"""The files of a shard of the bare loop: 50 MB, as ours."""


def make(folder: Path) -> list[Path]:
    """Write 1 GB in files of 100 kB."""
    folder.mkdir()
    paths = [folder / f"{number:06}.bin" for number in range(FILES)]
    for number, path in enumerate(paths):
        path.write_bytes(number.to_bytes(4) * (SIZE // 4))
    return paths


def bare(paths: list[Path], out: Path) -> None:
    """Add one file after the other."""
    out.mkdir()
    for start in range(0, len(paths), SHARD):
        with tarfile.open(out / f"{start:06}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for path in paths[start : start + SHARD]:
                tar.add(path, path.name, recursive=False)


def bench() -> None:
    """Ours hashes the shards and brings them onto the disk; the bare loop does not."""
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name, "files"), Path(name, "out")
        paths = make(folder)

        def ours() -> Run:
            shutil.rmtree(out, ignore_errors=True)
            return lambda: pack_files([str(folder)], out)

        def theirs() -> Run:
            shutil.rmtree(out, ignore_errors=True)
            return lambda: bare(paths, out)

        found = compare_prepared("pack 1 GB of 100 kB files", ours, "tarfile loop", theirs, runs=3)
        rates = [FILES * SIZE / 1e6 / median(seconds) for seconds in (found.ours, found.theirs)]
        print(f"{rates[0]:,.0f} MB/s; tarfile loop: {rates[1]:,.0f} MB/s")
