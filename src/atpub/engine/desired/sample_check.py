"""Samples of local shards against the schema of their dataset: format, fields and types."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from atpub.atproto.data import Json, JsonObject
from atpub.engine.desired.sample_notation import describe, fields_line, members_line, optional_line
from atpub.manifest.arrays import reads_as
from atpub.manifest.members import is_declarable, member_of, sample_format
from atpub.manifest.model import Address, DatasetEntry, Manifest, SchemaEntry
from atpub.problems import Severity
from atpub.shards.facts import FindFilter
from atpub.shards.sample_types import IMAGES, MSGPACK, SampleFilter, SampleTypes
from atpub.suggest import short_list

_MOST_OF_FIELD: Final = 3
_TEXT = frozenset({"text", "string", "integer", "number", "boolean", "null"})


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What a sample holds otherwise than its schema says; `subject` is the field, empty for the whole sample.

    Two are equal where they are about the same field and `found` the same there.
    """

    subject: str
    found: str
    message: str = field(compare=False)
    hint: str = field(compare=False)
    code: str = "schema-mismatch"
    severity: Severity = "error"


class ShardMismatch(NamedTuple):
    """A contradiction, the shard and the sample that show it first, and in how many more shards or samples it is."""

    found: Contradiction
    shard: str
    key: str
    more: int
    unit: Literal["shard", "sample"] = "shard"


def check_shards(content: JsonObject, shards: Sequence[tuple[str, SampleTypes]]) -> Iterator[ShardMismatch]:
    """Yield each contradiction between a sample's JSON Schema and samples of shards once, but of a field only three."""
    places: dict[Contradiction, list[tuple[str, str]]] = {}
    for shard, sample in shards:
        for found in check_sample(content, sample):
            places.setdefault(found, []).append((shard, sample.key))
    subjects = Counter[tuple[str, str]]()
    for found, where in places.items():
        subjects[found.code, found.subject] += 1
        if subjects[found.code, found.subject] <= _MOST_OF_FIELD:
            names = {name for name, _ in where}
            yield ShardMismatch(found, *where[0], len(where) - 1, "shard" if len(names) == len(where) else "sample")


def sample_filters(manifest: Manifest, most: int | None) -> FindFilter:
    """Return a function that finds the filter for shards: `most` samples of each, those that contradict a schema."""

    def find(datasets: Sequence[Address]) -> SampleFilter | None:
        contents = [found.content for address in datasets if (found := schema_of(manifest, address))]

        def accepts(sample: SampleTypes) -> bool:
            return any(next(check_sample(content, sample), None) for content in contents)

        return SampleFilter(most, accepts)

    return find


def schema_of(manifest: Manifest, dataset: Address) -> SchemaEntry | None:
    """Return the schema of a dataset, if the manifest has it."""
    item = manifest.entries.get(dataset)
    schema = item.schema if isinstance(item, DatasetEntry) else None
    found = manifest.entries.get(schema) if isinstance(schema, Address) else None
    return found if isinstance(found, SchemaEntry) else None


def check_sample(content: JsonObject, sample: SampleTypes) -> Iterator[Contradiction]:
    """Yield every contradiction between a sample's JSON Schema and one sample."""
    properties = _object(content.get("properties"))
    required = _required(content)
    if not properties:
        return
    if sample.members.get(MSGPACK, MSGPACK) != MSGPACK:
        hint = "write each sample with `msgpack.packb({...})`, names of fields as its keys"
        yield Contradiction("", "no map", "holds a `.msgpack` member that is no msgpack map", hint)
    elif sample_format(content) == "members":
        yield from _check_members(properties, required, sample)
    elif MSGPACK not in sample.members:
        held = f"holds members ({', '.join(sorted(sample.members))}), and its schema describes one msgpack map"
        hint = f"describe them with `{members_line(sample.members)}`"
        yield Contradiction("", _key([*sorted(sample.members)]), held, hint)
    else:
        yield from _check_fields(properties, required, sample.fields or {}, sample.is_complete)


