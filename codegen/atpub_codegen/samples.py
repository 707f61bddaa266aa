"""Sample schemas (JSON Schema, draft-07) → a module of dataclasses, for the people who read the data.

The classes stand on their own; where atdata is at hand, its `packable` makes them what `Dataset` takes.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub_codegen.ir import Sample, SampleField
from atpub_codegen.names import Scope, pascal_case
from atpub_codegen.render import package_source, samples_source
from atpub_codegen.source import literals

ARRAY: Final = "Array"
_BYTES: Final = ("atdata-sparse-bytes", "atdata-arrow-tensor", "atdata-safetensors", "atdata-dataframe")
_FORMATS: Final = {
    **dict.fromkeys(("atdata-ndarray-bytes", "atdata-structured-bytes"), ARRAY),
    **dict.fromkeys(_BYTES, "bytes"),
}
_SIMPLE: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_TAKEN: Final = ("Any", "Array", "Literal", "TYPE_CHECKING", "TypeAlias", "dataclass")


@dataclass(frozen=True, slots=True)
class SampleSchema:
    """One version of a sample schema: its name, what it is called on the network, and its JSON Schema."""

    name: str
    nsid: str
    version: str
    description: str
    content: JsonObject


class NotAFieldName(ValueError):
    """A field's name cannot be that of an attribute; readers of the data set one of that name."""


def generate_samples(
    schemas: Sequence[SampleSchema], *, alone: bool, command: str = "atpub generate"
) -> Mapping[PurePosixPath, str]:
    """Generate the module `samples`, with a class for each schema; raises NotAFieldName.

    Alone in its package, it is a package that needs nothing of atpub's. The newest version of several has the plain
    name.
    """
    scope = Scope(_TAKEN)
    newest_first = sorted(schemas, key=lambda schema: (schema.name, _negate(schema.version), schema.nsid))
    classes: list[Sample] = []
    for schema in newest_first:
        plain = pascal_case(schema.name)
        name = scope.first([plain, f"{plain}_{''.join(part if part.isalnum() else '_' for part in schema.version)}"])
        classes.append(_sample(schema, name))
    files = {PurePosixPath("samples.py"): samples_source(sorted(classes, key=lambda item: item.name), command)}
    if alone:
        files[PurePosixPath("__init__.py")] = package_source("The samples of datasets.", command)
    return files


def _negate(version: str) -> tuple[int, ...]:
    """Return a key that puts later versions first."""
    return tuple(-int(part) if part.isdigit() else 0 for part in version.partition("-")[0].split("."))


def _sample(schema: SampleSchema, name: str) -> Sample:
    properties = schema.content.get("properties")
    listed = schema.content.get("required")
    required = {*map(str, listed)} if isinstance(listed, list) else set[str]()
    found = properties if isinstance(properties, dict) else {}
    fields = [_field(schema, wire, found[wire], wire in required) for wire in found]
    ordered = sorted(fields, key=lambda field: not field.required)  # as dataclasses want them
    return Sample(name, f"{schema.nsid} {schema.version}", schema.description, tuple(ordered))


def _field(schema: SampleSchema, wire: str, kind: Json, required: bool) -> SampleField:
    if not wire.isidentifier() or keyword.iskeyword(wire):
        raise NotAFieldName(f"{wire!r} of the schema {schema.nsid} {schema.version} cannot be an attribute in Python")
    found = kind if isinstance(kind, dict) else {}
    description = found.get("description")
    annotation = _annotation(found)
    if not required and not annotation.endswith("None") and annotation != "Any":
        annotation = f"{annotation} | None"
    return SampleField(wire, annotation, required, description if isinstance(description, str) else "")


def _annotation(kind: JsonObject) -> str:
    match kind:
        case {"$ref": str(ref)}:
            return next((annotation for name, annotation in _FORMATS.items() if name in ref), "Any")
        case {"enum": [*values]} if values and all(value.__class__ in (str, int) for value in values):
            return f"Literal[{', '.join(literals(value for value in values if isinstance(value, str | int)))}]"
        case {"type": "string", "contentEncoding": "base64"} | {"type": "string", "format": "byte"}:
            return "bytes"
        case {"type": "array"}:
            items = kind.get("items")
            return f"list[{_annotation(items if isinstance(items, dict) else {})}]"
        case {"type": "object"}:
            return "dict[str, Any]"
        case {"type": str(name)}:
            return _SIMPLE.get(name, "Any")
        case {"type": [*names]} if names:
            return " | ".join(dict.fromkeys(_annotation({**kind, "type": name}) for name in names))
        case _:
            return "Any"
