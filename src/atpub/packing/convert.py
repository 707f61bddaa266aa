"""Samples of members ↔ samples of one msgpack map, by the rules of the readers of WebDataset; nothing is unpickled."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from math import prod
from typing import Any, Final, cast

from atpub.errors import Usage
from atpub.manifest.members import attribute_name
from atpub.packing.layout import PICKLES
from atpub.shards.array_headers import read_array_type
from atpub.shards.member_samples import INTEGERS, JSONS, TEXTS
from atpub.shards.sample_types import media_type
from atpub.shards.samples import NOT_READABLE

_NPY: Final = b"\x93NUMPY"
_EXTENSION: Final = re.compile(r"[^\s/.\0-\x1f\x7f][^\s/\0-\x1f\x7f]*")
_MEDIA: Final = {
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/gif": ("gif",),
    "image/webp": ("webp",),
    "audio/wav": ("wav",),
    "audio/flac": ("flac",),
}
_DECODED: Final = (
    INTEGERS | TEXTS | JSONS | frozenset(("npy", "npz", "msgpack", "mp", "msg", "cbor", "pth", "ten", "tb"))
)
_INTEGERS: Final = ("cls", "cls2", "id", "index", "inx")
"""The extensions of integers that every reader knows."""


class NotConvertible(Exception):
    """A sample that the other format cannot hold: why, and the extension of the member that is in the way."""

    def __init__(self, code: str, message: str, hint: str, extension: str = "") -> None:
        """Take the code of the problem, its message and its hint."""
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.extension = extension


@cache
def msgpack() -> Any:
    """Import msgpack and NumPy, which conversions need; raises Usage without them."""
    try:
        import_module("numpy")
        return import_module("msgpack")  # it has no types
    except ImportError:
        raise Usage("converting samples needs msgpack and NumPy", hint="pip install 'atpub[samples]'") from None


def to_msgpack(files: Mapping[str, bytes]) -> bytes:
    """Return the msgpack map of a sample's files by extension; raises NotConvertible.

    Integers, text and JSON become values, `.npy` files stay as they are (atdata reads them as arrays), all else is
    bytes. Fields are named as the attributes of `members:` schemas, and sorted.
    """
    fields: dict[str, Any] = {}
    for extension, data in files.items():
        name = attribute_name(extension)
        if name in fields:
            message = f"two members become the field {name!r}"
            raise NotConvertible("field-clash", message, "rename one of them", extension)
        fields[name] = _decode(extension, data)
    try:
        packed: bytes = msgpack().packb({name: fields[name] for name in sorted(fields)})
    except (ValueError, OverflowError, TypeError, RecursionError) as error:
        raise NotConvertible("not-msgpack", f"msgpack cannot hold it: {error}", "change the value") from error
    return packed


def _decode(extension: str, data: bytes) -> Any:
    kind = extension.rpartition(".")[2]
    try:
        if kind in INTEGERS:
            return int(data)
        if kind in TEXTS:
            return data.decode()
        if kind in JSONS:
            return json.loads(data)
    except (ValueError, RecursionError) as error:
        message = f"it is no {_noun(kind)}: {error}"
        hint = f"correct it, or rename it: readers decode .{kind} files"
        raise NotConvertible("bad-member", message, hint, extension) from error
    if kind == "npy" and (reason := _array_fault(data)):
        hint = "write it with numpy.save(file, array, allow_pickle=False)"
        raise NotConvertible("bad-member", f"it is no .npy file of an array: {reason}", hint, extension)
    return data


def _noun(kind: str) -> str:
    return "integer" if kind in INTEGERS else "UTF-8 text" if kind in TEXTS else "JSON"


def _array_fault(data: bytes) -> str:
    """Return why bytes are no whole `.npy` file of an array without objects; empty if they are."""
    import io

    arrays: Any = import_module("numpy.lib.format")
    stream = io.BytesIO(data)
    try:
        version = arrays.read_magic(stream)
        read = arrays.read_array_header_1_0 if version == (1, 0) else arrays.read_array_header_2_0
        shape, _, dtype = read(stream)
    except NOT_READABLE as error:
        return str(error)
    if dtype.hasobject:
        return "it holds pickled objects"
    return "" if prod(shape) * dtype.itemsize == len(data) - stream.tell() else "it is cut off, or goes on"


def read_map(packed: bytes) -> Mapping[str, Any]:
    """Return the fields of a msgpack map with text for keys, none of them twice; raises NotConvertible."""
    unpack: Callable[..., Any] = msgpack().unpackb
    try:
        value = unpack(packed, object_pairs_hook=_unique)
    except (*NOT_READABLE, RecursionError) as error:
        raise NotConvertible("not-a-sample", f"it is no msgpack map: {error}", "write the sample again") from error
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in cast("dict[object, Any]", value)):
        raise NotConvertible("not-a-sample", "it is no msgpack map with text for keys", "write the sample again")
    return cast("Mapping[str, Any]", value)


def _unique(pairs: Sequence[tuple[Any, Any]]) -> dict[Any, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def to_members(packed: bytes) -> Mapping[str, bytes]:
    """Return the files of a msgpack sample by extension; raises NotConvertible.

    A field whose name is an extension that readers decode to its value keeps it. Another gets the extension of its
    type: `label.cls`, `caption.txt`, `meta.json`, `feat.npy`, `picture.jpg`.
    """
    files: dict[str, bytes] = {}
    for name, value in read_map(packed).items():
        if not _EXTENSION.fullmatch(name) or name != name.lower() or name.startswith("__"):
            hint = "readers write extensions in lower case, and they have no blanks or slashes; pack as msgpack"
            raise NotConvertible("bad-field", f"the field {name!r} cannot be the extension of a member", hint)
        data, extensions = _encode(name, value)
        extension = _name_member(name, extensions)
        if extension in files:
            raise NotConvertible("field-clash", f"two fields become the member {extension!r}", "rename one of them")
        files[extension] = data
    if not files:
        raise NotConvertible("not-a-sample", "it has no fields", "leave the sample out")
    return files


def _name_member(name: str, extensions: Sequence[str]) -> str:
    """Return the extension of a field's member: `feat.npy` for `feat_npy`, which is its field again, and for `feat`."""
    if not extensions or name.rpartition(".")[2] in extensions:
        return name
    before, _, last = name.rpartition("_")
    return f"{before}.{last}" if before and last in extensions else f"{name}.{extensions[0]}"


