"""The dtype and shape of a NumPy array in bytes, read from its header: without numpy, and without unpickling."""

from __future__ import annotations

import re
import struct
from math import prod
from typing import Final

from atpub.atproto.data import JsonObject

HEADER_LENGTH: Final = 1 << 16
"""The bytes that hold the header of any array, except one of many named fields."""

_NPY: Final = b"\x93NUMPY"
_DESCR: Final = re.compile(r"'descr':\s*(?:'([^']*)'|[\[(])")
_SHAPE: Final = re.compile(r"'shape':\s*\(([\d,\s]*)\)")
_CODE: Final = re.compile(r"[<>|=]?([a-zA-Z?])(\d*)(\[\w+\])?")
_NAME: Final = re.compile(r"(bool|u?int|float|complex)(\d*)_?")
_NUMBERS: Final = {"i": "int", "u": "uint", "f": "float", "c": "complex"}
_OTHERS: Final = {"U": "str", "S": "bytes", "O": "object", "V": "void", "M": "datetime64", "m": "timedelta64"}


def read_array_type(head: bytes, size: int) -> JsonObject | None:
    """Return `{ndarray: {dtype, shape}}` for the first bytes of an array of `size` bytes; None for other bytes.

    An array is a `.npy` file, or in atdata's compact form: dtype, shape, values.
    """
    found = _read_npy(head) if head.startswith(_NPY) else _read_compact(head, size)
    return None if found is None else {"ndarray": {"dtype": found[0], "shape": [*found[1]]}}


def dtype_name(code: str) -> str | None:
    """Return NumPy's name of a dtype, whatever its byte order: `float32` for `<f4`; None for an unknown one."""
    match = _CODE.fullmatch(code)
    if match is None or (match[1] in _NUMBERS and not match[2]):
        return code if _NAME.fullmatch(code) else None
    if match[1] in "b?":
        return "bool"
    if match[1] in _NUMBERS:
        return f"{_NUMBERS[match[1]]}{8 * int(match[2])}"
    return _OTHERS.get(match[1])


def _read_npy(head: bytes) -> tuple[str, list[int]] | None:
    if len(head) < 12:
        return None
    length, start = (struct.unpack_from("<H", head, 8)[0], 10) if head[6] == 1 else (len(head), 12)
    text = head[start : start + length].decode("latin-1")
    descr, shape = _DESCR.search(text), _SHAPE.search(text)
    if descr is None or shape is None:
        return None
    name = "void" if descr[1] is None else dtype_name(descr[1])
    return None if name is None else (name, [int(item) for item in shape[1].split(",") if item.strip()])


def _read_compact(head: bytes, size: int) -> tuple[str, list[int]] | None:
    code_end = 1 + head[0] if head else 0
    if not 1 < code_end < len(head):
        return None
    code = head[1:code_end].decode("latin-1")
    name, values = dtype_name(code), code_end + 1 + 8 * head[code_end]
    width = re.search(r"\d+", code)
    if name is None or width is None or values > len(head):
        return None
    shape = [*struct.unpack_from(f"<{head[code_end]}q", head, code_end + 1)]
    item_size = int(width[0]) // 8 if code == name else int(width[0]) * (4 if name == "str" else 1)
    return (name, shape) if min(shape, default=0) >= 0 and values + prod(shape) * item_size == size else None
