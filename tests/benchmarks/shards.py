"""Measuring local shards (digest, samples) against a bare loop over hashlib."""

import hashlib
import io
import tarfile
import tempfile
from pathlib import Path

from atpub.shards.measure import measure_files
from tests.benchmarks.harness import compare

FILES, SAMPLES, SIZE = 8, 100, 250_000


def make(folder: Path) -> list[Path]:
    """Tar shards of 25 MB."""
    paths = [folder / f"shard-{number:03}.tar" for number in range(FILES)]
    for path in paths:
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for sample in range(SAMPLES):
                member = tarfile.TarInfo(f"{sample:06}.msgpack")
                member.size = SIZE
                tar.addfile(member, io.BytesIO(bytes([sample]) * SIZE))
    return paths


def bare(paths: list[Path]) -> None:
    """One file after the other, the digest only."""
    for path in paths:
        with path.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")


def bench() -> None:
    """Ours on all cores, the bare loop on one."""
    with tempfile.TemporaryDirectory() as folder:
        paths = make(Path(folder))
        compare(f"measure {FILES} shards of 25 MB", lambda: measure_files(paths), "hashlib loop", lambda: bare(paths))
