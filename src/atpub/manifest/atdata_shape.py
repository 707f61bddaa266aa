"""The shape of the records that atdata 0.7 writes, which their lexicons do not allow, and the valid one instead.

Its schemas have the JSON Schema itself where the lexicon has `draft` and `content`; its datasets have an object in
`metadata`, where the lexicon has bytes. Both are read, and neither is written: a schema gets both forms, and a
dataset's metadata moves to `contentMetadata`.
"""

from __future__ import annotations

from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.runtime import member_json
from atpub.generated.science.alt.dataset import entry, schema
from atpub.manifest.fields import array_formats
from atpub.problems import Problem

SHAPE: Final = "atdata-shape"
"""The code of the warning about a record in that shape."""

_ENVELOPE: Final = frozenset({"$type", *schema.JsonSchemaFormat.WIRE.values(), "draft", "content"})
"""The keys that stand beside a JSON Schema in `schema`."""


def lexicon_shape(value: JsonObject) -> JsonObject:
    """Return a record in the shape of its lexicon; the record itself, unless it is in the shape of atdata 0.7."""
    match value:
        case {"$type": schema.NSID, "schema": dict(held)} if "content" not in held and "properties" in held:
            return {**value, "schema": sample_schema_json(flat_schema(held))}
        case {"$type": entry.NSID, "metadata": dict(metadata)} if metadata.keys() != {"$bytes"}:
            field = entry.Entry.WIRE["content_metadata"]
            content = value.get(field)
            both = {**metadata, **content} if isinstance(content, dict) else metadata
            return {**{name: item for name, item in value.items() if name != "metadata"}, field: both}
        case _:
            return value


def is_atdata_shape(value: JsonObject) -> bool:
    """Return whether a record is in the shape of atdata 0.7."""
    return lexicon_shape(value) is not value


def shape_warning(what: str, remedy: str = "") -> Problem:
    """Return the warning about a record in the shape of atdata 0.7."""
    message = f"{what} is in the shape that atdata 0.7 writes, which its lexicon does not allow"
    return Problem(SHAPE, message, None, remedy, "warning")


def flat_schema(held: JsonObject) -> JsonObject:
    """Return the JSON Schema that stands in `schema` beside the keys of its envelope."""
    return {key: item for key, item in held.items() if key not in _ENVELOPE}


def sample_schema_json(content: JsonObject) -> Json:
    """Return the `schema` of a schema record: readers of today want the JSON Schema itself, the lexicon `content`."""
    versions = array_formats(content)
    sample = schema.JsonSchemaFormat(draft="draft-07", content=content, array_format_versions=versions or None)
    return member_json(sample.with_extra(flat_schema(content)))
