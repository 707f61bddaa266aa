"""Dataclasses for samples: each type that readers understand, names and versions, and atdata's packable."""

import ast
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from atpub.atproto.data import Json
from atpub.manifest.fields import json_schema
from atpub_codegen.samples import NotAFieldName, SampleSchema, generate_samples

EVERY_TYPE: Mapping[str, tuple[Json, str]] = {
    "text": ({"type": "string"}, "str"),
    "count": ({"type": "integer"}, "int"),
    "share": ({"type": "number"}, "float"),
    "sure": ({"type": "boolean"}, "bool"),
    "raw": ({"type": "string", "format": "byte", "contentEncoding": "base64"}, "bytes"),
    "image": ({"$ref": "https://alt.science/schemas/atdata-ndarray-bytes/1.0.0#/$defs/ndarray"}, "Array"),
    "events": ({"$ref": "https://json-schema.alt.science/atdata-structured-bytes/1.0.0#/$defs/structured"}, "Array"),
    "counts": ({"$ref": "https://json-schema.alt.science/atdata-sparse-bytes/1.0.0#/$defs/sparse"}, "bytes"),
    "weights": ({"$ref": "https://json-schema.alt.science/atdata-safetensors/1.0.0#/$defs/safetensors"}, "bytes"),
    "tags": ({"type": "array", "items": {"type": "string"}}, "list[str]"),
    "frames": ({"type": "array", "items": {"$ref": "x/atdata-ndarray-bytes/y"}}, "list[Array]"),
    "anything": ({"type": "array"}, "list[Any]"),
    "colour": ({"enum": ["red", 'gr"een']}, "Literal['red', 'gr\"een']"),
    "maybe": ({"type": ["string", "null"]}, "str | None"),
    "nested": ({"type": "object", "properties": {}}, "dict[str, Any]"),
    "other": ({"$ref": "#/$defs/other"}, "Any"),
    "odd": (True, "Any"),
}


def schema(properties: dict[str, Json], required: list[str] | None = None, **changes: str) -> SampleSchema:
    content: dict[str, Json] = {"type": "object", "properties": properties}
    if required is not None:
        content["required"] = [*required]
    given = {"name": "Digit", "nsid": "org.lab.digit", "version": "1.0.0", "description": "", **changes}
    return SampleSchema(given["name"], given["nsid"], given["version"], given["description"], content)


def module_of(schemas: list[SampleSchema]) -> str:
    (source,) = generate_samples(schemas, alone=False).values()
    return source


def annotations(source: str, name: str = "Digit") -> dict[str, str]:
    """The fields of a class, with their annotations as Python writes them."""
    (found,) = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == name)
    assigned = (node for node in found.body if isinstance(node, ast.AnnAssign))
    return {ast.unparse(node.target): ast.unparse(node.annotation) for node in assigned}


def executed(source: str) -> ModuleType:
    module = ModuleType("samples")
    exec(compile(source, "samples.py", "exec"), module.__dict__)
    return module


def test_every_type() -> None:
    kinds = {name: kind for name, (kind, _) in EVERY_TYPE.items()}
    source = module_of([schema(kinds, [*kinds])])
    assert annotations(source) == {name: annotation for name, (_, annotation) in EVERY_TYPE.items()}


def test_what_may_be_absent_comes_last_and_is_none() -> None:
    text: Json = {"type": "string"}
    source = module_of([schema({"b": text, "c": {"type": ["string", "null"]}, "d": True, "a": text}, ["a"])])
    assert annotations(source) == {"a": "str", "b": "str | None", "c": "str | None", "d": "Any"}
    made: Any = executed(source)
    assert made.Digit("x") == made.Digit(a="x", b=None, c=None, d=None)


def test_the_fields_of_a_manifest() -> None:
    made = json_schema({"label": "integer", "note": "string?", "tags": "[string]", "sure": "boolean"})
    module: Any = executed(module_of([SampleSchema("Digit", "org.lab.digit", "1.0.0", "", made.content)]))
    assert is_dataclass(module.Digit)
    assert {field.name: field.default is MISSING for field in fields(module.Digit)} == {
        "label": True,
        "tags": True,
        "sure": True,
        "note": False,
    }
    assert module.__all__ == ["Digit"]


def test_the_newest_version_has_the_plain_name() -> None:
    versions = [schema({}, version=version) for version in ("1.9.0", "1.10.0", "1.10.0-rc.1", "0.1.0")]
    module: Any = executed(module_of(versions))
    assert module.__all__ == ["Digit", "Digit_0_1_0", "Digit_1_10_0_rc_1", "Digit_1_9_0"]
    assert module.Digit.__doc__ == "A sample of org.lab.digit 1.10.0."


@pytest.mark.parametrize("name", ["a b", "class", "1st", "", '"""', "x: int = __import__('os')"])
def test_a_name_that_is_none_in_python_is_refused(name: str) -> None:
    with pytest.raises(NotAFieldName, match=r"of the schema org\.lab\.digit 1\.0\.0 cannot be an attribute"):
        module_of([schema({name: {"type": "string"}})])


def test_texts_stay_text() -> None:
    hostile = '"""\nimport os\n{{ x }} \\'
    kinds: dict[str, Json] = {"a": {"type": "string", "description": hostile}, "b": {"enum": [hostile]}}
    source = module_of([schema(kinds, description=hostile)])
    assert [node for node in ast.parse(source).body if isinstance(node, ast.Import)] == []
    assert executed(source)


def test_the_source(tmp_path: Path) -> None:
    kinds: dict[str, Json] = {"image": EVERY_TYPE["image"][0], "label": {"type": "integer", "description": "0 to 9."}}
    assert (
        module_of([schema(kinds, ["image"], description="A digit.")])
        == '''\
# Generated by atpub from the schemas of a manifest. Do not edit: run `atpub generate`.
"""The samples of datasets, as their shards hold them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy import dtype, ndarray

    Array: TypeAlias = ndarray[Any, dtype[Any]]
else:
    from numpy.typing import NDArray as Array

__all__ = [
    "Digit",
]


@dataclass
class Digit:
    """A digit. A sample of org.lab.digit 1.0.0."""

    image: Array
    label: int | None = None
    """0 to 9."""
'''
    )


def test_atdata_takes_them() -> None:
    numpy = pytest.importorskip("numpy")
    atdata = pytest.importorskip("atdata")
    kinds: dict[str, Json] = {
        "image": EVERY_TYPE["image"][0],
        "mask": EVERY_TYPE["image"][0],
        "label": {"type": "integer"},
    }
    module: Any = executed(module_of([schema(kinds, ["image", "label"])]))
    packable = atdata.packable(module.Digit)
    sample = packable.from_bytes(packable(image=numpy.eye(2), label=1, mask=numpy.ones(3)).packed)
    assert (sample.image == numpy.eye(2)).all()
    assert (sample.mask == numpy.ones(3)).all()
    assert sample.label == 1