def _check_members(properties: JsonObject, required: frozenset[str], sample: SampleTypes) -> Iterator[Contradiction]:
    if MSGPACK in sample.members:
        hint = f"describe it with `{fields_line(sample.fields)}`" if sample.fields else "describe it with `fields:`"
        yield Contradiction("", "map", "holds one msgpack map, and its schema describes members", hint)
        return
    wanted = {member_of(name, kind): (name, _object(kind)) for name, kind in properties.items()}
    missing = [member for member, (name, _) in wanted.items() if name in required and member not in sample.members]
    missing = missing if sample.is_complete else []
    if missing:
        yield _missing(missing, "member", sample.members, wanted[missing[0]][1])
    for member, (_, kind) in wanted.items():
        if member not in sample.members:
            continue
        if not _fits_member(kind, sample.members[member]):
            yield _wrong(member, sample.members[member], kind, members_line({member: sample.members[member]}))
    for member, found in sample.members.items():
        if member not in wanted:
            yield _undeclared(member, found, properties)


def _undeclared(member: str, found: Json, properties: JsonObject) -> Contradiction:
    message = f"has the member {member!r}, which its schema lacks"
    if is_declarable(member, properties):
        hint = f"add it: `{members_line({member: found})}`"
        return Contradiction(member, _key(found), message, hint, "undeclared-member")
    hint = "no schema can declare a member of this name: readers pass over it, unless it is renamed in the shards"
    return Contradiction(member, _key(found), message, hint, "undeclared-member", "warning")


def _check_fields(
    properties: JsonObject, required: frozenset[str], fields: Mapping[str, Json], is_complete: bool
) -> Iterator[Contradiction]:
    missing = [name for name in properties if name in required and name not in fields and is_complete]
    if missing:
        yield _missing(missing, "field", fields, properties[missing[0]])
    for name, kind in properties.items():
        if name not in fields:
            continue
        if not _fits_field(_object(kind), fields[name], is_optional=name not in required):
            is_null = fields[name] == "null"
            line = optional_line("fields", name, kind) if is_null else fields_line({name: fields[name]})
            yield _wrong(name, fields[name], _object(kind), line)
    for name, found in fields.items():
        if name not in properties:
            line = fields_line({name: found})
            message = f"has the field {name!r}, which its schema lacks: readers cannot load it"
            yield Contradiction(name, _key(found), message, f"add it: `{line}`" if line else "add it to the schema")


def _missing(names: Sequence[str], what: str, found: Mapping[str, Json], kind: Json) -> Contradiction:
    lacks = f"no {what} {names[0]!r}" if len(names) == 1 else f"none of the {what}s {short_list(names)}"
    line = optional_line(f"{what}s", names[0], kind)
    optional = f"what may be missing is optional: `{line}`" if line else "what may be missing is not `required`"
    hint = f"it holds {short_list([*found]) or 'nothing'}; {optional}"
    return Contradiction(names[0], _key([*names]), f"has {lacks}", hint)


def _wrong(name: str, found: Json, kind: JsonObject, line: str) -> Contradiction:
    """Return the contradiction of a field of another type; `line` is the declaration that would fit."""
    has_shape = _is_ndarray(kind) and _array(found) is not None and "shape" in kind
    any_length = ", with `null` for a length that varies" if has_shape else ""
    hint = f"write `{line}`{any_length}, or correct the shards" if line else "correct the shards"
    return Contradiction(name, _key(found), f"has {describe(found)} as {name!r}, and its schema {_wanted(kind)}", hint)


def _key(found: Json) -> str:
    return json.dumps(found, sort_keys=True)


