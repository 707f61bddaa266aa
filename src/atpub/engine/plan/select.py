"""Selecting part of a plan: the changes that a user asks for, and those that these need."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from atpub.atproto.data import JsonObject, blobs_in
from atpub.atproto.syntax import Cid, RecordPath
from atpub.engine.plan.model import Change, Options, Refusal
from atpub.engine.plan.order import references
from atpub.errors import Usage
from atpub.repository.model import Record
from atpub.suggest import suggest


def select(changes: Sequence[Change], only: Collection[str], exclude: Collection[str]) -> list[Change]:
    """Return the changes at addresses of `only` (empty: all) that are not in `exclude`; `*` matches any text.

    Changes that a selected one needs are selected too; changes that need an excluded one are left out too.
    """
    if not only and not exclude:
        return list(changes)
    barred = {change.path for change in changes if matches(change.address, exclude)}
    needs = _needs(changes)
    chosen = {change.path for change in changes if not only or matches(change.address, only)} - barred
    stack = list(chosen)
    while stack:
        added = needs[stack.pop()] - chosen - barred
        chosen |= added
        stack += added
    while lacking := {path for path in chosen if not needs[path] <= chosen}:
        chosen -= lacking
    return [change for change in changes if change.path in chosen]


def matches(address: str, patterns: Iterable[str]) -> bool:
    """Return whether an address matches one of these patterns."""
    return any(fnmatchcase(address, pattern) for pattern in patterns)


def selected(refusals: Iterable[Refusal], changes: Iterable[Change], options: Options) -> list[Refusal]:
    """Return the refusals of selected changes, and of selected entries that have no change."""
    addresses = {change.address for change in changes}

    def is_meant(address: str) -> bool:
        asked = matches(address, options.only) or not options.only
        return address in addresses or (asked and not matches(address, options.exclude))

    return [refusal for refusal in refusals if is_meant(refusal.address)]


def check_options(options: Options, changes: Sequence[Change], refused: Collection[str]) -> None:
    """Raise Usage for an address that no entry has: it is mistyped, or belongs to another manifest."""
    addresses = {*refused, *(change.address for change in changes)}
    for option, patterns in (("--only", options.only), ("--exclude", options.exclude)):
        for pattern in sorted(patterns):
            if not any(fnmatchcase(address, pattern) for address in addresses):
                hint = suggest(pattern, addresses) or "an address as `plan` shows it, or several, such as labels/*"
                raise Usage(f"{option} {pattern}: there is no such entry", hint=hint)


def _needs(changes: Sequence[Change]) -> Mapping[RecordPath, set[RecordPath]]:
    """Return the changes that each needs: without them a reference would dangle, or a blob be lost."""
    pending = {change.path: change for change in changes if change.writes}
    uris = {str(change.uri): change.path for change in pending.values()}
    needs: dict[RecordPath, set[RecordPath]] = {change.path: set() for change in changes}
    gainers: dict[Cid, set[RecordPath]] = {}
    for change in pending.values():
        for cid in _blobs(change.after) - _blobs(_value(change.before)):
            gainers.setdefault(cid, set()).add(change.path)
    for change in pending.values():
        own = needs[change.path]
        own |= needs.keys() & {reference.target for reference in change.strong_refs}  # unchanged ones, for their CIDs
        own |= {target for target in references(change.after, uris) if _is_new(pending[target])}
        for target in references(_value(change.before), uris):
            if pending[target].action == "delete":
                needs[target].add(change.path)
        for cid in _blobs(_value(change.before)) - _blobs(change.after):
            own |= gainers.get(cid, set())
    return {path: found - {path} for path, found in needs.items()}


def _is_new(change: Change) -> bool:
    return change.before is None


def _value(record: Record | None) -> JsonObject | None:
    return record.value if record else None


def _blobs(value: JsonObject | None) -> set[Cid]:
    return {blob.cid for blob in blobs_in(value)}
