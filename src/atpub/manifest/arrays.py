"""`{ndarray: {dtype, shape}}` as the type of a field or member: an array whose dtype and shape are declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from atpub.atproto.data import Json, JsonObject
from atpub.suggest import suggest

NDARRAY: Final = "https://alt.science/schemas/atdata-ndarray-bytes/1.0.0#/$defs/ndarray"
_SHIMS: Final = "https://json-schema.alt.science"
BINARY_TYPES: Final[Mapping[str, str]] = {
    "sparse": f"{_SHIMS}/atdata-sparse-bytes/1.0.0#/$defs/sparse",
    "structured": f"{_SHIMS}/atdata-structured-bytes/1.0.0#/$defs/structured",
    "arrow": f"{_SHIMS}/atdata-arrow-tensor/1.0.0#/$defs/tensor",
    "safetensors": f"{_SHIMS}/atdata-safetensors/1.0.0#/$defs/safetensors",
    "dataframe": f"{_SHIMS}/atdata-dataframe/1.0.0#/$defs/dataframe",
}
"""The JSON Schemas of fields whose bytes have a format of their own, by the name of the type."""
_READ_AS: Final[tuple[tuple[re.Pattern[str], Literal["array", "bytes"]], ...]] = (
    (re.compile(r"/atdata-(?:ndarray|structured)-bytes/"), "array"),
    (re.compile(r"/atdata-(?:sparse-bytes|arrow-tensor|safetensors|dataframe)/"), "bytes"),
)
DTYPES: Final = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128", "datetime64", "timedelta64", "str", "bytes"),
)
"""NumPy's names of the dtypes that a schema may declare."""
_FORM: Final = "{ndarray: {dtype: float32, shape: [null, 8]}}"


def reads_as(kind: Json) -> Literal["array", "bytes"] | None:
    """Return what readers make of a property that refers to the JSON Schema of a format; None for any other."""
    reference = kind.get("$ref") if isinstance(kind, dict) else None
    if not isinstance(reference, str):
        return None
    return next((read for pattern, read in _READ_AS if pattern.search(reference)), None)


class NotAType(ValueError):
    """A value is no type of a field; `hint` says what to write."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def typed_map(written: Mapping[str, Json], *names: str) -> tuple[str, bool] | None:
    """Split the key of `{ndarray: {…}}` or `{"ndarray?": {…}}` into name and whether it is required.

    None for a map of another form.
    """
    key = next(iter(written)) if len(written) == 1 else ""
    name = key.removesuffix("?")
    return (name, name == key) if name in names and isinstance(written[key], dict) else None


def array_property(declared: Json) -> JsonObject:
    """Return the JSON Schema of an array of this dtype and shape, each of which may be left open; raises NotAType."""
    found = declared if isinstance(declared, dict) else {}
    for key in found.keys() - {"dtype", "shape"}:
        raise NotAType(f"{key!r} is not a key of an ndarray", suggest(key, ("dtype", "shape")) or f"write {_FORM}")
    made: JsonObject = {"$ref": NDARRAY}
    if "dtype" in found:
        if found["dtype"] not in DTYPES:
            hint = suggest(str(found["dtype"]), DTYPES) or f"one of {', '.join(DTYPES)}"
            raise NotAType(f"{found['dtype']} is not a dtype", hint)
        made["dtype"] = found["dtype"]
    if "shape" in found:
        if not _is_shape(found["shape"]):
            raise NotAType(f"{found['shape']} is not a shape", "a list of lengths, null for any: [null, 8]")
        made["shape"] = found["shape"]
    return made


def _is_shape(value: Json) -> bool:
    return isinstance(value, list) and all(item is None or (type(item) is int and item >= 0) for item in value)
