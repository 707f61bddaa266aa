"""Texts at the limits of string types: of a number of bytes and graphemes, and of each format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from atpub.atproto.lexicon.model import String, Type

LONGEST: Final = 1_000_000
"""The most bytes of a text that is made."""

_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "at-identifier": ("a.bc", "did:a:b"),
    "at-uri": ("at://a.bc/a.b.c/d", "at://did:a:b"),
    "cid": ("bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a",),
    "datetime": ("2024-05-06T07:08:09Z",),
    "did": ("did:a:b",),
    "handle": ("a.bc",),
    "language": ("en", "de-CH-1996"),
    "nsid": ("a.b.c",),
    "record-key": ("self", "a:b"),
    "tid": ("3jzfcijpj2z2a",),
    "uri": ("https://a.bc/d", "a:b"),
}


def texts(kind: String, other: Type) -> Iterator[str]:
    """Yield texts of a string type, some of them invalid; the other type says which limits matter."""
    known = [found for found in (kind, other) if isinstance(found, String)]
    exact = [value for item in known for value in (*item.enum, item.const, *item.known_values) if value is not None]
    yield from dict.fromkeys([*exact, *("text" for item in known if item.format is None)])
    if len({item.format for item in known}) > 1:
        yield from (text for listed in _TEXTS.values() for text in listed)
    lengths = _near([limit for item in known for limit in (item.min_length, item.max_length)])
    counts = _near([limit for item in known for limit in (item.min_graphemes, item.max_graphemes)])
    for name in dict.fromkeys(item.format for item in known if item.format):
        yield from _TEXTS.get(name, ())
        yield from (text_of_length(name, length) for length in (*lengths, *counts) if length <= LONGEST)
    if kind.format is None:
        yield from _free_texts(lengths, counts)


def _free_texts(lengths: list[int], counts: list[int]) -> Iterator[str]:
    pairs = [(length, length) for length in (*lengths, *counts)]
    pairs += [(length, count) for length, count in product(lengths, (*counts, 1)) if count < length]
    yield from (text_of(length, count) for length, count in pairs if length <= LONGEST)


def text_of(length: int, count: int) -> str:
    """Return a text with so many bytes and graphemes; nearly so, where there is none."""
    if not count:
        return ""
    triples = (length - count) % 2  # a combining mark of two bytes, or of three
    return "a" * count + "\u20d0" * triples + "\u0301" * max(0, (length - count - 3 * triples) // 2)


def text_of_length(name: str, length: int) -> str:
    """Return a text of a format with so many characters; one of another length, where there is none."""
    labels = ("a" * 61 + ".") * (length // 62) + "a.bc"
    match name:
        case "handle" | "at-identifier":
            return labels[-length:]
        case "datetime":
            return f"2024-05-06T07:08:09.{'0' * (length - 21)}Z"
        case "did" | "uri":
            return "did:a:".ljust(length, "b")
        case "at-uri":
            return ("at://a.bc/a.b.c/" if length < 500 else "at://did:a:").ljust(length, "d")
        case "nsid":
            return f"a.{labels[-(length - 2) :]}"
        case "language":
            return "en-x" + "-aaaaaaa" * ((length - 4) // 8)
        case _:
            return "b" * length


def _near(limits: list[int | None]) -> list[int]:
    near = [limit + step for limit in limits if limit is not None for step in (0, -1, 1, 8)]
    return list(dict.fromkeys(length for length in near if length >= 0))
