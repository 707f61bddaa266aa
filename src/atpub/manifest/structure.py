"""A manifest's value against the manifest's JSON Schema: each deviation as a problem in plain words, at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.lexicon.json_node import kind_of, step
from atpub.manifest.fields import DRAFT
from atpub.manifest.kinds import SECTIONS
from atpub.manifest.schema import (
    ANNOUNCE,
    DATASET_FIELDS,
    LABEL_FIELDS,
    LENS_FIELDS,
    MIRRORS,
    PROJECT,
    RAI,
    SCHEMA_FIELDS,
    VERSION,
    manifest_schema,
)
from atpub.problems import Place, Problem
from atpub.suggest import nearest, show_value, suggest
from atpub.text.merge import MergedDocument
from atpub.text.source import as_written
from atpub.text.spans import Steps

_KINDS: Final = {
    "object": "a map",
    "array": "a list",
    "string": "a string",
    "integer": "an integer",
    "boolean": "true or false",
    "null": "null",
}
_NOWHERE: Final = Place("")
_FORMS: Final = {
    PROJECT: "at most 64 letters, digits and . _ -, a letter or digit first",
    VERSION: "a semantic version has three numbers: MAJOR.MINOR.PATCH",
}
_FREE: Final = frozenset({"protect", "adopt"})
_OPTIONAL: Final[Mapping[str, frozenset[str]]] = {
    "schemas": SCHEMA_FIELDS | _FREE | {"name"},
    "datasets": DATASET_FIELDS | _FREE | {RAI, MIRRORS, ANNOUNCE},
    "labels": LABEL_FIELDS - {"name", "version"} | _FREE,
    "lenses": LENS_FIELDS | _FREE,
    "records": _FREE,
}
"""Keys of an entry without which the rest of it can be read all the same."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A manifest's value without the parts that are not as they should be, and what is wrong with those."""

    value: JsonObject
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Deviation:
    """What jsonschema found, with the types that it leaves open."""

    keyword: str
    limit: Any  # what the keyword says
    instance: Any  # what was found
    schema: Any  # the object schema that the keyword stands in
    steps: Steps
    in_key: bool


def valid_subset(bundle: MergedDocument) -> Sound:
    """Return the valid part of a manifest, so that checking can continue with it, and every deviation."""
    found: dict[tuple[str, str, Steps], Problem] = {}
    for deviation in _deviations(bundle.value, _jsonschema().Draft202012Validator(manifest_schema())):
        for steps, problem in _problems(bundle, deviation):
            found.setdefault((problem.code, deviation.keyword, steps), problem)
    value = _copy(bundle.value)
    for _, _, steps in found:
        _leave_out(value, steps)
    return Sound(value, tuple(found.values()))


def _jsonschema() -> Any:
    """Import jsonschema: only JSON Schemas, and what is not valid, need it."""
    import jsonschema

    return jsonschema


@dataclass(frozen=True, slots=True)
class Fault:
    """Something about a sample's JSON Schema that no JSON Schema may have: where in it, what, and what to do."""

    steps: Steps
    message: str
    hint: str


def faults_of_json_schema(content: JsonObject) -> Iterator[Fault]:
    """Every way in which JSON is no JSON Schema of draft-07, the only one that the lexicon has."""
    draft = content.get("$schema", DRAFT)
    if not isinstance(draft, str) or draft.rstrip("#") != DRAFT.rstrip("#"):
        yield Fault(("$schema",), f"{show_value(draft)} is not draft-07", f"write it in draft-07: {DRAFT}")
        return
    draft7 = _jsonschema().Draft7Validator
    for found in _deviations(content, draft7(draft7.META_SCHEMA)):
        _, message, hint = _describe(found)
        yield Fault(found.steps, message, hint)


def _deviations(value: Any, validator: Any) -> Iterator[_Deviation]:
    for error in validator.iter_errors(value):
        yield from _of_error(error)


def _of_error(error: Any) -> Iterator[_Deviation]:
    """Yield the deviation of an error; a value of one of several allowed types is checked as that type."""
    for inner in _of_right_type(error):
        yield from _of_error(inner)
    if not _of_right_type(error):
        in_key = "propertyNames" in error.absolute_schema_path
        steps = tuple(error.absolute_path)
        yield _Deviation(error.validator, error.validator_value, error.instance, error.schema, steps, in_key)


