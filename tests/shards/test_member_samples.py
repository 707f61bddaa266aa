"""Samples of members: grouped as webdataset groups files, and read by the types of a class or by their extensions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.shards.test_sample_types import VECTOR, npy

from atpub.errors import Unavailable, Usage
from atpub.shards.member_samples import member_reader
from atpub.shards.sample_groups import group_samples

FILES = {
    "jpg": b"\xff\xd8\xff",
    "cls": b"3\n",
    "txt": b"hello",
    "json": b'{"a": 1}',
    "feat.npy": npy(VECTOR),
    "pyd": b"cos\nsystem\n",
}


@dataclass
class Photo:
    jpg: bytes
    cls: int
    feat_npy: NDArray[np.float32]
    json: dict[str, Any]
    txt: str | None = None
    mask: bytes | None = None


def test_samples_are_runs_of_files_with_one_key() -> None:
    names = ["__meta__/x.txt", "a/0.JPG", "a/0.feat.npy", ".hidden.jpg", "README", "a/1.jpg", "a/0.txt"]
    found = list(group_samples((name, name.encode()) for name in names))
    assert [(key, list(files)) for key, files in found] == [
        ("a/0", ["jpg", "feat.npy"]),
        ("a/1", ["jpg"]),
        ("a/0", ["txt"]),
    ]
    assert list(group_samples([])) == []


def test_a_sample_as_a_class() -> None:
    photo = member_reader(Photo)("a.tar: 0", FILES)
    assert photo is not None
    assert (photo.jpg, photo.cls, photo.json, photo.txt, photo.mask) == (b"\xff\xd8\xff", 3, {"a": 1}, "hello", None)
    assert np.array_equal(photo.feat_npy, VECTOR)


def test_a_sample_as_a_dict_never_unpickles() -> None:
    kind: type[dict[str, Any]] = dict
    found = member_reader(kind)("0", FILES)
    assert found is not None
    assert {name: found[name] for name in ("cls", "txt", "json", "pyd")} == {
        "cls": 3,
        "txt": "hello",
        "json": {"a": 1},
        "pyd": b"cos\nsystem\n",
    }


def test_what_cannot_be_read() -> None:
    with pytest.raises(Unavailable, match=r"^a\.tar: 0\.cls is no int: "):
        member_reader(Photo)("a.tar: 0", {**FILES, "cls": b"x"})
    with pytest.raises(Usage, match=r"^0 cannot be made a sample: "):
        member_reader(Photo)("0", {"jpg": b""})
    assert member_reader(Photo)("0", {"md": b""}) is None
