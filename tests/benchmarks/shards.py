"""Measuring local shards (digest, samples) against a bare loop over hashlib."""

import hashlib
import io
import tarfile
import tempfile
from pathlib import Path

from atpub.shards.measure import measure_files
from tests.benchmarks.harness import compare

FILES, SAMPLES, SIZE = 8, 100, 250_000
SMALL = 2_300, 10_000
"""The samples of a shard, and the bytes of each, where headers are frequent."""


def make(folder: Path, samples: int = SAMPLES, size: int = SIZE) -> list[Path]:
    """Tar shards of 25 MB."""
    folder.mkdir()
    paths = [folder / f"shard-{number:03}.tar" for number in range(FILES)]
    for path in paths:
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for sample in range(samples):
                member = tarfile.TarInfo(f"{sample:06}.msgpack")
                member.size = size
                tar.addfile(member, io.BytesIO(bytes([sample % 256]) * size))
    return paths


def bare(paths: list[Path]) -> None:
    """One file after the other, the digest only."""
    for path in paths:
        with path.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")


def bench() -> None:
    """Ours on all cores, the bare loop on one."""
    with tempfile.TemporaryDirectory() as folder:
        paths = make(Path(folder, "large"))
        compare(f"measure {FILES} shards of 25 MB", lambda: measure_files(paths), "hashlib loop", lambda: bare(paths))
        small = make(Path(folder, "small"), *SMALL)
        compare("samples of 10 kB", lambda: measure_files(small), "hashlib loop", lambda: bare(small))
        one = small[:1]
        compare("one shard of these", lambda: measure_files(one), "hashlib loop", lambda: bare(one))
