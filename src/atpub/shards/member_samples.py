"""Reading samples of members: each file of a sample becomes the value of a field."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast, get_origin

from atpub.errors import Unavailable, Usage
from atpub.manifest.members import attribute_name
from atpub.shards.samples import NOT_READABLE, field_types, is_ndarray, read_array

S = TypeVar("S")

# As webdataset.autodecode reads files whose type only their extension says; pickles stay bytes.
_BY_EXTENSION: Final[Mapping[str, Callable[[bytes], Any]]] = {
    **dict.fromkeys(("cls", "cls2", "class", "count", "index", "inx", "id"), int),
    **dict.fromkeys(("txt", "text", "transcript"), bytes.decode),
    **dict.fromkeys(("json", "jsn"), json.loads),
    "npy": read_array,
}
_BY_TYPE: Final[Mapping[object, Callable[[bytes], Any]]] = {
    bytes: bytes,
    str: bytes.decode,
    int: int,
    float: float,
    dict: json.loads,
    list: json.loads,
    bool: json.loads,
}


def member_reader(sample_type: type[S] | None) -> Callable[[str, Mapping[str, bytes]], S | None]:
    """Return a function that makes a sample from its name and its files by extension; without a type, a dict.

    It returns None for files of which the class takes none, and raises Unavailable for files that cannot be read, and
    Usage for a sample that the class does not take.
    """
    if sample_type is None or sample_type is dict:
        return lambda name, files: cast("S", {item: _read(name, item, None, data) for item, data in files.items()})
    types = field_types(sample_type)
    make: Callable[..., S] = sample_type

    def read(name: str, files: Mapping[str, bytes]) -> S | None:
        taken = {item: data for item, data in files.items() if attribute_name(item) in types}
        if not taken:
            return None
        value = {
            attribute_name(item): _read(name, item, types[attribute_name(item)], data) for item, data in taken.items()
        }
        try:
            return make(**value)
        except TypeError as error:
            hint = f"its members are {', '.join(files)}: give a class that takes them, or dict"
            raise Usage(f"{name} cannot be made a sample: {error}", hint=hint) from error

    return read


def _read(name: str, extension: str, kind: object, data: bytes) -> Any:
    by_extension = _BY_EXTENSION.get(extension.rpartition(".")[2], bytes)
    decode = (
        read_array if kind is not None and is_ndarray(kind) else _BY_TYPE.get(get_origin(kind) or kind, by_extension)
    )
    try:
        return decode(data)
    except NOT_READABLE as error:
        message = f"{name}.{extension} is no {getattr(kind, '__name__', extension)}: {error}"
        raise Unavailable(message, hint="ask the publisher of the shard") from error
