"""Members ↔ msgpack maps: the value of each kind of file and of field, and what has none."""

import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy
import pytest
from tests.packing.folders import msgpack

from atpub.errors import InvalidInput
from atpub.packing.convert import NotConvertible, read_map, to_members, to_msgpack
from atpub.packing.run import pack_files

JPEG, PNG = b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"


def npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    numpy.save(buffer, array, **options)
    return buffer.getvalue()


FLOATS = npy(numpy.array([[1, 2]], "f4"))
COMPACT = b"\x03<f4\x02" + struct.pack("<2q", 1, 2) + numpy.array([1, 2], "<f4").tobytes()


@pytest.mark.parametrize(
    ("extension", "data", "name", "value"),
    [
        ("cls", b"7", "cls", 7),
        ("index", b" -7\n", "index", -7),
        ("id", b"18446744073709551615", "id", 2**64 - 1),
        ("class", b"7", "class_", 7),
        ("txt", "ü\n".encode(), "txt", "ü\n"),
        ("caption.txt", b"", "caption_txt", ""),
        ("json", b'{"a": [1, 2.5, null, true]}', "json", {"a": [1, 2.5, None, True]}),
        ("npy", FLOATS, "npy", FLOATS),
        ("feat.npy", FLOATS, "feat_npy", FLOATS),
        ("jpg", JPEG, "jpg", JPEG),
        ("bin", b"7", "bin", b"7"),
        ("2x.jpg", JPEG, "_2x_jpg", JPEG),
        ("npz", b"PK", "npz", b"PK"),
    ],
)
def test_files_become_fields(extension: str, data: bytes, name: str, value: object) -> None:
    assert msgpack.unpackb(to_msgpack({extension: data})) == {name: value}


def test_fields_are_sorted() -> None:
    assert list(msgpack.unpackb(to_msgpack({"txt": b"", "a.b": b"", "a": b""}))) == ["a", "a_b", "txt"]


@pytest.mark.parametrize(
    ("files", "code", "message"),
    [
        ({"cls": b"cat"}, "bad-member", "it is no integer"),
        ({"cls": b""}, "bad-member", "it is no integer"),
        ({"cls": b"9" * 5000}, "bad-member", "it is no integer"),
        ({"cls": b"18446744073709551616"}, "not-msgpack", "msgpack cannot hold it"),
        ({"txt": b"\xff"}, "bad-member", "it is no UTF-8 text"),
        ({"json": b"{"}, "bad-member", "it is no JSON"),
        ({"json": b"[" * 100_000}, "bad-member", "it is no JSON"),
        ({"json": b'"\\ud800"'}, "not-msgpack", "msgpack cannot hold it"),
        ({"json": b"18446744073709551616"}, "not-msgpack", "msgpack cannot hold it"),
        ({"npy": b"no array"}, "bad-member", "it is no .npy file of an array"),
        ({"npy": FLOATS[:-1]}, "bad-member", "cut off, or goes on"),
        ({"npy": FLOATS + b"\0"}, "bad-member", "cut off, or goes on"),
        ({"npy": FLOATS.replace(b"(1, 2)", b"(9999999999, 2)")}, "bad-member", "it is no .npy file"),
        ({"npy": npy(numpy.array([{}]), allow_pickle=True)}, "bad-member", "it holds pickled objects"),
        ({"feat.npy": FLOATS, "feat_npy": b""}, "field-clash", "two members become the field 'feat_npy'"),
    ],
)
def test_files_that_have_no_value(files: dict[str, bytes], code: str, message: str) -> None:
    with pytest.raises(NotConvertible, match=message) as caught:
        to_msgpack(files)
    assert (caught.value.code, caught.value.hint != "") == (code, True)


@pytest.mark.parametrize("extension", ["pyd", "pickle", "pkl", "a.pkl"])
def test_pickles_are_refused_but_as_members(extension: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / f"a/0.{extension}").write_bytes(pickle.dumps(1))
    with pytest.raises(InvalidInput, match="a pickle is never unpickled") as caught:
        pack_files([str(tmp_path / "a")], tmp_path / "out", form="msgpack")
    assert [item.code for item in caught.value.problems] == ["pickle-member"]
    assert pack_files([str(tmp_path / "a")], tmp_path / "out").shards


