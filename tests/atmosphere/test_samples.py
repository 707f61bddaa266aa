"""Sample classes and the schemas that they become, and samples read back."""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields
from typing import Annotated, Any, Optional

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.atmosphere.samples import msgpack
from tests.shards.tars import Member, make_tar

from atpub.atmosphere import AtmosphereClient, DatasetPublisher, SchemaLoader, load
from atpub.atproto.data import JsonObject
from atpub.errors import Unavailable, Usage
from atpub.manifest.fields import json_schema
from atpub.manifest.members import members_schema
from atpub.shards.samples import read_array, sample_class, sample_content, sample_reader

NOW = "2024-01-01T00:00:00.000Z"
WRITTEN: JsonObject = {
    "id": "integer",
    "text": "string",
    "flag": "boolean",
    "scale": "number",
    "thumb": "bytes",
    "image": "ndarray",
    "pixels": "ndarray",
    "labels": "[string]",
    "comment": "string?",
    "embedding": "ndarray?",
    "more_labels": "[integer]?",
}


@dataclass
class Everything:
    id: int
    text: Annotated[str, "plain"]
    flag: bool
    scale: float
    thumb: bytes
    image: NDArray[np.float32]
    pixels: np.ndarray[Any, Any]
    labels: list[str]
    comment: Optional[str] = None  # noqa: UP045 - the older spelling of the same
    embedding: NDArray[Any] | None = None
    more_labels: list[int] | None = None


def test_a_class_is_what_a_manifest_would_say() -> None:
    assert sample_content(Everything) == json_schema(WRITTEN).content


def test_a_schema_becomes_a_class() -> None:
    made = sample_class("Everything", sample_content(Everything))
    assert sample_content(made) == sample_content(Everything)
    names = [field.name for field in fields(made)]
    assert set(names[-3:]) == {"comment", "embedding", "more_labels"}
    assert made(**dict.fromkeys(names[:-3], 0)).comment is None


def test_what_readers_do_not_know_is_an_object() -> None:
    made = sample_class("Odd", {"properties": {"a": {"type": "object"}, "b": True}, "required": ["a", "b"]})
    assert {field.type for field in fields(made)} == {object}


def compact(array: NDArray[Any]) -> bytes:
    """An array as atdata writes it."""
    kind = array.dtype.str.encode()
    shape = struct.pack(f"<B{array.ndim}q", array.ndim, *array.shape)
    return struct.pack("<B", len(kind)) + kind + shape + array.tobytes()


def npy(array: NDArray[Any]) -> bytes:
    import io

    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    "array", [np.arange(6, dtype="<f4").reshape(2, 3), np.array(7), np.zeros((0, 2), "u1")], ids=str
)
def test_arrays_in_both_forms(array: NDArray[Any]) -> None:
    for packed in (compact(array), npy(array)):
        found = read_array(packed)
        assert found.dtype == array.dtype
        assert found.shape == array.shape
        assert (found == array).all()


def test_a_pickle_is_never_loaded() -> None:
    import io

    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        read_array(stream.getvalue())


def test_a_sample_is_read() -> None:
    array = np.arange(3, dtype="<i8")
    packed: bytes = msgpack.packb({"id": 1, "image": compact(array)})

    @dataclass
    class Small:
        id: int
        image: NDArray[np.int64]

    Small.__annotations__ = {"id": int, "image": NDArray[np.int64]}  # what a local class cannot look up
    found = sample_reader(Small)("0.msgpack", packed)
    assert found.id == 1
    assert found.image.tolist() == [0, 1, 2]
    assert sample_reader(None)("0.msgpack", packed)["id"] == 1


@pytest.mark.parametrize(
    "sample",
    [
        b"",
        b"\xc1",
        msgpack.packb([1]),
        msgpack.packb(7),
        msgpack.packb({"image": b"\x09", "id": 1}),
        msgpack.packb({"image": b"\x93NUMPY"}),
    ],
)
def test_what_is_no_sample_is_named(sample: bytes) -> None:
    with pytest.raises(Unavailable, match=r"^a\.tar: 0\.msgpack is no sample: "):
        sample_reader(Everything)("a.tar: 0.msgpack", sample)


def test_a_class_that_does_not_take_the_fields_is_wrong_usage() -> None:
    with pytest.raises(Usage, match=r"cannot be made a sample: .* 'width'") as caught:
        sample_reader(Everything)("0.msgpack", msgpack.packb({"id": 1, "width": 2}))
    assert caught.value.hint == "its fields are id, width: give a class that takes them, or dict"


@pytest.mark.parametrize("name", ["image-id", "class", "__slots__"])
def test_a_field_that_no_class_can_have(local: AtmosphereClient, name: str) -> None:
    fields: JsonObject = {"type": "object", "properties": {name: {"type": "string"}}}
    schema = {"name": "My sample", "version": "1.0.0", "createdAt": "2024-01-01T00:00:00.000Z", "schema": fields}
    made = local.put_record("science.alt.dataset.schema", "org.lab.image:1.0.0", schema, validate=False)
    with pytest.raises(Usage, match=f"the schema 'My sample' has the field '{name}', and no Python class can have it"):
        SchemaLoader(local).sample_type(made)
    packed = make_tar([Member("0.msgpack", msgpack.packb({name: "a"}))])
    uri = DatasetPublisher(local).publish_with_blobs([packed], made, name="x")
    kind: type[dict[str, str]] = dict
    assert list(load(uri, kind, client=local)) == [{name: "a"}]


def test_a_schema_whose_name_is_no_name_of_a_class() -> None:
    assert sample_class("a\0b", {"properties": {"text": {"type": "string"}}}).__name__ == "Sample"


def test_samples_of_members(local: AtmosphereClient) -> None:
    content = members_schema({"jpg": "image/jpeg", "cls": "integer", "meta.json": "json", "txt": "text?"}).content
    schema: JsonObject = {
        "name": "Photo",
        "version": "1.0.0",
        "createdAt": "2024-01-01T00:00:00.000Z",
        "schema": content,
    }
    made = local.put_record("science.alt.dataset.schema", "org.lab.photo:1.0.0", schema, validate=False)
    files = {"jpg": b"\xff\xd8\xff", "cls": b"3", "meta.json": b'{"id": 1}'}
    shard = make_tar([Member("README.md"), *(Member(f"a/0.{name}", data) for name, data in files.items())])
    (photo,) = load(DatasetPublisher(local).publish_with_blobs([shard], made, name="x"), client=local)
    assert (type(photo).__name__, photo.jpg, photo.cls, photo.meta_json) == ("Photo", b"\xff\xd8\xff", 3, {"id": 1})
    assert photo.txt is None


def test_a_shard_without_samples_of_the_class_is_no_empty_dataset(local: AtmosphereClient) -> None:
    content = json_schema({"label": "integer"}).content
    schema: JsonObject = {
        "name": "Photo",
        "version": "1.0.0",
        "createdAt": "2024-01-01T00:00:00.000Z",
        "schema": content,
    }
    made = local.put_record("science.alt.dataset.schema", "org.lab.photo:1.0.0", schema, validate=False)
    uri = DatasetPublisher(local).publish_with_blobs([make_tar(["0.jpg", "0.cls"])], made, name="x")
    with pytest.raises(Usage, match="holds samples of jpg, cls, and the class takes none of them"):
        list(load(uri, client=local))
