"""Parts of JSON Schemas (draft 2020-12), for the modules that build one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from atpub.atproto.data import Json, JsonObject

END: Final = r"$(?!\n)"
"""The end of a text: JSON Schema's `$` is that, and Python's stands before a line break at the end as well."""
ANY_TEXT: Final[JsonObject] = {"type": "string"}
_LONGEST: Final = 2000


def whole(pattern: re.Pattern[str]) -> str:
    """Return a pattern that must match the whole text, in the syntax that Python and JavaScript share."""
    return f"^(?:{pattern.pattern.replace(chr(92) + 'Z', '$')}){END}"


def text(description: str, **more: Json) -> JsonObject:
    """Return the schema of a text."""
    return {"type": "string", "description": description, **more}


def closed_object(properties: JsonObject, required: Iterable[str] = ()) -> JsonObject:
    """Return the schema of an object without other properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def present(**keywords: Json) -> JsonObject:
    """Return the keywords that have a value."""
    return {name: value for name, value in keywords.items() if value is not None}


def refer(name: str) -> JsonObject:
    """Refer to a definition."""
    return {"$ref": f"#/$defs/{name}"}


def definition_name(name: object) -> str:
    """Return a lexicon's name for a definition in the form that a reference can have: a URI has one `#`."""
    return str(name).replace("#", ":")


def described(schema: JsonObject, description: str) -> JsonObject:
    """Return a schema with a description of its own, unless that is empty; the end of a long one is left out."""
    if not description:
        return schema
    return {"description": description[:_LONGEST], **({"allOf": [schema]} if "$ref" in schema else schema)}
