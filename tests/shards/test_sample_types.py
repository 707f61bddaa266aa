"""What the first sample of a shard holds: read as the shard is hashed, from members and from msgpack."""

from __future__ import annotations

import io
import json
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.atmosphere.test_samples import compact
from tests.shards.tars import FORMATS, Member, make_tar

from atpub.atproto.data import JsonObject
from atpub.shards.array_headers import dtype_name, read_array_type
from atpub.shards.digest_stream import DigestStream
from atpub.shards.file_facts import FileFacts
from atpub.shards.measure import measure_files
from atpub.shards.msgpack_types import NotASample, read_field_types
from atpub.shards.sample_types import SampleTypes, read_member_type
from atpub.shards.tar import TarFacts, read_tar

msgpack: Any = import_module("msgpack")  # it has no types


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def first(*members: Member, format: int = FORMATS[0]) -> SampleTypes:
    found = read_tar(io.BytesIO(make_tar(members, format)), "a.tar")
    assert isinstance(found, TarFacts)
    assert found.first is not None
    return found.first


VECTOR = np.zeros(8, np.float32)
MEMBERS: list[tuple[bytes, Any]] = [
    (b"7", "integer"),
    (b" -12\n", "integer"),
    (b"007", "integer"),
    (b"7.5", "number"),
    (b"true", "boolean"),
    (b"null", "null"),
    (b'"a"', "string"),
    (b"[1, 2]", ["integer"]),
    (b"[1, 2.5]", ["number"]),
    (b'[1, "a"]', ["any"]),
    (b"[]", []),
    (b'{"caption": "a", "id": 3, "more": {"a": 1}}', {"caption": "string", "id": "integer", "more": "object"}),
    (b"[" * 100_000, "text"),
    ("grüße".encode(), "text"),
    (b"", "text"),
    (b"\xff\xfe\x01", "bytes"),
    (b"a\0b", "bytes"),
    (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"RIFF\1\2\3\4WEBPVP8 ", "image/webp"),
    (b"GIF is a format", "text"),
    (b"1" * (1 << 20), "text"),
    (b"a" * ((1 << 20) + 1), "unknown"),
    (npy(VECTOR), {"ndarray": {"dtype": "float32", "shape": [8]}}),
    (npy(np.zeros((2, 3), ">i8")), {"ndarray": {"dtype": "int64", "shape": [2, 3]}}),
    (npy(np.array(1)), {"ndarray": {"dtype": "int64", "shape": []}}),
    (npy(np.array(["ab"])), {"ndarray": {"dtype": "str", "shape": [1]}}),
    (npy(np.zeros(1, [("a", "i4")])), {"ndarray": {"dtype": "void", "shape": [1]}}),
    (npy(np.array([None])), {"ndarray": {"dtype": "object", "shape": [1]}}),
    (pickle.dumps({"a": 1}), "bytes"),
]


@pytest.mark.parametrize(("data", "kind"), MEMBERS, ids=range(len(MEMBERS)))
def test_types_of_members(data: bytes, kind: Any) -> None:
    assert read_member_type(io.BytesIO(data), len(data)) == kind


FIELDS: list[tuple[Any, Any]] = [
    (0, "integer"),
    (-1, "integer"),
    (200, "integer"),
    (-(2**40), "integer"),
    (2**63, "integer"),
    (0.5, "number"),
    (True, "boolean"),
    (None, "null"),
    ("a", "string"),
    ("a" * 40, "string"),
    ("a" * 70_000, "string"),
    (b"a", "bytes"),
    (bytes(300), "bytes"),
    ([1, 2], ["integer"]),
    (["a"] * 20, ["string"]),
    ({"ndarray": 1}, "object"),
    (npy(VECTOR), {"ndarray": {"dtype": "float32", "shape": [8]}}),
    (npy(np.zeros(300_000)), {"ndarray": {"dtype": "float64", "shape": [300_000]}}),
    (compact(VECTOR), {"ndarray": {"dtype": "float32", "shape": [8]}}),
    (msgpack.ExtType(5, b"abc"), "extension"),
    (msgpack.Timestamp(1, 0), "extension"),
]


