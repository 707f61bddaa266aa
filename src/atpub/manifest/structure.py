"""A manifest's value against the manifest's JSON Schema: each deviation as a problem in plain words, at its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from atpub.errors import Problem
from atpub.lexicon.node import kind_of
from atpub.manifest.bundle import Bundle
from atpub.manifest.outline import Steps
from atpub.manifest.schema import manifest_schema
from atpub.manifest.suggest import suggest

_KINDS = {
    "object": "a map",
    "array": "a list",
    "string": "a string",
    "integer": "an integer",
    "boolean": "true or false",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class _Deviation:
    """What jsonschema found, with the types that it leaves open."""

    keyword: str
    limit: Any  # what the keyword says
    instance: Any  # what was found
    schema: Any  # the object schema that the keyword stands in
    steps: Steps
    in_key: bool


def check_structure(bundle: Bundle) -> tuple[Problem, ...]:
    """Every way in which a manifest does not have a manifest's structure."""
    found: dict[tuple[str, Steps], Problem] = {}
    for deviation in _deviations(bundle.value):
        for steps, problem in _problems(bundle, deviation):
            found.setdefault((problem.message, steps), problem)
    return tuple(found.values())


def _deviations(value: Any) -> Iterator[_Deviation]:
    validator: Any = Draft202012Validator(manifest_schema())
    for error in validator.iter_errors(value):
        in_key = "propertyNames" in error.absolute_schema_path
        steps = tuple(error.absolute_path)
        yield _Deviation(error.validator, error.validator_value, error.instance, error.schema, steps, in_key)


def _problems(bundle: Bundle, found: _Deviation) -> Iterator[tuple[Steps, Problem]]:
    steps = found.steps
    if found.in_key:
        inner = (*steps, str(found.instance))
        hint = "keys begin with a letter or digit and hold letters, digits and . _ : ~ + @ - only"
        yield inner, Problem("bad-key", f"{found.instance!r} cannot be a key", bundle.place(inner, of="key"), hint)
    elif found.keyword == "additionalProperties":
        known = sorted(found.schema["properties"])
        for key in found.instance:
            if key not in known:
                hint = suggest(key, known) or f"its keys are {', '.join(known)}"
                message = f"{key!r} is not a key of {_owner(steps)}"
                place = bundle.place((*steps, key), of="key")
                yield (*steps, key), Problem("unknown-key", message, place, hint)
    elif found.keyword == "required":
        for name in found.limit:
            if name not in found.instance:
                place = bundle.place(steps, of="key")
                yield (
                    (*steps, name),
                    Problem("missing-key", f"{_owner(steps)} has no {name!r}", place, f"add `{name}: …`"),
                )
    else:
        code, message, hint = _worded(found)
        yield steps, Problem(code, f"{_name(steps)}: {message}", bundle.place(steps), hint)


def _worded(found: _Deviation) -> tuple[str, str, str]:
    """The code, message and hint of a deviation that one keyword tells."""
    limit, shown = found.limit, repr(found.instance)
    match found.keyword:
        case "type":
            expected = _KINDS.get(str(limit), str(limit))
            return "wrong-type", f"expected {expected}, found {_kind(found)}", _quote(found)
        case "anyOf":
            return "wrong-type", f"expected {_choices(found)}, found {_kind(found)}", ""
        case "const":
            return "wrong-value", f"expected {limit!r}, found {shown}", ""
        case "enum":
            hint = suggest(str(found.instance), map(str, limit))
            return "wrong-value", f"{shown} is not one of {', '.join(map(repr, limit))}", hint
        case "pattern":
            described = found.schema.get("description", "")
            return "wrong-form", f"{shown} is not of the right form", f"{described} Form: {limit}".strip()
        case "maxLength":
            return "too-long", f"{len(found.instance)} characters, at most {limit}", ""
        case "minLength" | "minItems":
            return "too-short", "nothing is given", ""
        case "maxItems":
            return "too-long", f"{len(found.instance)} items, at most {limit}", ""
        case "minimum" | "maximum":
            return "wrong-value", f"{shown} is outside the {found.keyword} {limit}", ""
        case _:
            return "wrong-value", f"{shown} breaks the rule {found.keyword}: {limit!r}", ""


def _quote(found: _Deviation) -> str:
    quotable = found.limit == "string" and isinstance(found.instance, int | float)
    return f"put it in quotes: {str(found.instance)!r}" if quotable else ""


def _choices(found: _Deviation) -> str:
    words = [item.get("title") or _KINDS.get(item.get("type"), "something else") for item in found.limit]
    return " or ".join(dict.fromkeys(map(str, words)))


def _kind(found: _Deviation) -> str:
    kind = kind_of(found.instance)
    return {"an object": "a map", "an array": "a list"}.get(kind, kind)


def _name(steps: Steps) -> str:
    return ".".join(map(str, steps)) or "the manifest"


def _owner(steps: Steps) -> str:
    return f"{steps[0]}/{steps[1]}" if len(steps) == 2 else _name(steps)
