"""Packing: the same samples are the same bytes, and readers find them."""

import io
import json
import os
import random
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.packing.folders import decoded_fields, headers, pack, raw_samples, shards_in, write_samples
from tests.shards.tars import FORMATS, Member, make_tar

from atpub.errors import FileConflict, OSFailure
from atpub.packing.layout import Format
from atpub.packing.run import pack_files
from atpub.progress import Advanced, Completed, Ended, Progress, Started

FORMS: tuple[Format, ...] = ("members", "msgpack")
SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


def npy(values: list[float]) -> bytes:
    buffer = io.BytesIO()
    numpy.save(buffer, numpy.array(values, "f4"))
    return buffer.getvalue()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
# webdataset leaves a file that is JSON null as bytes.
CONTENTS = {
    "cls": st.integers(-9, 2**60).map(lambda number: str(number).encode()),
    "txt": st.text(max_size=9).map(str.encode),
    "json": JSON.filter(lambda value: value is not None).map(lambda value: json.dumps(value).encode()),
    "feat.npy": st.lists(st.floats(width=32), max_size=3).map(npy),
    "bin": st.binary(max_size=2000),
    "index": st.integers(0, 9).map(lambda number: str(number).encode()),
}
KEYS = st.sampled_from(["0", "1", "00", "a/0", "a/b/0", "b", "ü", "x y", "l" * 90, f"{'d' * 90}/{'l' * 90}", "e" * 120])
SAMPLES = st.dictionaries(KEYS, st.fixed_dictionaries({}, optional=CONTENTS).filter(bool), min_size=1, max_size=6)
ONE = {"0": {"cls": b"7", "txt": b"cat", "jpg": b"\xff\xd8\xff\xe0"}}


@contextmanager
def umask(mask: int) -> Generator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def empty(folder: Path) -> Path:
    """A new folder: Hypothesis uses one `tmp_path` for all its examples."""
    return folder / os.urandom(8).hex()


@pytest.mark.slow
@SETTINGS
@given(SAMPLES, st.sampled_from(FORMS), st.sampled_from([20_480, 52_428_800]), st.randoms())
def test_the_same_samples_are_the_same_bytes(
    tmp_path: Path, samples: dict[str, dict[str, bytes]], form: Format, max_size: int, order: random.Random
) -> None:
    here = empty(tmp_path)
    first = pack(write_samples(here / "a", samples), here / "out", form, max_size=max_size)
    assert max(map(len, first.values())) <= max_size
    with umask(0o077):
        folder = write_samples(here / "b", samples, backwards=True)
        for path in folder.rglob("*"):
            os.utime(path, (1, order.random() * 1e9))
        assert pack(folder, here / "again", form, max_size=max_size) == first
    members = [Member(f"./{key}.{name}", data) for key, each in samples.items() for name, data in each.items()]
    order.shuffle(members)
    (here / "any.tar").write_bytes(make_tar(members, order.choice(FORMATS[1:])))
    assert pack(here / "any.tar", here / "of-tar", form, max_size=max_size) == first
    assert pack(here / "out", here / "of-shards", form, max_size=max_size) == first
    for member in (member for shard in first.values() for member in headers(shard)):
        assert (member.mtime, member.uid, member.gid, member.uname, member.mode) == (0, 0, 0, "", 0o644)


@pytest.mark.slow
@SETTINGS
@given(SAMPLES)
def test_webdataset_reads_what_was_packed(tmp_path: Path, samples: dict[str, dict[str, bytes]]) -> None:
    here = empty(tmp_path)
    pack(write_samples(here / "a", samples), here / "out", max_size=20_480)
    assert raw_samples(here / "out") == samples
    assert list(raw_samples(here / "out")) == sorted(samples)


@pytest.mark.slow
@SETTINGS
@given(SAMPLES)
def test_both_formats_hold_the_same_values(tmp_path: Path, samples: dict[str, dict[str, bytes]]) -> None:
    here = empty(tmp_path)
    folder = write_samples(here / "a", samples)
    members = pack(folder, here / "members")
    packed = pack(folder, here / "msgpack", "msgpack")
    values = [*map(comparable, decoded_fields(here / "members", "members"))]
    assert [*map(comparable, decoded_fields(here / "msgpack", "msgpack"))] == values
    assert pack(here / "members", here / "converted", "msgpack") == packed
    back = pack(here / "msgpack", here / "back")
    assert [*map(comparable, decoded_fields(here / "back", "members"))] == values
    if all({"json"}.isdisjoint(each) for each in samples.values()):
        assert back == members


def comparable(fields: dict[str, Any]) -> dict[str, str]:
    """The values as text, in which NaN equals NaN; arrays and the bytes of arrays look alike."""
    found: dict[str, str] = {}
    for name, value in sorted(fields.items()):
        found[name] = repr(array_in(value))
    return found


def array_in(value: Any) -> Any:
    """The array that bytes hold; the value itself where they only begin like one."""
    if not isinstance(value, bytes) or not value.startswith(b"\x93NUMPY"):
        return value
    try:
        return numpy.load(io.BytesIO(value))
    except (EOFError, ValueError):
        return value