def _encode(name: str, value: Any) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes of a field's member, and the extensions by which readers decode them; none: any is right."""
    if isinstance(value, bool) or re.split("[._]", name)[-1] in JSONS:
        return _encode_bytes(name, value) if isinstance(value, bytes) else _json(name, value)
    match value:
        case int():
            return str(value).encode(), _INTEGERS
        case str():
            return value.encode(), ("txt", *sorted(TEXTS - {"txt"}))
        case bytes():
            return _encode_bytes(name, value)
        case _:
            return _json(name, value)


def _encode_bytes(name: str, data: bytes) -> tuple[bytes, tuple[str, ...]]:
    kind = name.rpartition(".")[2]
    if kind == "bin":  # readers leave it as it is, whatever it holds
        return data, ()
    if data.startswith(_NPY) and not _array_fault(data):
        return data, ("npy",)
    if (array := _compact_to_npy(data)) is not None:
        return array, ("npy",)
    if extensions := _MEDIA.get(media_type(data) or ""):
        return data, extensions
    return data, ("bin",) if kind in _DECODED | PICKLES else ()


def _compact_to_npy(data: bytes) -> bytes | None:
    """Return a `.npy` file for atdata's compact form of an array, which readers of members do not know."""
    if data.startswith(_NPY) or read_array_type(data, len(data)) is None:
        return None
    end = 1 + data[0]
    shape = struct.unpack_from(f"<{data[end]}q", data, end + 1)
    code = data[1:end].decode("latin-1")
    header = f"{{'descr': {code!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode("latin-1")
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    array = _NPY + b"\1\0" + struct.pack("<H", len(header)) + header + data[end + 1 + 8 * data[end] :]
    return None if _array_fault(array) else array


def _json(name: str, value: Any) -> tuple[bytes, tuple[str, ...]]:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode(), ("json", *sorted(JSONS - {"json"}))
    except (TypeError, ValueError, RecursionError) as error:
        message = f"the field {name!r} cannot be written as JSON: {error}"
        raise NotConvertible("bad-field", message, "pack as msgpack") from error
