"""Write scikit-learn's handwritten digits as WebDataset shards, the same bytes on every run.

pip install scikit-learn msgpack && python make_shards.py
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgpack
import numpy as np
from sklearn.datasets import load_digits

DATA = Path(__file__).parent / "data"
SAMPLES_PER_SHARD = 300


def npy(array: np.ndarray) -> bytes:
    """Return the array as a `.npy` file (format 1.0, which does not depend on NumPy's version)."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def samples() -> Iterator[tuple[str, bytes]]:
    """Yield each sample's key and its msgpack map of `image` (.npy of 8x8 uint8, 0 to 16) and `label` (0 to 9)."""
    digits = load_digits()
    pairs = zip(digits.images.astype(np.uint8), digits.target.tolist(), strict=True)
    for number, (image, label) in enumerate(pairs):
        yield f"{number:06d}", msgpack.packb({"image": npy(image), "label": label})


def member(name: str, size: int) -> tarfile.TarInfo:
    """Return a tar header without times, users and permissions of this machine."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime, info.uid, info.gid = size, 0o644, 0, 0, 0
    return info


def write_shard(path: Path, batch: list[tuple[str, bytes]]) -> None:
    """Write one uncompressed ustar file, with its members sorted by key."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for key, payload in batch:
            tar.addfile(member(f"{key}.msgpack", len(payload)), io.BytesIO(payload))


def main() -> None:
    DATA.mkdir(exist_ok=True)
    everything = list(samples())
    for number, start in enumerate(range(0, len(everything), SAMPLES_PER_SHARD)):
        write_shard(DATA / f"digits-{number:06d}.tar", everything[start : start + SAMPLES_PER_SHARD])


if __name__ == "__main__":
    main()
