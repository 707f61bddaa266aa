"""The safety rule for published lexicons: others read and write by them, so that a change must not break these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.atproto.evolution.compare import compare_versions
from atpub.atproto.evolution.model import LexiconChange, LexiconVersion, breaks_words
from atpub.atproto.lexicon.link import link
from atpub.atproto.lexicon.model import Lexicon, Lexicons
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.lexicon.violation import json_path
from atpub.atproto.syntax import Nsid
from atpub.engine.inventory import OwnershipView
from atpub.engine.plan.model import Change, Refusal
from atpub.errors import InvalidInput
from atpub.generated import LEXICONS
from atpub.generated.com.atproto.lexicon import schema

COLLECTION: Final = Nsid(schema.NSID)
_MOST_NAMED: Final = 5


def breaking_refusals(changes: Iterable[Change], ownership: OwnershipView) -> Iterator[Refusal]:
    """Yield the refusal of each update of a lexicon that breaks readers or writers, which names what does."""
    updates = {
        change.address: change
        for change in changes
        if change.path.collection == COLLECTION and change.action in ("update", "adopt") and change.before
    }
    if not updates:
        return
    live = {path: record for path, record in ownership.live.records.items() if path.collection == COLLECTION}
    before = {path: record.value for path, record in live.items()}
    after = {**before, **{item.path: item.after for item in updates.values() if item.after is not None}}
    compared = {Nsid(str(item.path.rkey)) for item in updates.values() if Nsid.accepts(str(item.path.rkey))}
    versions = [_version_of(values.values(), compared) for values in (before, after)]
    found: dict[str, list[LexiconChange]] = {}
    for change in compare_versions(versions[0], versions[1]):
        if change.is_breaking and change.nsid in versions[1].documents:
            found.setdefault(change.nsid, []).append(change)
    for address, update in updates.items():
        if broken := found.get(str(update.path.rkey)):
            yield Refusal(address, update.uri, "breaking-lexicon", _message(address, broken), _HINT)


_HINT: Final = "take the way out that `atpub lex breaking published` names; if it is meant: --allow-breaking"


def _message(address: str, changes: list[LexiconChange]) -> str:
    named = [f"{item.code} at {json_path(item.path)} ({item.message}: breaks {breaks_words(item)})" for item in changes]
    more = f"; and {len(named) - _MOST_NAMED:,} more" if len(named) > _MOST_NAMED else ""
    return f"{address} is published, and the change would break others: {'; '.join(named[:_MOST_NAMED])}{more}"


def _version_of(values: Iterable[JsonObject], compared: set[Nsid]) -> LexiconVersion:
    """Return the version in some records; those that hold no lexicon are left out."""
    documents: dict[Nsid, JsonObject] = {}
    parsed: list[tuple[str, Lexicon]] = []
    for value in values:
        document = {key: item for key, item in value.items() if key != "$type"}
        try:
            lexicon = parse(document, "")
        except InvalidInput:
            continue
        if lexicon.id not in documents:
            documents[lexicon.id] = document
            parsed.append((lexicon.id, lexicon))
    known = LEXICONS.lexicons
    return LexiconVersion(_some(documents, compared), known.and_also(_linked(parsed, known)))


def _some(documents: Mapping[Nsid, JsonObject], compared: set[Nsid]) -> Mapping[Nsid, JsonObject]:
    return {nsid: document for nsid, document in documents.items() if nsid in compared}


def _linked(parsed: list[tuple[str, Lexicon]], known: Lexicons) -> Lexicons:
    try:
        return link(parsed, known, allow_missing=True, complete=False)
    except InvalidInput:  # a reference leads to no definition: values of it cannot be judged
        return Lexicons({lexicon.id: lexicon for _, lexicon in parsed})
