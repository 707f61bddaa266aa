"""The safety rule for published lexicons: others read and write by them, so that a change must not break these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from atpub.atproto.evolution.compare import compare_versions
from atpub.atproto.evolution.model import LexiconChange, breaks_words
from atpub.atproto.evolution.versions import version_of
from atpub.atproto.lexicon.violation import json_path
from atpub.atproto.syntax import Nsid
from atpub.engine.inventory import OwnershipView
from atpub.engine.plan.model import Change, Refusal
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
    versions = [version_of(values.values(), LEXICONS.lexicons, compared) for values in (before, after)]
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
