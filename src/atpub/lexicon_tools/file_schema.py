"""The JSON Schema of lexicon files (draft 2020-12), for editors: completion, hover texts, and most rules.

It accepts every valid lexicon. What JSON Schema cannot say, `atpub lex lint` finds: between names, between numbers,
between files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from atpub.atproto.data import INTEGER_MAX, INTEGER_MIN, Json, JsonObject
from atpub.atproto.lexicon.constraints import MIME_TYPE
from atpub.atproto.lexicon.formats import FORMATS
from atpub.atproto.lexicon.keywords import UNTYPED, words_of
from atpub.atproto.lexicon.model import MAIN
from atpub.atproto.lexicon.parse import (
    FRAGMENT,
    KEY_TYPES,
    NO_VALUES,
    PARTS_ONLY,
    PRIMARY_TYPES,
    VALUE_TYPES,
)
from atpub.atproto.lexicon.permissions import ACTIONS, ANY, RESOURCE_NAMES
from atpub.atproto.syntax import Nsid, Rkey
from atpub.lexicon_tools.keyword_texts import TYPE_TEXTS, keyword_text
from atpub.manifest.schema_parts import ANY_TEXT, END, described, refer, whole

_OLD: Final = frozenset(("null",))  # read, and not offered
_TEXTS: Final[JsonObject] = {"type": "array", "items": ANY_TEXT}
_INTEGER: Final[JsonObject] = {"type": "integer", "minimum": INTEGER_MIN, "maximum": INTEGER_MAX}
_LENGTH: Final[JsonObject] = {**_INTEGER, "minimum": 0}
_FLAG: Final[JsonObject] = {"type": "boolean"}
_SCALARS: Final[Mapping[str, JsonObject]] = {"boolean": _FLAG, "integer": _INTEGER, "string": ANY_TEXT}

_PARAMETERS: Final = ("boolean", "integer", "string", "unknown")
_BODIES: Final = ("object", "ref", "union")


def _map_of(item: JsonObject) -> JsonObject:
    return {"type": "object", "additionalProperties": item}


_NSID: Final[JsonObject] = {"type": "string", "pattern": whole(Nsid.rule()[0]), "maxLength": Nsid.rule()[1]}
_MIME: Final[JsonObject] = {"type": "string", "pattern": whole(MIME_TYPE), "examples": ["application/json"]}
_REFERENCE: Final[JsonObject] = {
    "type": "string",
    "minLength": 1,
    "pattern": f"^(?:{Nsid.rule()[0].pattern})?(?:#{FRAGMENT.pattern})?{END}",
}
_NAMES: Final[JsonObject] = {  # of collections or methods
    "type": "array",
    "minItems": 1,
    "anyOf": [{"items": _NSID}, {"items": {"const": ANY}, "maxItems": 1}],
}
_OPEN_FORMAT: Final[JsonObject] = {"anyOf": [{"enum": [*FORMATS]}, ANY_TEXT]}
_KEY: Final[JsonObject] = {
    "anyOf": [
        {"enum": [*KEY_TYPES]},
        {"type": "string", "pattern": f"^literal:{whole(Rkey.rule()[0])[1:]}", "examples": ["literal:self"]},
    ]
}
_VALUES: Final[Mapping[str, JsonObject]] = {
    "accept": {"type": "array", "items": _MIME},
    "closed": _FLAG,
    "defs": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": whole(FRAGMENT)},
        "properties": {MAIN: refer("main")},
        "additionalProperties": refer("definition"),
    },
    "encoding": _MIME,
    "errors": {"type": "array", "items": refer("error")},
    "format": _OPEN_FORMAT,
    "id": _NSID,
    "input": refer("body"),
    "items": refer("value"),
    "key": _KEY,
    "lexicon": {"const": 1},
    "maxSize": _INTEGER,
    "maximum": _INTEGER,
    "message": refer("message"),
    "minimum": _INTEGER,
    "name": {"type": "string", "pattern": rf"^\S+{END}"},
    "output": refer("body"),
    "parameters": refer("params"),
    "permissions": {"type": "array", "items": refer("permission")},
    "properties": _map_of(refer("value")),
    "record": refer("fields"),
    "ref": _REFERENCE,
    "refs": {"type": "array", "items": _REFERENCE},
    "resource": {"type": "string", "minLength": 1, "examples": [*RESOURCE_NAMES]},
    "revision": _INTEGER,
    "schema": refer("content"),
    **dict.fromkeys(("description", "detail", "title"), ANY_TEXT),
    **dict.fromkeys(("detail:lang", "title:lang"), _map_of(ANY_TEXT)),
    **dict.fromkeys(("knownValues", "nullable", "required"), _TEXTS),
    **dict.fromkeys(("minLength", "maxLength", "minGraphemes", "maxGraphemes"), _LENGTH),
    "message.schema": refer("union-of-messages"),
    "params.properties": _map_of(refer("parameter")),
    **{f"{kind}.enum": {"type": "array", "items": value} for kind, value in _SCALARS.items()},
    **{f"{kind}.{word}": value for kind, value in _SCALARS.items() for word in ("const", "default")},
}
"""The form of what each keyword holds; `message.schema` where it is another one in one part."""

_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "array": ("items",),
    "body": ("encoding",),
    "error": ("name",),
    "lexicon": ("lexicon", "id", "defs"),
    "message": ("schema",),
    "params": ("type",),
    "permission": ("type", "resource"),
    "permission-set": ("permissions",),
    "record": ("key", "record"),
    "ref": ("ref",),
    "subscription": ("message",),
    "union": ("refs",),
}
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "error": ("name",),
    "permission": ("resource",),
}
_OF_PARTS: Final = ("body", "error", "lexicon", "message", "permission", "params")


def _describe(kind: str, words: Mapping[str, JsonObject]) -> JsonObject:
    """Return the properties of a part, with what they mean."""
    texts = {word: TYPE_TEXTS[kind] if word == "type" else keyword_text(kind, word) for word in words}
    return {word: described(value, texts[word]) for word, value in words.items()}


def _if(word: str, value: Json, then: JsonObject) -> JsonObject:
    return {"if": {"properties": {word: {"const": value}}, "required": [word]}, "then": then}


_GRANTS: Final[Mapping[str, Mapping[str, JsonObject]]] = {
    "repo": {"collection": _NAMES, "action": {"type": "array", "items": {"enum": [*ACTIONS]}, "minItems": 1}},
    "rpc": {"lxm": _NAMES, "aud": ANY_TEXT, "inheritAud": _FLAG},
}
"""The keywords of a permission, by resource; a resource that is not known may have them in another form."""
_AUDIENCE: Final[JsonObject] = {
    "anyOf": [{"required": ["aud"]}, {"required": ["inheritAud"], "properties": {"inheritAud": {"const": True}}}],
    "not": {"required": ["aud"], "properties": {"aud": {"const": ANY}, "lxm": {"const": [ANY]}}},
}
_MORE: Final[Mapping[str, JsonObject]] = {
    **{kind: {"not": {"required": ["const", "default"]}} for kind in _SCALARS},
    "permission": {
        "allOf": [
            *(
                _if("resource", resource, {"properties": _describe("permission", words), "required": [word]})
                for (resource, words), word in zip(_GRANTS.items(), RESOURCE_NAMES.values(), strict=True)
            ),
            _if("resource", "rpc", _AUDIENCE),
        ]
    },
    "union": _if("closed", True, {"properties": {"refs": {"minItems": 1}}}),
}
"""What else holds for a part."""


def lexicon_schema() -> JsonObject:
    """Build the JSON Schema of a lexicon file."""
    kinds = {*PRIMARY_TYPES, *VALUE_TYPES, "token"} - _OLD
    named = [kind for kind in ("token", *VALUE_TYPES) if kind not in PARTS_ONLY]
    definitions: JsonObject = {
        **{kind: _part(kind) for kind in sorted({*kinds, *_OF_PARTS} - {"lexicon"})},
        "main": _one_of([*PRIMARY_TYPES, *named]),
        "definition": _one_of(named),
        "value": _one_of(VALUE_TYPES),
        "content": _one_of(_BODIES),
        "parameter": {
            **_one_of([*_PARAMETERS, "array"]),
            **_if("type", "array", {"properties": {"items": refer("item-of-a-parameter")}}),
        },
        "item-of-a-parameter": _one_of(_PARAMETERS),
        "union-of-messages": {
            "allOf": [refer("union")],
            "properties": {"type": {"const": "union"}},
            "required": ["type"],
        },
        # Of two records without a type, the public test files hold one to be valid: that which requires a field.
        "fields": {
            "allOf": [refer("object")],
            "properties": {"type": {"const": "object"}},
            "anyOf": [{"required": ["type"]}, {"required": ["required"]}],
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A lexicon of the AT Protocol",
        **_part("lexicon"),
        "$defs": definitions,
    }


def _part(kind: str) -> JsonObject:
    """Return the schema of an object of a type, or of another part of a lexicon: its keywords, and what they hold."""
    words = ("description", *(words_of(kind) or _WORDS.get(kind, ())))
    own: dict[str, JsonObject] = {} if kind in (*UNTYPED, "error") else {"type": {"const": kind}}
    values = {word: _VALUES.get(f"{kind}.{word}") or _VALUES[word] for word in words}
    return {
        "type": "object",
        "description": TYPE_TEXTS[kind],
        "properties": _describe(kind, {**own, **values}),
        "required": [*_REQUIRED.get(kind, ())],
        **_MORE.get(kind, {}),
    }


def _one_of(kinds: Iterable[str]) -> JsonObject:
    """Return the schema of an object of one of some types, or of one that the language may get later: of no other."""
    possible = [*kinds]
    known: list[Json] = [{"const": kind, "description": TYPE_TEXTS[kind]} for kind in possible if kind not in _OLD]
    others = sorted({*VALUE_TYPES, *NO_VALUES} - {*possible})
    later: JsonObject = {"type": "string", "minLength": 1, "not": {"enum": [*others]}}
    return {
        "type": "object",
        "properties": {"type": {"description": keyword_text("", "type"), "anyOf": [*known, later]}},
        "required": ["type"],
        "allOf": [_if("type", kind, refer(kind)) for kind in possible if kind not in _OLD],
    }
