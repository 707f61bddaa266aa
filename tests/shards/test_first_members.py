"""The rule of Hugging Face's `webdataset` builder: the first five samples have the same members, or it refuses all.

The verdicts are those of the `datasets` package (4.8.5), which is too large to be installed for the tests.
"""

import io

import pytest
from tests.shards.tars import make_tar

from atpub.shards.notes import FIRST_SHARD_NOTE
from atpub.shards.tar import TarFacts, read_tar

# What it refuses, by the key that differs, and what it takes.
REFUSED: dict[str, list[str]] = {
    "1": ["0.a", "0.b", "1.a"],
    "2": ["0.a", "0.b", "1.a", "1.b", "2.b", "2.c"],
    "3": ["0.a", "2.a", "3.A"],
    "4": [*(f"{number}.a" for number in range(5)), "4.b"],
    "d/1": ["d/0.feat.raw", "d/1.raw"],
    "5": ["0.a", "5.a", "5._b"],
}
TAKEN: list[list[str]] = [
    ["0.a", "0.b", "1.b", "1.a"],
    [*(f"{number}.a" for number in range(5)), "5.b"],
    ["0.a", "._0.b", "1.a", ".1.b", "__meta__.json", "d/__x__.b", "README", "2.a"],
    ["0.msgpack", "1.msgpack"],
    ["0.JPG", "1.JPG"],
    ["0.a"],
]


@pytest.mark.parametrize("key", REFUSED)
def test_what_it_refuses(key: str) -> None:
    found = read_tar(io.BytesIO(make_tar(REFUSED[key])), "d.tar")
    assert isinstance(found, TarFacts)
    assert (FIRST_SHARD_NOTE, key) in found.notes


@pytest.mark.parametrize("names", TAKEN)
def test_what_it_takes(names: list[str]) -> None:
    found = read_tar(io.BytesIO(make_tar(names)), "d.tar")
    assert isinstance(found, TarFacts)
    assert found.notes == ()
