"""Images out of members (`decode=True`), and shards that hold no samples."""

from __future__ import annotations

import io
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.atmosphere.samples import MySample, msgpack
from tests.shards.tars import Member, make_tar

from atpub.atmosphere import Dataset
from atpub.errors import Unavailable, Usage


def picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 2), (255, 0, 0)).save(stream, kind)
    return stream.getvalue()


@dataclass
class Pixels:
    png: NDArray[np.uint8]
    cls: int


def shard_of(folder: Path, *members: Member | str) -> str:
    file = folder / "x.tar"
    file.write_bytes(make_tar(members))
    return str(file)


def test_images_are_bytes_unless_they_are_decoded(tmp_path: Path) -> None:
    arrays = io.BytesIO()
    np.savez(arrays, a=np.arange(3))
    members = {"jpg": picture("JPEG"), "left.picture": picture("PNG"), "npz": arrays.getvalue(), "cls": b"7"}
    url = shard_of(tmp_path, *(Member(f"0.{name}", data) for name, data in members.items()))
    (plain,) = Dataset[dict[str, Any]](url)
    assert plain == {**members, "cls": 7}
    (decoded,) = Dataset[dict[str, Any]](url, decode=True)
    assert (decoded["jpg"].size, decoded["left.picture"].getpixel((0, 0))) == ((4, 2), (255, 0, 0))
    assert decoded["npz"]["a"].tolist() == [0, 1, 2]
    assert decoded["cls"] == 7


def test_an_image_as_an_array(tmp_path: Path) -> None:
    url = shard_of(tmp_path, Member("0.png", picture("PNG")), Member("0.cls", b"7"))
    (sample,) = Dataset[Pixels](url, decode=True)
    assert (sample.png.shape, sample.png.dtype.name, sample.png[0, 0].tolist()) == ((2, 4, 3), "uint8", [255, 0, 0])


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"<html>", picture("PNG")[:40]])
def test_what_is_no_image_is_named(tmp_path: Path, data: bytes) -> None:
    url = shard_of(tmp_path, Member("0.png", data))
    with pytest.raises(Unavailable, match=r"x\.tar: 0\.png is no png: "):
        list(Dataset[dict[str, Any]](url, decode=True))


def test_a_pickle_in_an_archive_of_arrays_is_never_loaded(tmp_path: Path) -> None:
    arrays = io.BytesIO()
    np.savez(arrays, a=np.array([{}], dtype=object))
    for data in (arrays.getvalue(), b"PK\x03\x04"):
        url = shard_of(tmp_path, Member("0.npz", data))
        with pytest.raises(Unavailable, match=r"0\.npz is no npz: "):
            list(Dataset[dict[str, Any]](url, decode=True))


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = shard_of(tmp_path, Member("0.png", picture("PNG")), Member("0.cls", b"7"))
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    monkeypatch.setitem(sys.modules, "msgpack", None)
    (plain,) = Dataset[dict[str, Any]](url)  # samples of members need none of it
    assert plain["cls"] == 7
    with pytest.raises(Usage, match="decoding images needs Pillow") as caught:
        list(Dataset[dict[str, Any]](url, decode=True))
    assert caught.value.hint == "pip install 'atpub[samples]'"
    url = shard_of(tmp_path, Member("0.msgpack", msgpack.packb({"a": 1})))
    with pytest.raises(Usage, match="reading samples needs msgpack"):
        list(Dataset[dict[str, Any]](url))


@pytest.mark.parametrize("kind", [MySample, dict, None])
@pytest.mark.parametrize(
    "member",
    [
        Member("README"),
        Member("data/", kind=tarfile.DIRTYPE),
        Member("0.jpg", kind=tarfile.SYMTYPE),
        Member("__meta__/0.jpg"),
        Member(".hidden"),
    ],
    ids=lambda member: member.name,
)
def test_a_shard_without_samples_tells_what_it_holds(tmp_path: Path, kind: type[Any] | None, member: Member) -> None:
    url = shard_of(tmp_path, member)
    name = member.name.rstrip("/")
    with pytest.raises(Usage, match=rf"x\.tar holds no samples: its first member is {name}"):
        list(Dataset(url, sample_type=kind))


def test_fields_of_another_class(tmp_path: Path) -> None:
    url = shard_of(tmp_path, Member("0.msgpack", msgpack.packb({"image": 1})))
    with pytest.raises(Usage, match=r"0\.msgpack cannot be made a sample"):
        list(Dataset[MySample](url))
    url = shard_of(tmp_path, "0.jpg", "0.cls")
    with pytest.raises(Usage, match=r"x\.tar holds samples of jpg, cls, and the class takes none of them"):
        list(Dataset[MySample](url))


def test_a_shard_that_is_empty_has_no_samples(tmp_path: Path) -> None:
    assert list(Dataset[MySample](shard_of(tmp_path))) == []