def test_pax_is_only_for_names_that_ustar_cannot_hold(tmp_path: Path) -> None:
    samples = {"a": {"cls": b"1"}, f"{'d' * 90}/{'l' * 90}": {"cls": b"2"}}
    (shard,) = pack(write_samples(tmp_path / "a", samples), tmp_path / "out").values()
    assert b"PaxHeader" not in shard
    (shard,) = pack(write_samples(tmp_path / "b", {"e" * 120: {"cls": b"3"}}), tmp_path / "long").values()
    assert shard.count(b"PaxHeader") == 1


def test_names_are_lower_case_and_without_dots_before_them(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(make_tar(["./B.Feat.NPY", "a//./C.JPG"]))
    (shard,) = pack(tmp_path / "a.tar", tmp_path / "out").values()
    assert [member.name for member in headers(shard)] == ["B.feat.npy", "a/C.jpg"]


def test_one_sample_from_several_folders_and_tars(tmp_path: Path) -> None:
    images = write_samples(tmp_path / "images", {"0": {"jpg": b"a"}, "1": {"jpg": b"b"}})
    (tmp_path / "labels.tar").write_bytes(make_tar([Member("1.cls", b"1"), Member("0.cls", b"0")]))
    pack_files([str(images), str(tmp_path / "labels.tar")], tmp_path / "out", name="x")
    assert raw_samples(tmp_path / "out") == {"0": {"jpg": b"a", "cls": b"0"}, "1": {"jpg": b"b", "cls": b"1"}}


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", ONE)
    before = pack(folder, tmp_path / "out")
    stamps = [file.stat().st_mtime_ns for file in (tmp_path / "out").iterdir()]
    assert [item.status for item in pack_files([str(folder)], tmp_path / "out", name="x").shards] == ["unchanged"]
    assert shards_in(tmp_path / "out") == before
    assert [file.stat().st_mtime_ns for file in (tmp_path / "out").iterdir()] == stamps


@pytest.mark.parametrize("kind", ["file", "folder", "link", "link-to-nothing"])
def test_another_file_is_never_replaced(kind: str, tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", ONE)
    (same,) = pack(folder, tmp_path / "same").values()
    out = tmp_path / "out"
    out.mkdir()
    target = out / "x-000000.tar"
    match kind:
        case "file":
            target.write_bytes(b"mine")
        case "folder":
            target.mkdir()
        case _:
            if kind == "link":
                (tmp_path / "elsewhere").write_bytes(same)
            target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileConflict, match=r"x-000000\.tar exists and differs"):
        pack_files([str(folder)], out, name="x")
    assert [item.name for item in out.iterdir()] == ["x-000000.tar"]
    assert kind != "file" or target.read_bytes() == b"mine"
    assert (tmp_path / "elsewhere").exists() == (kind == "link")


def test_an_interrupted_run_is_run_again(tmp_path: Path) -> None:
    samples = {str(number): {"bin": bytes(3000)} for number in range(4)}
    folder = write_samples(tmp_path / "a", samples)

    def interrupt(progress: Progress) -> None:
        if isinstance(progress, Completed):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(folder, tmp_path / "out", max_size=10_240, on_progress=interrupt)
    assert [*shards_in(tmp_path / "out")] == ["x-000000.tar"]
    packed = pack_files([str(folder)], tmp_path / "out", name="x", max_size=10_240)
    assert [shard.status for shard in packed.shards] == ["unchanged", "written"]
    assert shards_in(tmp_path / "out") == pack(folder, tmp_path / "whole", max_size=10_240)


@pytest.mark.parametrize("is_tar", [True, False])
def test_a_source_that_changes_leaves_no_shard(is_tar: bool, tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", ONE)
    source = folder
    if is_tar:
        source = tmp_path / "a.tar"
        source.write_bytes(make_tar(["0.cls", "1.cls"]))

    def change(progress: Progress) -> None:
        if isinstance(progress, Started):
            (source if is_tar else folder / "0.cls").write_bytes(b"longer than before")

    with pytest.raises(OSFailure, match="has changed since it was found"):
        pack(source, tmp_path / "out", on_progress=change)
    assert shards_in(tmp_path / "out") == {}


def test_progress(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", {"0": {"bin": bytes(3 << 20)}})
    told: list[Progress] = []
    pack(folder, tmp_path / "out", on_progress=told.append)
    assert told[0] == Started("pack", 1, (3 << 20) + 512)
    assert [type(item) for item in told[1:]] == [Advanced, Advanced, Advanced, Completed, Ended]
    assert told[-2] == Completed("pack", "x-000000.tar", (3 << 20) + 512 + 1024)


def test_shards_of_another_run_are_named(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", ONE)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/x-000001.tar").write_bytes(b"")
    (warning,) = pack_files([str(folder)], tmp_path / "out", name="x").warnings
    assert (warning.code, warning.severity) == ("left-over", "warning")
    assert "x-000001.tar" in warning.message


def test_a_shard_is_filled_to_the_last_byte(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", {"0": {"bin": bytes(512)}, "1": {"bin": bytes(512)}})
    assert [*map(len, pack(folder, tmp_path / "one", max_size=3072).values())] == [3072]
    assert [*map(len, pack(folder, tmp_path / "two", max_size=3071).values())] == [2048, 2048]