@pytest.mark.parametrize(
    ("name", "value", "extension", "data"),
    [
        ("cls", 7, "cls", b"7"),
        ("label", 7, "label.cls", b"7"),
        ("class", 7, "class.cls", b"7"),  # webdataset leaves .class as it is
        ("label_cls", 7, "label.cls", b"7"),
        ("txt", "ü", "txt", "ü".encode()),
        ("caption", "", "caption.txt", b""),
        ("cls", "cat", "cls.txt", b"cat"),
        ("json", 7, "json", b"7"),
        ("json", "a", "json", b'"a"'),
        ("meta", {"b": [1, 2.5, None], "a": True}, "meta.json", b'{"b":[1,2.5,null],"a":true}'),
        ("ok", True, "ok.json", b"true"),
        ("score", 0.5, "score.json", b"0.5"),
        ("none", None, "none.json", b"null"),
        ("npy", FLOATS, "npy", FLOATS),
        ("feat", FLOATS, "feat.npy", FLOATS),
        ("feat_npy", FLOATS, "feat.npy", FLOATS),
        ("feat", COMPACT, "feat.npy", FLOATS),
        ("image", JPEG, "image.jpg", JPEG),
        ("jpeg", JPEG, "jpeg", JPEG),
        ("bin", JPEG, "bin", JPEG),
        ("image", PNG, "image.png", PNG),
        ("raw", b"7", "raw", b"7"),
        ("cls", b"7", "cls.bin", b"7"),
        ("json", b"7", "json.bin", b"7"),
        ("pkl", b"7", "pkl.bin", b"7"),
    ],
)
def test_fields_become_files(name: str, value: object, extension: str, data: bytes) -> None:
    assert to_members(msgpack.packb({name: value})) == {extension: data}


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (b"", "not-a-sample"),
        (b"\xc1", "not-a-sample"),
        (msgpack.packb([1]), "not-a-sample"),
        (msgpack.packb({}), "not-a-sample"),
        (msgpack.packb({b"a": 1}), "not-a-sample"),
        (msgpack.packb({1: 1}), "not-a-sample"),
        (msgpack.packb({"a": {1: 1}}), "not-a-sample"),  # msgpack's reader refuses it
        (msgpack.packb({"a": 1}) + b"\0", "not-a-sample"),
        (b"\x82\xa1a\x01\xa1a\x02", "not-a-sample"),  # a key twice
        (b"\x81\xa1a\xdf\xff\xff\xff\xff", "not-a-sample"),  # a map that says it is large
        (b"\x81\xa1a" + b"\x91" * 5000 + b"\0", "not-a-sample"),  # too deep
        (msgpack.packb({"A": 1}), "bad-field"),
        (msgpack.packb({"a/b": 1}), "bad-field"),
        (msgpack.packb({"a b": 1}), "bad-field"),
        (msgpack.packb({"": 1}), "bad-field"),
        (msgpack.packb({".a": 1}), "bad-field"),
        (msgpack.packb({"__key__": 1}), "bad-field"),
        (msgpack.packb({"a": float("nan")}), "bad-field"),
        (msgpack.packb({"a": [b"x"]}), "bad-field"),
        (msgpack.packb({"a": {b"x": 1}}), "bad-field"),
        (msgpack.packb({"a": msgpack.ExtType(1, b"x")}), "bad-field"),
        (msgpack.packb({"a": msgpack.Timestamp(1)}), "bad-field"),
        (msgpack.packb({"a_npy": FLOATS, "a": FLOATS}), "field-clash"),
    ],
)
def test_maps_that_are_no_members(packed: bytes, code: str) -> None:
    with pytest.raises(NotConvertible) as caught:
        to_members(packed)
    assert (caught.value.code, caught.value.hint != "") == (code, True)


def test_maps_stay_as_they_are() -> None:
    assert read_map(b"\x81\xa1A\xd9\x01x") == {"A": "x"}


def test_the_file_that_cannot_be_converted_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/0.txt").write_bytes(b"")
    (tmp_path / "a/1.cls").write_bytes(b"cat")
    (tmp_path / "a/1.txt").write_bytes(b"cat")
    with pytest.raises(InvalidInput, match=r"a/1\.cls: it is no integer") as caught:
        pack_files([str(tmp_path / "a")], tmp_path / "out", form="msgpack")
    assert [item.code for item in caught.value.problems] == ["bad-member"]
    assert [*(tmp_path / "out").iterdir()] == []
