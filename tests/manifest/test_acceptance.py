"""Fast acceptance decides as jsonschema does, on schemas of manifests and of JSON Schema itself."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from atpub.manifest.acceptance import compile_schema
from atpub.manifest.schema import manifest_schema

pytestmark = pytest.mark.slow

EXAMPLES = sorted(Path(__file__).parents[2].glob("manifests/**/*.yaml"))
META_SCHEMA: Any = Draft7Validator.META_SCHEMA
WRONG: tuple[Any, ...] = (
    None,
    True,
    0,
    1,
    1.5,
    -1,
    "",
    "x",
    "1.0.0",
    [],
    [1],
    ["a"],
    {},
    {"a": 1},
    {"files": []},
    "a b",
)

NAMES = ("x", "id", "adopt", "a b", "name", "tags")


def validity(schema: Any) -> Callable[[Any], bool]:
    """Return jsonschema's verdict, whose types it leaves open."""
    validator: Any = Draft202012Validator(schema)
    return lambda value: bool(validator.is_valid(value))


def holders(value: Any) -> list[Any]:
    """Return every map and list in a value."""
    match value:
        case dict():
            inner: list[Any] = list(value.values())  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        case list():
            inner = list(value)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return []
    return [value, *(found for item in inner for found in holders(item))]


def mutate(value: Any, random: Random) -> Any:
    """Return a copy with one part replaced, removed or added."""
    changed = deepcopy(value)
    holder = random.choice(holders(changed))
    keys: list[Any] = [*holder] if isinstance(holder, dict) else [*range(len(holder))]
    match random.randrange(3):
        case 0 if keys:
            holder[random.choice(keys)] = random.choice(WRONG)
        case 1 if keys:
            del holder[random.choice(keys)]
        case _ if isinstance(holder, dict):
            holder[random.choice(NAMES)] = random.choice(WRONG)
        case _:
            holder.append(random.choice(WRONG))
    return changed


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_manifests(file: Path) -> None:
    accepts, is_valid = compile_schema(manifest_schema()), validity(manifest_schema())
    value, random = yaml.safe_load(file.read_text()), Random(file.name)
    verdicts: set[bool] = set()
    for _ in range(200):
        changed = mutate(value, random)
        verdict = accepts(changed)
        assert verdict == is_valid(changed), changed
        verdicts.add(verdict)
    assert accepts(value) == is_valid(value)
    assert False in verdicts


SCHEMA = {
    "definitions": {"node": {"type": "object", "properties": {"next": {"$ref": "#/definitions/node"}}}},
    "type": "object",
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9, "enum": [1, 2, 9, 12]},
        "share": {"type": "number"},
        "flag": {"const": True},
        "one": {"const": 1},
        "kind": {"type": ["string", "null"], "minLength": 1, "maxLength": 3, "pattern": "^[a-z1-9.]+$"},
        "items": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"allOf": [True]}]}, "maxItems": 1},
        "node": {"$ref": "#/definitions/node"},
        "never": False,
    },
    "required": ["size"],
    "propertyNames": {"maxLength": 5},
    "additionalProperties": {"type": "boolean"},
}


def test_every_keyword() -> None:
    accepts, is_valid, random = compile_schema(SCHEMA), validity(SCHEMA), Random(1)
    value: Any = {
        "size": 2,
        "share": 1.5,
        "flag": True,
        "one": 1,
        "kind": "a",
        "items": ["a"],
        "node": {"next": {}},
        "b": True,
    }
    assert accepts(value)
    assert is_valid(value)
    for _ in range(3_000):
        changed = mutate(mutate(value, random), random)
        assert accepts(changed) == is_valid(changed), changed


def test_unknown_keywords_are_left_to_jsonschema() -> None:
    assert not compile_schema({"multipleOf": 2})(4)