def _of_right_type(error: Any) -> list[Any]:
    branches: dict[object, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [inner for inner in branches.values() if all(item.validator != "type" or item.path for item in inner)]
    return fitting[0] if fitting else []


# What can still be used


def _copy(value: JsonObject) -> JsonObject:
    """Copy the value deep enough to remove fields of entries."""
    return {key: _copy_of_map(item, 2) for key, item in value.items()}


def _copy_of_map(value: Json, depth: int) -> Json:
    if not depth or not isinstance(value, dict):
        return value
    return {key: _copy_of_map(item, depth - 1) for key, item in value.items()}


def _leave_out(value: JsonObject, steps: Steps) -> None:
    """Take out what deviates: a field that can be spared, or else the whole entry; what would depend on it as well."""
    match steps:
        case ("defaults", str(section), *rest):
            _remove(value, ("defaults", section))
            if not rest or not _is_spare(section, str(rest[0])):
                _remove(value, (section,))
        case (str(section), str(key), name, *_) if section in SECTIONS:
            _remove(value, (section, key, str(name)) if _is_spare(section, str(name)) else (section, key))
        case (str(section), str(key), *_) if section in SECTIONS:
            _remove(value, (section, key))
        case ("environments", str(environment), *rest):
            _remove(value, ("environments", environment, *map(str, rest[:1])))
        case ("lexicons", *_):
            _remove(value, ("lexicons",))
            _remove(value, ("records",))
        case (str(key), *_):
            _remove(value, (key,))
        case _:
            pass


def _is_spare(section: str, name: str) -> bool:
    """Whether an entry can be read without this key, or without the one that it was meant to be."""
    known = _entry_keys(section)
    meant = name if name in known else nearest(name, known)
    return meant is None or meant in _OPTIONAL.get(section, frozenset())


def _entry_keys(section: str) -> frozenset[str]:
    match manifest_schema():
        case {"$defs": dict(definitions)}:
            match definitions.get(f"entry:{section}"):
                case {"properties": dict(properties)}:
                    return frozenset(properties)
                case _:
                    return frozenset()
        case _:
            return frozenset()


def _remove(value: JsonObject, steps: tuple[str, ...]) -> None:
    holder: Json = value
    for step_ in steps[:-1]:
        holder = holder.get(step_) if isinstance(holder, dict) else None
    if isinstance(holder, dict):
        holder.pop(steps[-1], None)


# What is wrong


def _problems(bundle: MergedDocument, found: _Deviation) -> Iterator[tuple[Steps, Problem]]:
    steps = found.steps
    if found.in_key:
        inner = (*steps, str(found.instance))
        hint = "keys begin with a letter or digit and hold letters, digits and . _ : ~ + @ - only"
        yield inner, Problem("bad-key", f"{found.instance!r} cannot be a key", bundle.place(inner, of="key"), hint)
    elif found.keyword == "additionalProperties":
        yield from _unknown_keys(bundle, found)
    elif found.keyword == "required":
        yield from _missing_keys(bundle, found)
    else:
        place = bundle.place(steps)
        code, message, hint = _describe(found, place)
        yield steps, Problem(code, f"{name_of(steps)}: {message}", place, hint)


def _unknown_keys(bundle: MergedDocument, found: _Deviation) -> Iterator[tuple[Steps, Problem]]:
    known = sorted(found.schema["properties"])
    for key in found.instance:
        if key not in known:
            own = "a key of your own begins with x-" if key[:2].lower() in ("x_", "x-") or not found.steps else ""
            hint = suggest(key, known) or "; ".join(filter(None, (f"its keys are {', '.join(known)}", own)))
            message = f"{key!r} is not a key of {name_of(found.steps)}"
            inner = (*found.steps, key)
            yield inner, Problem("unknown-key", message, bundle.place(inner, of="key"), hint)


def _missing_keys(bundle: MergedDocument, found: _Deviation) -> Iterator[tuple[Steps, Problem]]:
    for name in found.limit:
        if name not in found.instance and not _has_default(bundle.value, found.steps, name):
            place = bundle.place(found.steps, of="key")
            message = f"{name_of(found.steps)} has no {name!r}"
            value = found.schema["properties"].get(name, {}).get("const", "…")
            yield (*found.steps, name), Problem("missing-key", message, place, f"add `{name}: {value}`")


def _has_default(value: JsonObject, steps: Steps, name: str) -> bool:
    match value, steps:
        case {"defaults": dict(defaults)}, (str(section), str()):
            given = defaults.get(section)
            return isinstance(given, dict) and name in given
        case _:
            return False


def _describe(found: _Deviation, place: Place = _NOWHERE) -> tuple[str, str, str]:
    """Return the code, message and hint of a deviation."""
    limit, shown = found.limit, show_value(found.instance)
    match found.keyword:
        case "type":
            return "wrong-type", f"expected {_kinds(limit)}, found {_kind(found.instance)}", _type_hint(found, place)
        case "anyOf":
            return _describe_choice(found, place)
        case "const":
            return "wrong-value", f"expected {limit!r}, found {shown}", f"write {limit!r}"
        case "enum":
            listed = ", ".join(map(repr, limit))
            hint = suggest(str(found.instance), map(str, limit)) or f"write one of {listed}"
            return "wrong-value", f"{shown} is not one of {listed}", hint
        case "pattern":
            return "wrong-form", f"{shown} is not of the right form", _pattern_hint(found)
        case "maxLength":
            return "too-long", f"{len(found.instance):,} characters, at most {limit:,}", "shorten it"
        case "minLength" | "minItems":
            return "too-short", "nothing is given", "give it a value, or remove the key"
        case "maxItems":
            return "too-long", f"{len(found.instance):,} items, at most {limit:,}", "remove some"
        case "minimum" | "maximum":
            side = "least" if found.keyword == "minimum" else "most"
            return "wrong-value", f"{shown} is out of range: at {side} {limit:,}", "change it"
        case _:
            return "wrong-value", f"{shown} breaks the rule {found.keyword}: {limit!r}", ""


def _describe_choice(found: _Deviation, place: Place) -> tuple[str, str, str]:
    """As `_describe`, where several types are allowed and this is none of them."""
    words = [item.get("title") or _KINDS.get(item.get("type"), "something else") for item in found.limit]
    hint = _example(found) or _scalar_hint(found.instance, place) or "write one of these"
    message = f"expected {' or '.join(dict.fromkeys(map(str, words)))}, found {_kind(found.instance)}"
    return "wrong-type", message, hint


def _pattern_hint(found: _Deviation) -> str:
    hint = _FORMS.get(found.limit, "")
    return "; ".join(filter(None, (hint, _example(found))))


def _example(found: _Deviation) -> str:
    examples = found.schema.get("examples", ())
    return f"for example {' or '.join(map(str, examples))}" if examples else ""


def _type_hint(found: _Deviation, place: Place) -> str:
    if found.limit == "string":
        return _scalar_hint(found.instance, place) or _example(found)
    if found.limit == "object" and found.steps[-1:] == ("json_schema",) and isinstance(found.instance, str):
        return f"for a schema in a file, write `file: {found.instance}` in its place"
    if found.limit == "object":
        key = next(iter(found.schema.get("properties", ())), "")
        return f"write `{key}: …` below it, indented" if key else "write `key: value` lines below it, indented"
    if found.limit == "array":
        return "write it as a list: [a, b]"
    if found.limit == "boolean" and found.instance in ("yes", "no", "on", "off"):
        return f"in YAML 1.2 that is a word: write {'true' if found.instance in ('yes', 'on') else 'false'}"
    return _example(found) or f"write {_kinds(found.limit)}"


def _kinds(limit: str | list[str]) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in ([limit] if isinstance(limit, str) else limit))


def _scalar_hint(value: object, place: Place) -> str:
    if value is None:
        return "give it a value, or remove the key"
    if isinstance(value, list | dict):
        return f"give one value, not a {'list' if isinstance(value, list) else 'map'}"
    return f'put it in quotes: "{as_written(value, place)}"' if isinstance(value, int | float) else ""


def _kind(value: object) -> str:
    kind = kind_of(value)
    return {"an object": "a map", "an array": "a list", "a boolean": str(value).lower()}.get(kind, kind)


def name_of(steps: Steps) -> str:
    """Where in a manifest something is, in its words: `datasets/digits.tags[0]`."""
    head, rest = (str(steps[0]), steps[1:]) if steps else ("the manifest", ())
    if head in SECTIONS and rest:
        head, rest = f"{head}/{show_value(str(rest[0]))[1:-1]}", rest[1:]
    return head + "".join(f"[{item}]" if isinstance(item, int) else step(item) for item in rest)
