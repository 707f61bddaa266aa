"""Sample types: a Python class → the fields of its schema, and a published schema → a Python class."""

from __future__ import annotations

import struct
import types
from collections.abc import Callable, Mapping
from dataclasses import field, fields, is_dataclass, make_dataclass
from functools import cache
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from atpub.atproto.data import Json, JsonObject
from atpub.errors import InvalidArgument, Unavailable, Usage
from atpub.manifest.arrays import reads_as
from atpub.manifest.fields import json_schema
from atpub.problems import Problem

if TYPE_CHECKING:
    import numpy

S = TypeVar("S")

_SIMPLE: Final[Mapping[object, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    bytes: "bytes",
}
_TYPES: Final = "use str, int, float, bool, bytes, a numpy NDArray, a list of one of these, or one of them | None"
_NPY: Final = b"\x93NUMPY"


def sample_content(sample_type: type[object]) -> JsonObject:
    """Build the JSON Schema (draft-07) of a sample class; raises InvalidArgument for each field without a schema type.

    Understood are dataclasses, and classes with annotations: str, int, float, bool, bytes, numpy arrays, `list[…]` of
    these, and each of them or None.
    """
    written: JsonObject = {}
    problems: list[Problem] = []
    for name, hint in _hints(sample_type).items():
        found = _field(hint)
        if found is None:
            message = f"sample_type: {sample_type.__name__}.{name}: a schema has no type for {_show(hint)}"
            problems.append(Problem("bad-field", message, hint=_TYPES))
        else:
            written[name] = found
    if not written and not problems:
        message = f"sample_type: {sample_type.__name__} has no fields"
        problems.append(Problem("bad-field", message, hint="make it a dataclass, or give schema_uri"))
    if problems:
        raise InvalidArgument(tuple(problems))
    return json_schema(written).content


def _hints(sample_type: type[object]) -> Mapping[str, object]:
    try:
        hints = get_type_hints(sample_type)
    except (NameError, TypeError) as error:
        message = f"sample_type: the annotations of {sample_type.__name__} cannot be read: {error}"
        raise InvalidArgument((Problem("bad-field", message, hint="import the types that it names"),)) from None
    if is_dataclass(sample_type):
        return {item.name: hints[item.name] for item in fields(sample_type)}
    return {name: hint for name, hint in hints.items() if not name.startswith("_")}


def _field(hint: object) -> str | None:
    """Return a type as the manifest's `fields:` writes it; None for an unknown type."""
    bare, optional = _without_none(hint)
    if get_origin(bare) is list:
        items = [_SIMPLE.get(item) for item in get_args(bare)]
        text = f"[{items[0]}]" if len(items) == 1 and items[0] else None
    else:
        text = "ndarray" if is_ndarray(bare) else _SIMPLE.get(bare)
    return f"{text}?" if text and optional else text


def _without_none(hint: object) -> tuple[object, bool]:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        rest = [item for item in get_args(hint) if item is not type(None)]
        if len(rest) == 1 and len(rest) < len(get_args(hint)):
            return _without_none(rest[0])[0], True
    return hint, False


def is_ndarray(hint: object) -> bool:
    """Whether a type is numpy's ndarray, however it is spelt; numpy is not imported to find out."""
    alias = getattr(hint, "__value__", hint)  # NDArray may be a `type` statement's alias
    found = get_origin(alias) or alias
    return getattr(found, "__module__", "").split(".")[0] == "numpy" and getattr(found, "__name__", "") == "ndarray"


def _show(hint: object) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def sample_class(name: str, content: JsonObject) -> type[Any]:
    """Make a dataclass for the samples of a published schema; required fields come first.

    Raises Usage where no class can have them.
    """
    properties = content.get("properties")
    listed = content.get("required")
    required = listed if isinstance(listed, list) else []
    kinds: JsonObject = properties if isinstance(properties, dict) else {}
    ordered = sorted(kinds, key=lambda item: item not in required)
    strange = [item for item in ordered if not item.isidentifier() or iskeyword(item) or item.startswith("__")]
    if strange:
        hint = "say what the samples are to be: load(uri, dict), or a class that takes such fields"
        raise Usage(f"the schema {name!r} has the field {strange[0]!r}, and no Python class can have it", hint=hint)
    made = [
        (item, _python(kinds[item])) if item in required else (item, _python(kinds[item]) | None, field(default=None))
        for item in ordered
    ]
    return make_dataclass(name if name.isidentifier() else "Sample", made)


_PYTHON: Final[Mapping[str, type[Any]]] = {"string": str, "integer": int, "number": float, "boolean": bool}


def _python(kind: Json) -> Any:
    """Return the Python type of a property's values."""
    if not isinstance(kind, dict):
        return object
    read_as = reads_as(kind)
    if read_as == "array":
        import numpy  # an array field asks for it

        return numpy.ndarray[Any, numpy.dtype[Any]]
    if read_as == "bytes" or kind.get("contentEncoding") == "base64":
        return bytes
    if kind.get("type") == "array":
        return types.GenericAlias(list, (_python(kind.get("items")),))
    return _PYTHON.get(str(kind.get("type")), object)


NOT_READABLE: Final = (ArithmeticError, LookupError, SyntaxError, TypeError, ValueError, struct.error)
"""What msgpack and numpy raise on bytes that they did not write."""


def field_types(sample_type: type[object]) -> Mapping[str, object]:
    """Return the type of each field of a sample class, without None."""
    return {name: _without_none(hint)[0] for name, hint in _hints(sample_type).items()}


def sample_reader(sample_type: type[S] | None) -> Callable[[str, bytes], S]:
    """Return a function that makes a sample from the name and bytes of a `.msgpack` file; without a type, a dict.

    It raises Unavailable for bytes that are no sample, and Usage for one whose fields the class does not take.
    """
    find_unpacker = cache(unpacker)  # samples of members need no msgpack
    hints: Mapping[str, object] = {} if sample_type is None else field_types(sample_type)
    arrays: list[str] = [name for name, hint in hints.items() if is_ndarray(hint)]
    make: Callable[..., S] | None = sample_type

    def read(name: str, packed: bytes) -> S:
        try:
            value: dict[str, Any] = dict(find_unpacker()(packed))
            value.update((array, read_array(value[array])) for array in arrays if isinstance(value.get(array), bytes))
        except NOT_READABLE as error:
            raise Unavailable(f"{name} is no sample: {error}", hint="ask the publisher of the shard") from error
        try:
            return make(**value) if make else cast("S", value)
        except TypeError as error:
            hint = f"its fields are {', '.join(map(str, value))}: give a class that takes them, or dict"
            raise Usage(f"{name} cannot be made a sample: {error}", hint=hint) from error

    return read


def unpacker() -> Callable[[bytes], Any]:
    """Return msgpack's reader; raises Usage if msgpack is not installed."""
    try:
        unpack: Callable[[bytes], Any] = import_module("msgpack").unpackb  # it has no types
    except ImportError:
        raise Usage("reading samples needs msgpack", hint="pip install 'atpub[samples]'") from None
    return unpack


def read_array(packed: bytes) -> numpy.ndarray[Any, numpy.dtype[Any]]:
    """Read the array in a sample's bytes: `.npy`, or atdata's compact form (type, shape, values); never a pickle."""
    import io

    import numpy

    if packed.startswith(_NPY):
        loaded: numpy.ndarray[Any, numpy.dtype[Any]] = numpy.load(io.BytesIO(packed), allow_pickle=False)
        return loaded
    kind_end = 1 + packed[0]
    count = packed[kind_end]
    shape: tuple[int, ...] = struct.unpack_from(f"<{count}q", packed, kind_end + 1)
    kind = numpy.dtype(packed[1:kind_end].decode("ascii"))
    return numpy.frombuffer(packed, kind, offset=kind_end + 1 + 8 * count).reshape(shape)
