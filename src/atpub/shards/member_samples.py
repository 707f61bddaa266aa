"""Reading samples of members: each file of a sample becomes the value of a field."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from io import BytesIO
from typing import Any, Final, TypeVar, cast, get_origin
from zipfile import BadZipFile

from atpub.errors import Unavailable, Usage
from atpub.manifest.members import attribute_name
from atpub.shards.sample_types import is_image
from atpub.shards.samples import NOT_READABLE, field_types, is_ndarray, read_array

S = TypeVar("S")

# As webdataset.autodecode reads files whose type only their extension says; pickles stay bytes.
INTEGERS: Final = frozenset(("cls", "cls2", "class", "count", "index", "inx", "id"))
TEXTS: Final = frozenset(("txt", "text", "transcript"))
JSONS: Final = frozenset(("json", "jsn"))
_BY_EXTENSION: Final[Mapping[str, Callable[[bytes], Any]]] = {
    **dict.fromkeys(INTEGERS, int),
    **dict.fromkeys(TEXTS, bytes.decode),
    **dict.fromkeys(JSONS, json.loads),
    "npy": read_array,
}
_IMAGES: Final = frozenset(("jpg", "jpeg", "png", "webp", "gif", "ppm", "pgm", "pbm", "pnm"))
_BY_TYPE: Final[Mapping[object, Callable[[bytes], Any]]] = {
    bytes: bytes,
    str: bytes.decode,
    int: int,
    float: float,
    dict: json.loads,
    list: json.loads,
    bool: json.loads,
}


def member_reader(
    sample_type: type[S] | None, *, decode: bool = False
) -> Callable[[str, Mapping[str, bytes]], S | None]:
    """Return a function that makes a sample from its name and its files by extension; without a type, a dict.

    With `decode`, images become Pillow's, or an array if the class says so, and `.npz` files become dicts of arrays.
    The function returns None for files of which the class takes none. It raises Unavailable for files that cannot be
    read, and Usage for a sample that the class does not take.
    """
    if sample_type is None or sample_type is dict:
        return lambda name, files: cast(
            "S", {item: _read(name, item, None, data, decode=decode) for item, data in files.items()}
        )
    types = field_types(sample_type)
    make: Callable[..., S] = sample_type

    def read(name: str, files: Mapping[str, bytes]) -> S | None:
        taken = {item: data for item, data in files.items() if attribute_name(item) in types}
        if not taken:
            return None
        value = {
            attribute_name(item): _read(name, item, types[attribute_name(item)], data, decode=decode)
            for item, data in taken.items()
        }
        try:
            return make(**value)
        except TypeError as error:
            hint = f"its members are {', '.join(files)}: give a class that takes them, or dict"
            raise Usage(f"{name} cannot be made a sample: {error}", hint=hint) from error

    return read


def _read(name: str, extension: str, kind: object, data: bytes, *, decode: bool) -> Any:
    try:
        return _decoder(extension.rpartition(".")[2], kind, data, decode=decode)(data)
    except NOT_READABLE as error:
        message = f"{name}.{extension} is no {getattr(kind, '__name__', extension)}: {error}"
        raise Unavailable(message, hint="ask the publisher of the shard") from error


def _decoder(extension: str, kind: object, data: bytes, *, decode: bool) -> Callable[[bytes], Any]:
    """Return the function that reads a file as its class says, else as its extension does."""
    is_array = kind is not None and is_ndarray(kind)
    if decode and (extension in _IMAGES or is_image(data)):
        return _image_array if is_array else _image
    if decode and extension == "npz":
        return _arrays
    if is_array:
        return read_array
    return _BY_TYPE.get(get_origin(kind) or kind, _BY_EXTENSION.get(extension, bytes))


def _image(data: bytes) -> Any:
    """Read an image with Pillow; raises ValueError for other bytes, and Usage if Pillow is not installed."""
    try:
        pillow: Any = import_module("PIL.Image")
    except ImportError:
        raise Usage("decoding images needs Pillow", hint="pip install 'atpub[samples]'") from None
    try:
        image: Any = pillow.open(BytesIO(data))
        image.load()
    except (OSError, SyntaxError, pillow.DecompressionBombError) as error:
        raise ValueError(str(error)) from error
    return image


def _image_array(data: bytes) -> Any:
    return import_module("numpy").asarray(_image(data))


def _arrays(data: bytes) -> Any:
    """Read the arrays of a `.npz` file; never a pickle."""
    try:
        with import_module("numpy").load(BytesIO(data), allow_pickle=False) as found:
            return dict(found)
    except BadZipFile as error:
        raise ValueError(str(error)) from error