@pytest.mark.parametrize(("value", "kind"), FIELDS, ids=range(len(FIELDS)))
def test_types_of_msgpack_fields(value: Any, kind: Any) -> None:
    packed = msgpack.packb({"before": 1, "value": value, "after": "x"})
    found = first(Member("0.msgpack", packed))
    assert found.fields == {"before": "integer", "value": kind, "after": "string"}
    assert found.is_complete


def test_a_sample_of_many_values_is_read_in_part() -> None:
    found = first(Member("0.msgpack", msgpack.packb({"label": 1, "many": [0] * 20_000, "after": 2})))
    assert (found.fields, found.is_complete) == ({"label": "integer"}, False)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x01",
        b"\x81",
        b"\x81\x01\x01",
        b"\x80\x00",
        b"\x81\xa1a\xc1",
        b"\x81\xa1a\xc6\xff\xff\xff\xff",
        b"\x81\xa1\xff\1",
    ],
)
def test_what_is_no_msgpack_map(packed: bytes) -> None:
    with pytest.raises(NotASample):
        read_field_types(io.BytesIO(packed), 0, len(packed))
    assert first(Member("0.msgpack", packed)).fields is None


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(data: bytes) -> None:
    assert first(Member("0.msgpack", data), Member("0.npy", data), Member("0.x", b"\x93NUMPY\1\0" + data))


@pytest.mark.slow
@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers(-(2**63), 2**64 - 1) | st.floats(), st.lists)))
def test_every_field_of_a_map_is_found(value: Any) -> None:
    packed = msgpack.packb(value)
    found, is_complete = read_field_types(io.BytesIO(packed), 0, len(packed))
    assert set(found) == set(value)
    assert is_complete


@pytest.mark.parametrize("format", FORMATS)
def test_first_sample_only(format: int) -> None:
    members = [Member("a/0.CLS", b"1"), Member("a/0.feat.npy", npy(VECTOR)), Member("a/1.txt", b"x"), Member("a/0.txt")]
    found = first(Member("__meta__/x.txt"), *members, format=format)
    array: JsonObject = {"ndarray": {"dtype": "float32", "shape": [8]}}
    assert found == SampleTypes("a/0", {"cls": "integer", "feat.npy": array})


@pytest.mark.parametrize("code", ["<f4", ">i8", "|u1", "|b1", "<c16", "<f2"])
def test_names_of_dtypes_are_numpy_s(code: str) -> None:
    assert dtype_name(code) == np.dtype(code).name


def test_bytes_that_only_look_like_a_compact_array() -> None:
    assert read_array_type(b"\x03<f4\x01" + bytes(8) + b"more", 17) is None


class CountingFile(io.FileIO):
    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size) or b""
        self.count += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        found = super().readinto(buffer) or 0
        self.count += found
        return found


def test_no_byte_is_read_twice_and_the_cache_keeps_what_was_read(tmp_path: Path) -> None:
    sample = msgpack.packb({"image": npy(np.zeros(3 << 17)), "label": 1})
    path = tmp_path / "a.tar"
    path.write_bytes(make_tar([Member("0.msgpack", sample), Member("1.msgpack", sample)]))
    with CountingFile(path) as file:
        stream = DigestStream(file, path.stat().st_size, lambda _: None)
        assert isinstance(read_tar(stream, "a.tar"), TarFacts)
        stream.hexdigest()
        assert file.count == path.stat().st_size
    measured = measure_files([path])[path]
    assert isinstance(measured, FileFacts)
    assert measured.first is not None
    image: JsonObject = {"ndarray": {"dtype": "float64", "shape": [3 << 17]}}
    assert measured.first == SampleTypes("0", {"msgpack": "msgpack"}, {"image": image, "label": "integer"})
    assert SampleTypes.of_json(json.loads(json.dumps(measured.first.to_json()))) == measured.first