def _fits_member(kind: JsonObject, found: Json) -> bool:
    """Return whether a member of this type is what a property describes."""
    if found == "unknown":
        return True
    if _is_ndarray(kind):
        return _is_array(kind, found)
    is_bytes = kind.get("contentEncoding") == "base64" or reads_as(kind) == "bytes"
    media = kind.get("contentMediaType")
    if is_bytes:
        return media not in IMAGES or found == media
    if kind.get("type") == "string":
        return _is_text(found)
    if media == "application/json":
        return _is_text(found) and found != "text" and _fits_object(kind, found)
    return _fits_type(kind, found)


def _fits_object(kind: JsonObject, found: Json) -> bool:
    if kind.get("type") != "object":
        return True
    if not isinstance(found, dict):
        return False
    properties = _object(kind.get("properties"))
    required = _required(kind)
    missing = any(name not in found for name in required)
    return not missing and all(
        _fits_type(_object(inner), found[name]) or (found[name] == "null" and name not in required)
        for name, inner in properties.items()
        if name in found
    )


def _fits_field(kind: JsonObject, found: Json, *, is_optional: bool) -> bool:
    """Return whether a field of a msgpack map is what a property describes."""
    if found == "null" and is_optional:
        return True
    if _is_ndarray(kind):
        return _is_array(kind, found)
    if kind.get("contentEncoding") == "base64" or kind.get("format") == "byte" or reads_as(kind) == "bytes":
        return found == "bytes" or _array(found) is not None
    return _fits_type(kind, found)


def _fits_type(kind: JsonObject, found: Json) -> bool:
    """Return whether a value of this type has a JSON type that a property allows; what is not known fits."""
    stated = kind.get("type")
    types = {stated} if isinstance(stated, str) else {*map(str, stated)} if isinstance(stated, list) else set[str]()
    if not types or found == "extension":
        return True
    if isinstance(found, list):
        return "array" in types and all(item == "any" or _fits_item(kind, item) for item in found)
    if isinstance(found, dict):
        return _array(found) is None and "object" in types
    return found in types or (found == "integer" and "number" in types)


def _fits_item(kind: JsonObject, found: Json) -> bool:
    return _fits_field(_object(kind.get("items")), found, is_optional=False)


def _is_text(found: Json) -> bool:
    return found in _TEXT if isinstance(found, str) else _array(found) is None


def _array(found: Json) -> JsonObject | None:
    """Return dtype and shape where this is the type of an array; a map of fields has no map inside."""
    inner = found.get("ndarray") if isinstance(found, dict) else None
    return inner if isinstance(inner, dict) else None


def _is_array(kind: JsonObject, found: Json) -> bool:
    array = _array(found)
    if array is None:
        return False
    shape, wanted = array.get("shape"), kind.get("shape")
    if isinstance(shape, list) and isinstance(wanted, list):
        pairs = zip(wanted, shape, strict=False)
        if len(shape) != len(wanted) or any(length not in (None, actual) for length, actual in pairs):
            return False
    return kind.get("dtype") in (None, array.get("dtype"))


def _is_ndarray(kind: JsonObject) -> bool:
    return reads_as(kind) == "array"


def _wanted(kind: JsonObject) -> str:
    if _is_ndarray(kind):
        return f"wants {describe({'ndarray': {key: kind[key] for key in ('dtype', 'shape') if key in kind}})}"
    if media := kind.get("contentMediaType"):
        fields = {name: _object(inner).get("type", "bytes") for name, inner in _object(kind.get("properties")).items()}
        return f"wants {describe(fields)}" if fields else f"wants {media}"
    if kind.get("contentEncoding") == "base64" or reads_as(kind) == "bytes":
        return "wants bytes"
    if kind.get("type") == "array":
        return f"wants a list of {_object(kind.get('items')).get('type', 'bytes')}"
    stated = kind.get("type")
    types = stated if isinstance(stated, list) else [stated]
    return f"wants {' or '.join(map(describe, types))}"


def _required(kind: JsonObject) -> frozenset[str]:
    names = kind.get("required")
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
