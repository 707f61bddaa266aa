"""Plans change or delete published lexicons: others read and write by them, so that a change must not break these."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.atproto.evolution.compare import compare_versions
from atpub.atproto.evolution.model import LexiconChange, breaks_words
from atpub.atproto.evolution.versions import version_of
from atpub.atproto.lexicon.violation import json_path
from atpub.atproto.syntax import Nsid, RecordPath
from atpub.engine.ownership import OwnershipView
from atpub.engine.plan.model import Change, Refusal
from atpub.generated import LEXICONS
from atpub.manifest.lexicon_lock import COLLECTION

_MOST_NAMED: Final = 5


def breaking_refusals(
    touched: Sequence[Change], ownership: OwnershipView, approved: Collection[str] = ()
) -> Iterator[Refusal]:
    """Yield the refusal of each of these changes of published lexicons that breaks others and is not approved.

    A refusal names what breaks them. A lexicon that is deleted breaks all who use it.
    """
    found = _find_breaking(touched, ownership)
    for change in touched:
        broken = [item for item in found if str(item.nsid) == change.path.rkey and item.approval not in approved]
        if broken:
            message = _message(change.address, broken)
            yield Refusal(change.address, change.uri, "breaking-lexicon", message, _hint(broken))


def _find_breaking(touched: Iterable[Change], ownership: OwnershipView) -> list[LexiconChange]:
    """Return the breaking changes of published lexicons, seen with all others that the account publishes."""
    live = {path: record for path, record in ownership.live.records.items() if path.collection == COLLECTION}
    before = {path: record.value for path, record in live.items() if _is_found(path, record.value)}
    written = {item.path: item.after for item in touched if item.after and _is_found(item.path, item.after)}
    gone = {item.path for item in touched} - written.keys()
    after = {path: value for path, value in {**before, **written}.items() if path not in gone}
    compared = {Nsid(item.path.rkey) for item in touched}
    versions = [version_of(values.values(), LEXICONS.lexicons, compared) for values in (before, after)]
    known = versions[1].documents.keys() | {path.rkey for path in gone}
    return [item for item in compare_versions(versions[0], versions[1]) if item.is_breaking and item.nsid in known]


def _is_found(path: RecordPath, value: JsonObject) -> bool:
    """Return whether a published lexicon has its record key as id: programs find no other."""
    return value.get("id") == path.rkey


def _message(address: str, changes: list[LexiconChange]) -> str:
    named = [f"{item.code} at {json_path(item.path)} ({item.message}: breaks {breaks_words(item)})" for item in changes]
    more = f"; and {len(named) - _MOST_NAMED:,} more" if len(named) > _MOST_NAMED else ""
    return f"{address} is published, and the change would break others: {'; '.join(named[:_MOST_NAMED])}{more}"


def _hint(changes: list[LexiconChange]) -> str:
    ways = {item.way_out for item in changes if item.way_out}
    way = ways.pop() if len(ways) == 1 else "take the ways out that `atpub lex breaking published` names"
    return f"{way}; if it is meant: --allow-breaking, or approve it in pyproject.toml"
