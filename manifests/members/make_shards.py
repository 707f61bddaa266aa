"""Write swatches of colour as WebDataset shards whose samples have four members each, the same bytes on every run.

pip install pillow numpy && python make_shards.py
"""

import colorsys
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

DATA = Path(__file__).parent / "data"
NAMES = ("red", "orange", "yellow", "lime", "green", "mint", "cyan", "azure", "blue", "violet", "magenta", "rose")
HUES = 24
SAMPLES_PER_SHARD = 12


def png(colour: tuple[int, int, int]) -> bytes:
    """Return a picture of one colour as a PNG file."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    """Return the array as a `.npy` file (format 1.0, which does not depend on NumPy's version)."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def samples() -> Iterator[dict[str, bytes]]:
    """Yield the members of each sample by extension, in the order of their names."""
    for number in range(HUES):
        values = colorsys.hsv_to_rgb(number / HUES, 1, 1)
        red, green, blue = (round(255 * value) for value in values)
        facts = {"name": NAMES[number * len(NAMES) // HUES], "rgb": [red, green, blue]}
        yield {
            "cls": str(number * 360 // HUES).encode(),
            "feat.npy": npy(np.array(values, np.float32)),
            "json": json.dumps(facts).encode(),
            "png": png((red, green, blue)),
        }


def member(name: str, size: int) -> tarfile.TarInfo:
    """Return a tar header without times, users and permissions of this machine."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime, info.uid, info.gid = size, 0o644, 0, 0, 0
    return info


def main() -> None:
    DATA.mkdir(exist_ok=True)
    everything = list(enumerate(samples()))
    for number, start in enumerate(range(0, HUES, SAMPLES_PER_SHARD)):
        with tarfile.open(DATA / f"swatches-{number:06d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for key, files in everything[start : start + SAMPLES_PER_SHARD]:
                for extension, content in files.items():
                    tar.addfile(member(f"{key:06d}.{extension}", len(content)), io.BytesIO(content))


if __name__ == "__main__":
    main()
