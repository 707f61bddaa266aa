"""Samples at random → a first manifest, which is valid, fits the shards, and is the same each time."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.shards.tars import Member, make_tar

from atpub.errors import InvalidInput
from atpub.inspection.draft import project_name
from atpub.inspection.run import init_manifest
from atpub.pipeline import read_manifest, validate

msgpack: Any = import_module("msgpack")  # it has no types

JSON_TEXTS = [b'{"\\ud800": 1, "\\ud800\\udc00": 2, "\\u2028 \\u007f,}": 3}', b"[[]]", b"null", b"7.5"]
SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["a", "b", "ccc", "dd", "label", "image", "x_1"])
CONTENTS = (
    JSON.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=20)
    | st.sampled_from(
        [b"", b"7", b" -7 ", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"PK\3\4", *JSON_TEXTS, b"\x93NUMPY\1\0", b"\0"]
    )
)
EXTENSIONS = st.sampled_from(["jpg", "cls", "json", "txt", "npy", "pyd", "x.y", "id", "a b", "class", "ü", "yes"])
MAPS = st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), min_size=1, max_size=4)
FILES = st.lists(st.dictionaries(EXTENSIONS, CONTENTS, min_size=1, max_size=4), min_size=1, max_size=4)
SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)


def check(folder: Path, shards: list[bytes]) -> None:
    """Write the shards and a manifest; its only problems may be warnings."""
    for old in folder.iterdir():
        old.unlink()
    for number, shard in enumerate(shards):
        (folder / f"a-{number}.tar").write_bytes(shard)
    outcome = init_manifest([str(folder)], folder / "atpub.yaml")
    validate(read_manifest([folder / "atpub.yaml"], None, {}))
    again = init_manifest([str(folder)], folder / "again.yaml")
    assert again.text == outcome.text


def halves(members: list[list[Member]]) -> list[bytes]:
    """The samples in one shard, or in two."""
    middle = len(members) // 2
    parts = [members[:middle], members[middle:]] if middle else [members]
    return [make_tar([member for sample in part for member in sample]) for part in parts]


@pytest.mark.slow
@SETTINGS
@given(MAPS)
def test_any_msgpack_samples(tmp_path: Path, maps: list[dict[str, Any]]) -> None:
    samples = [[Member(f"{number}.msgpack", msgpack.packb(fields))] for number, fields in enumerate(maps)]
    check(tmp_path, halves(samples))


@pytest.mark.slow
@SETTINGS
@given(FILES)
def test_any_members(tmp_path: Path, files: list[dict[str, bytes]]) -> None:
    samples = [[Member(f"{number}.{name}", data) for name, data in each.items()] for number, each in enumerate(files)]
    if {name for each in files for name in each} <= {"a b"}:
        with pytest.raises(InvalidInput, match="no schema can declare the members a b"):
            check(tmp_path, halves(samples))
    else:
        check(tmp_path, halves(samples))


@pytest.mark.parametrize(
    ("folder", "project"),
    [
        ("My data (2)", "my-data-2"),
        ("", "data"),
        ("日本", "data"),
        ("a" * 100, "a" * 64),
        ("-x-", "x"),
        ("v1.0", "v1.0"),
    ],
)
def test_project_names(folder: str, project: str) -> None:
    assert project_name(folder) == project


NAMED: dict[str, tuple[list[str], dict[str, Any]]] = {
    "numbers": (["d/a-0.tar", "d/a-1.tar"], {"a": "d/a-*.tar"}),
    "numbers alone": (["d/00.tar", "d/01.tar"], {"d": "d/*.tar"}),
    "numbers alone, beside the manifest": (["00.tar", "01.tar"], {"lab": "*.tar"}),
    "of": (["a-0-of-2.tar", "a-1-of-2.tar"], {"a": "a-*.tar"}),
    "consecutive": (["part9.tar", "part10.tar"], {"part": "part*.tar"}),
    "parts of names": (["cifar10.tar", "cifar100.tar"], {"cifar10": "cifar10.tar", "cifar100": "cifar100.tar"}),
    "a number of its own": (["cifar10.tar"], {"cifar10": "cifar10.tar"}),
    "one shard": (["train-000000.tar"], {"train": "train-000000.tar"}),
    "no numbers": (["train.tar", "val.tar"], {"train": "train.tar", "val": "val.tar"}),
    "the same names in folders": (["a/x-0.tar", "b/x-0.tar"], {"a-x": "a/x-0.tar", "b-x": "b/x-0.tar"}),
    "a pattern that matches others": (
        ["a-0.tar", "a-1.tar", "a-b-0.tar"],
        {"a": ["a-0.tar", "a-1.tar"], "a-b": "a-b-0.tar"},
    ),
    "folders that YAML takes for other values": (
        ["2024/0.tar", "true/0.tar", "null/0.tar", "1.5/0.tar"],
        {"1.5": "1.5/0.tar", "2024": "2024/0.tar", "null": "null/0.tar", "true": "true/0.tar"},
    ),
    "the same key": (["a_-0.tar", "a.tar"], {"a": "a.tar", "a-2": "a_-0.tar"}),
}


@pytest.mark.parametrize("case", NAMED)
def test_datasets_by_name(case: str, tmp_path: Path, sample: Callable[[str], Member]) -> None:
    shards, expected = NAMED[case]
    folder = tmp_path / "lab"
    for shard in shards:
        (folder / shard).parent.mkdir(parents=True, exist_ok=True)
        (folder / shard).write_bytes(make_tar([sample(shard)]))
    init_manifest([str(folder)], folder / "atpub.yaml")
    manifest = read_manifest([folder / "atpub.yaml"], None, {})
    desired, _ = validate(manifest)
    assert len(desired) == len(expected) + 1
    written = yaml.safe_load((folder / "atpub.yaml").read_text())
    assert {key: entry["blobs"] for key, entry in written["datasets"].items()} == expected


@pytest.fixture
def sample() -> Callable[[str], Member]:
    """Makes the one member of a shard, other in each."""
    return lambda shard: Member("0.txt", shard.encode())


@pytest.mark.parametrize("name", ["None", "true", "class", "2024", "a" * 100, "日本", "x.y-z", "org.example", "1e3"])
def test_any_name_of_a_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    for shard, member in (("a-b/0.tar", "0.txt"), ("a_b/0.tar", "0.cls"), ("a.b/0.tar", "0.jpg")):
        (folder / shard).parent.mkdir(parents=True)
        (folder / shard).write_bytes(make_tar([Member(member, b"1")]))
    for number, data in enumerate([folder, folder / "a-b"]):
        out = folder / f"{number}.yaml"
        init_manifest([str(data)], out)
        validate(read_manifest([out], None, {}))
