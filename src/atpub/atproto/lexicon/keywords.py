"""The words that each type of the language has, to find those that are misspelt or mean nothing where they stand.

Unknown words that resemble none of the language's are extensions, and not reported (specification: Lexicon).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from atpub.atproto.lexicon.json_node import JsonNode
from atpub.suggest import suggest

_LENGTHS: Final = ("minLength", "maxLength")
_CHOICE: Final = ("enum", "const", "default")
_METHOD: Final = ("parameters", "output", "errors")
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "array": ("items", *_LENGTHS),
    "blob": ("accept", "maxSize"),
    "body": ("encoding", "schema"),
    "boolean": ("const", "default"),
    "bytes": _LENGTHS,
    "integer": ("minimum", "maximum", *_CHOICE),
    "lexicon": ("defs", "id", "lexicon", "revision"),
    "message": ("schema",),
    "object": ("nullable", "properties", "required"),
    "params": ("properties", "required"),
    "permission-set": ("detail", "detail:lang", "permissions", "title", "title:lang"),
    "procedure": ("input", *_METHOD),
    "query": _METHOD,
    "record": ("key", "record"),
    "ref": ("ref",),
    "string": ("format", "knownValues", "minGraphemes", "maxGraphemes", *_LENGTHS, *_CHOICE),
    "subscription": ("message", *_METHOD),
    "union": ("closed", "refs"),
}
UNTYPED: Final = ("body", "lexicon", "message")
"""The parts of a lexicon that have no `type`."""
_OWN: Final = {
    kind: frozenset(("description", *(() if kind in UNTYPED else ("type",)), *words)) for kind, words in _WORDS.items()
}
_ALL: Final = frozenset(("type", *(word for words in _WORDS.values() for word in words)))
_NONE: Final = frozenset(("description", "type"))

_JSON_SCHEMA: Final[Mapping[str, str]] = {  # words of JSON Schema, and what Lexicon has in their place
    "$ref": 'write {"type": "ref", "ref": "…"}',
    "additionalProperties": "every object may have fields that its lexicon does not name",
    "allOf": "Lexicon has no inheritance: list all the properties",
    "anyOf": 'write {"type": "union", "refs": […]}',
    "exclusiveMaximum": "use maximum",
    "exclusiveMinimum": "use minimum",
    "maxItems": "use maxLength",
    "minItems": "use minLength",
    "oneOf": 'write {"type": "union", "refs": […]}',
    "pattern": "use a format, an enum, or lengths",
    "patternProperties": "use the type unknown",
    "uniqueItems": "readers have to take an item that comes twice",
}
_TYPES_MEANT: Final[Mapping[str, str]] = {
    "bool": "boolean",
    "double": "integer",
    "enum": "string",
    "float": "integer",
    "int": "integer",
    "list": "array",
    "number": "integer",
}
_FORMATS_MEANT: Final[Mapping[str, str]] = {
    "date": "datetime",
    "date-time": "datetime",
    "iri": "uri",
    "lang": "language",
    "rkey": "record-key",
    "time": "datetime",
    "timestamp": "datetime",
    "url": "uri",
}


def words_of(kind: str) -> tuple[str, ...]:
    """Return the words that a type, or another part of a lexicon, has of its own."""
    return _WORDS.get(kind, ())


def suggest_type(word: str, candidates: Iterable[str]) -> str:
    """Return a hint for a word that is no type of the language; empty where none comes to mind."""
    return _suggest(word, _TYPES_MEANT, candidates)


def suggest_format(word: str, candidates: Iterable[str]) -> str:
    """Return a hint for a word that is no format of the language; empty where none comes to mind."""
    return _suggest(word, _FORMATS_MEANT, candidates)


def _suggest(word: str, meant: Mapping[str, str], candidates: Iterable[str]) -> str:
    found = meant.get(word.lower())
    return f"did you mean {found!r}?" if found else suggest(word, candidates)


def check_words(node: JsonNode, kind: str) -> None:
    """Warn of each word in a definition, or part of one, that its type does not have."""
    own = _OWN.get(kind, _NONE)
    if not isinstance(node.value, dict) or node.value.keys() <= own:
        return
    for word in node.value:
        if word not in own and (word in _JSON_SCHEMA or not word.startswith("$")):
            _check(node, kind, word, sorted(own))


def unexpected_words(value: Mapping[str, object], kind: str) -> Iterator[str]:
    """Yield the words that a type does not have and that `check_words` passes over: they resemble none of its own."""
    own = _OWN.get(kind)
    for word in value if own is not None else ():
        if own is not None and word not in own and not word.startswith("$") and not _hint(word, own):
            yield word


def _check(node: JsonNode, kind: str, word: str, own: Sequence[str]) -> None:
    hint = _hint(word, own)
    if hint:
        article = "an" if kind == "unknown" or kind[0] in "aio" else "a"
        node[word].warn(f"{word[:80]!r} means nothing in {article} {kind}: passed over", "unknown-word", hint)


def _hint(word: str, own: Iterable[str]) -> str:
    known = "take it out, or put it where it belongs" if word in _ALL else _JSON_SCHEMA.get(word)
    return known or suggest(word, sorted(own))
