"""Renames: a record to delete and one to create with the same content, as an entry under another key gives them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri, RecordPath, Rkey
from atpub.engine.desired.model import CID_FIELD, record_key
from atpub.engine.plan.model import Action, Change
from atpub.generated.com.atproto.repo import strong_ref
from atpub.manifest.kinds import NAMED_BY_KEY
from atpub.problems import Place, Problem
from atpub.text.scalars import plain_scalar

_URI_FIELD: Final = strong_ref.StrongRef.WIRE["uri"]
_NAME: Final = "name"
_CREATED_AT: Final = "createdAt"
_DERIVED_KEYS: Final = ("tid", "any")


@dataclass(frozen=True, slots=True)
class Rename:
    """An entry that seems to be renamed; with this id, and record key where there is one, it keeps the old record."""

    old: str
    new: str
    id: str
    rkey: Rkey | None
    uri: AtUri

    @property
    def settings(self) -> str:
        """The fields to add to the entry."""
        fields = [f"`id: {plain_scalar(self.id)}`", *([f"`rkey: {plain_scalar(self.rkey)}`"] if self.rkey else [])]
        return " and ".join(fields)


def find_renames(changes: Iterable[Change]) -> tuple[Rename, ...]:
    """Return the pairs of a deleted and a created record of the same content; none where there are several of it."""
    changes = tuple(changes)
    moving = {str(change.uri) for change in changes if change.action in ("delete", "create")}
    deleted = _by_content(changes, "delete", moving)
    if not deleted:
        return ()
    created = _by_content(changes, "create", moving)
    pairs = ((deleted[content], created[content]) for content in deleted if content in created)
    return tuple(_rename(*old, *new) for old, new in pairs if len(old) == len(new) == 1)


def rename_warnings(changes: Sequence[Change], key_place: Callable[[tuple[str, str]], Place]) -> Iterator[Problem]:
    """Yield a warning at each entry that seems to be renamed."""
    for item in find_renames(changes):
        section, _, key = item.new.partition("/")
        message = f"{item.new} looks like {item.old} renamed"
        hint = f"add {item.settings} to keep its URI"
        yield Problem("looks-renamed", message, key_place((section, key)), hint, "warning")


def _rename(old: Change, new: Change) -> Rename:
    is_derived = _is_derived(old.path, old.id) and _is_derived(new.path, new.id)
    return Rename(old.address, new.address, old.id, None if is_derived else old.path.rkey, old.uri)


def _is_derived(path: RecordPath, id: str) -> bool:
    """Tell whether a record key follows from an id."""
    return path.rkey in {record_key(kind, path.collection, id) for kind in _DERIVED_KEYS}


def _by_content(
    changes: Iterable[Change], action: Action, moving: Collection[str]
) -> Mapping[tuple[str, str, str], list[Change]]:
    """Return the changes of one action by their content: those of entries that are named by their key."""
    found: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        value = change.after if change.before is None else change.before.value
        if (
            change.action == action
            and change.part.number == 1
            and isinstance(value, dict)
            and _section(change) in NAMED_BY_KEY
        ):
            found[_content(change, value, moving)].append(change)
    return found


def _section(change: Change) -> str:
    return change.address.partition("/")[0]


def _content(change: Change, value: JsonObject, moving: Collection[str]) -> tuple[str, str, str]:
    """Return section, collection and content, without a name that is the id, the time, and URIs of moving records."""
    left_out = {_CREATED_AT, *([_NAME] if value.get(_NAME) == change.id else [])}
    found = {key: _without(item, moving) for key, item in value.items() if key not in left_out}
    return _section(change), change.path.collection, json.dumps(found, sort_keys=True)


def _without(value: Json, moving: Collection[str]) -> Json:
    """Return the value without URIs and CIDs of moving records, and without the MIME types of blobs."""
    if isinstance(value, list):
        return [_without(item, moving) for item in value]
    if isinstance(value, dict):
        left_out = CID_FIELD if value.get(_URI_FIELD) in moving else "mimeType" if "ref" in value else ""
        return {key: _without(item, moving) for key, item in value.items() if key != left_out}
    return "" if isinstance(value, str) and value in moving else value
