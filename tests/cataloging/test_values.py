"""The values of samples, read from members and from msgpack maps."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from atpub.cataloging.media import sample_value
from atpub.cataloging.values import FieldValue, read_values

pack: Callable[[Any], bytes] = import_module("msgpack").packb  # it has no types


def npy(array: Any) -> bytes:
    out = BytesIO()
    np.save(out, array)
    return out.getvalue()


def picture(size: tuple[int, int], kind: str = "JPEG", mode: str = "RGB") -> bytes:
    out = BytesIO()
    Image.new(mode, size, 77 if mode == "L" else None).save(out, kind)
    return out.getvalue()


def one(name: str, data: bytes) -> FieldValue:
    (value,) = read_values({name: data})
    return value


@pytest.mark.parametrize(
    ("name", "data", "kind", "text", "scalars"),
    [
        ("cls", b"7", "text", "7", {"cls": 7}),
        ("txt", "größer\n".encode(), "text", "größer", {"txt": "größer"}),
        ("txt", b"x" * 900, "text", "x" * 400 + "…", {}),
        ("score", b"0.5", "text", "0.5", {"score": 0.5}),
        ("json", b'{"a": 1, "b": "t", "c": [1]}', "text", '{"a": 1, "b": "t", "c": [1]}', {"json.a": 1, "json.b": "t"}),
        ("json", b'{"ndarray": {"dtype": 1}}', "text", '{"ndarray": {"dtype": 1}}', {}),
        ("npy", npy(np.zeros((2, 3), "float32")), "array", "float32 [2, 3]", {}),
        ("pyd", b"\x80\x04N.", "bytes", "bytes, 4 B", {}),
        ("mp3", b"ID3\x04\0\0", "audio", "audio/mpeg, 6 B", {}),
        ("wav", b"RIFF\0\0\0\0WAVE", "audio", "audio/wav, 12 B", {}),
        ("jpg", picture((8, 8)), "image", f"image/jpeg, {len(picture((8, 8)))} B", {}),
    ],
)
def test_a_member(name: str, data: bytes, kind: str, text: str, scalars: dict[str, Any]) -> None:
    value = one(name, data)
    assert (value.kind, value.text, value.scalars) == (kind, text, scalars)


def test_a_msgpack_map() -> None:
    sample = {"n": 3, "x": 0.5, "t": "words", "ok": True, "none": None, "items": [1, 2], "image": npy(np.zeros((8, 8)))}
    found = {value.name: value for value in read_values({"msgpack": pack(sample)})}
    assert {name: value.text for name, value in found.items()} == {
        "n": "3",
        "x": "0.5",
        "t": "words",
        "ok": "True",
        "none": "null",
        "items": "list of integer",
        "image": "float64 [8, 8]",
    }
    assert sample_value(found["image"]).kind == "image"


def test_a_signed_url_in_a_text_is_masked() -> None:
    assert "s3cret" not in one("txt", b"see https://x.example/a?token=s3cret-s3cret").text


@given(st.dictionaries(st.sampled_from(["msgpack", "json", "txt", "cls", "jpg", "npy", "wav"]), st.binary(max_size=60)))
def test_any_bytes_have_values(files: dict[str, bytes]) -> None:
    for value in read_values(files):
        sample_value(value)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=9), st.lists, max_leaves=9))
def test_any_msgpack_map_has_values(value: Any) -> None:
    (found,) = read_values({"msgpack": pack({"a": value})})
    assert found.name == "a"


@pytest.mark.parametrize(
    ("data", "start", "is_small"),
    [
        (picture((900, 600)), "data:image/jpeg;", False),
        (picture((900, 600), "PNG", "RGBA"), "data:image/png;", False),
        (picture((32, 32), "PNG", "L"), "data:image/png;", True),
        (picture((900, 600), "WEBP"), "data:image/jpeg;", False),
    ],
)
def test_an_image_is_drawn_anew_and_small(data: bytes, start: str, is_small: bool) -> None:
    value = sample_value(one("jpg", data))
    assert value.url is not None
    assert value.url.startswith(start)
    assert len(value.url) < 20_000
    assert value.is_small is is_small


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.arange(64, dtype="uint8").reshape(8, 8), "image"),
        (np.full((8, 8), np.nan, "float32"), "array"),
        (np.array([[np.nan, np.inf, 1, 2]] * 4), "image"),
        (np.full((8, 8), -1.7e308), "image"),
        (np.zeros((16, 16, 3), "uint8"), "image"),
        (np.zeros(8), "array"),
        (np.zeros((8, 8), "complex64"), "array"),
        (np.zeros((5000, 8), "int8"), "array"),
    ],
)
def test_an_array_of_the_shape_of_an_image_is_drawn(array: Any, kind: str) -> None:
    value = sample_value(one("npy", npy(array)))
    assert value.kind == kind
    assert value.text.endswith(str([*array.shape]))


def test_a_broken_image_and_long_sound_are_described() -> None:
    assert sample_value(one("jpg", b"\xff\xd8\xff" + bytes(40))).url is None
    assert sample_value(one("wav", b"RIFF\0\0\0\0WAVE" + bytes(200_000))).url is None
