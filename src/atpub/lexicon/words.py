"""The words that each type of the language has, to find those that are misspelt or mean nothing where they stand.

Words of which the language has none like them are somebody's own, and nobody's fault (specification: Lexicon).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from atpub.lexicon.node import Node
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
_COMMON: Final = ("description", "type")
_ALL: Final = frozenset(word for words in _WORDS.values() for word in words)


def check_words(node: Node, kind: str) -> None:
    """Warn of each word in a definition, or part of one, that its type does not have."""
    if not isinstance(node.value, dict):
        return
    own = (*_COMMON, *_WORDS.get(kind, ()))
    for word in node.value:
        if word not in own and not word.startswith("$"):
            _check(node, kind, word, own)


def _check(node: Node, kind: str, word: str, own: tuple[str, ...]) -> None:
    hint = "take it out, or put it where it belongs" if word in _ALL else suggest(word, own)
    if hint:
        article = "an" if kind[0] in "aio" else "a"
        node[word].warn(f"{word[:80]!r} means nothing in {article} {kind}: passed over", "unknown-word", hint)
