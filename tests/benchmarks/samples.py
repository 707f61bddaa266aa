"""Reading samples from local shards: `atpub.Dataset` against the `webdataset` package, in turns in one process."""

import io
import tarfile
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

from atpub.atmosphere import Dataset
from atpub.inspection.files import survey_files
from atpub.shards.measure import measure_files
from atpub.shards.sample_types import SampleFilter
from atpub.shards.tar import FIRST_SAMPLE
from tests.benchmarks.harness import compare

FILES = 4
JPEG, JSON = b"\xff\xd8\xff" + bytes(20_000), b'{"caption": "a cat", "id": 1}'


def make(folder: Path, samples: int, members: Mapping[str, bytes]) -> list[str]:
    """Write shards of so many samples with these members."""
    folder.mkdir()
    paths = [folder / f"shard-{number:03}.tar" for number in range(FILES)]
    for path in paths:
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for sample, (name, data) in product(range(samples), members.items()):
                member = tarfile.TarInfo(f"{sample:06}.{name}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return [str(path) for path in paths]


def theirs(paths: Sequence[str]) -> int:
    """Read webdataset's samples, which are bytes, without its cache and shuffling."""
    webdataset: Any = import_module("webdataset")
    return sum(1 for _ in webdataset.WebDataset(paths, shardshuffle=False, cache_dir=None))


def ours(paths: Sequence[str]) -> int:
    """Read our samples, of which numbers, texts and JSON are decoded."""
    return sum(1 for _ in Dataset[dict[str, Any]](paths, sample_type=dict))


def check(paths: Sequence[str]) -> None:
    """Measure shards, and read the types of all samples, as `validate --samples all` does."""
    files = [Path(path) for path in paths]
    measure_files(files, workers=1, samples=dict.fromkeys(files, SampleFilter(None, FIRST_SAMPLE.accepts)))


def inspect(paths: Sequence[str]) -> None:
    """Look at all samples, as `inspect --samples all` does."""
    for survey in survey_files([Path(path) for path in paths], None):
        assert survey.samples


def bench() -> None:
    """Ours and theirs in turn."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for what, samples, members in (
            ("samples of three members", 1_500, {"jpg": JPEG, "cls": b"7", "json": JSON}),
            ("samples of 10 kB", 2_300, {"bin": bytes(10_000)}),
            ("samples of 1 MB", 25, {"bin": bytes(1_000_000)}),
        ):
            paths = make(Path(folder, what), samples, members)
            assert ours(paths) == theirs(paths)
            for name, run in (("load", ours), ("validate", check), ("inspect", inspect)):
                compare(f"{name}, {what}", partial(run, paths), "webdataset", partial(theirs, paths))
