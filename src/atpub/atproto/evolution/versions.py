"""Versions of lexicons from JSON that others wrote: what cannot be read is left out."""

from __future__ import annotations

from collections.abc import Container, Iterable

from atpub.atproto.data import JsonObject
from atpub.atproto.evolution.model import LexiconVersion
from atpub.atproto.lexicon.link import link
from atpub.atproto.lexicon.model import Lexicon, Lexicons
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidInput


def version_of(values: Iterable[JsonObject], known: Lexicons, compared: Container[str]) -> LexiconVersion:
    """Return the version that some lexicons are, as JSON or as records; only those with the NSIDs are compared.

    They may refer to each other, and to known ones. Of two with one NSID, the first counts.
    """
    documents: dict[Nsid, JsonObject] = {}
    parsed: dict[Nsid, Lexicon] = {}
    for value in values:
        document = {key: item for key, item in value.items() if key != "$type"}
        try:
            lexicon = parse(document, "")
        except InvalidInput:
            continue
        parsed.setdefault(lexicon.id, lexicon)
        if lexicon.id in compared:
            documents.setdefault(lexicon.id, document)
    return LexiconVersion(documents, known.and_also(_link(parsed.values(), known)))


def _link(parsed: Iterable[Lexicon], known: Lexicons) -> Lexicons:
    pairs = [(lexicon.id, lexicon) for lexicon in parsed]
    try:
        return link(pairs, known, allow_missing=True, complete=False)
    except InvalidInput:  # a reference leads to no definition: values of it cannot be judged
        return Lexicons({lexicon.id: lexicon for _, lexicon in pairs})
