"""Renames: a record that the manifest left and one to create with the same content, as another key or id gives them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri, Nsid, RecordPath, Rkey
from atpub.engine.desired.model import CID_FIELD, record_key
from atpub.engine.plan.model import Change
from atpub.generated.com.atproto.repo import strong_ref
from atpub.manifest.kinds import NAMED_BY_KEY
from atpub.problems import Place, Problem
from atpub.text.scalars import plain_scalar

_URI_FIELD: Final = strong_ref.StrongRef.WIRE["uri"]
_NAME: Final = "name"
_CREATED_AT: Final = "createdAt"
_DERIVED_KEYS: Final = ("tid", "any")
_VERSIONED_BY: Final = {"labels": _NAME, "schemas": "nsid"}
"""The field that gives an identity with the version, FIELD:VERSION, by the section."""


@dataclass(frozen=True, slots=True)
class Rename:
    """An entry that seems to be renamed; with these fields it keeps the old record.

    `id` is the identity of the old record, and `rkey` its record key where this does not follow from the identity.
    """

    old: str
    new: str
    id: str
    rkey: Rkey | None
    uri: AtUri
    fields: Mapping[str, str]

    @property
    def settings(self) -> str:
        """The fields to set in the entry."""
        return " and ".join(f"`{name}: {plain_scalar(value)}`" for name, value in self.fields.items())


def find_renames(changes: Iterable[Change]) -> tuple[Rename, ...]:
    """Return the pairs of a created record and one that the manifest left, of the same content.

    None where there are several of one content. Of records with other names, only those whose names follow from their
    identity, or decide it, are pairs.
    """
    changes = tuple(change for change in changes if change.before or change.after)
    created = [change for change in changes if change.action == "create"]
    left = [change for change in changes if change.action in ("delete", "keep")]
    if not (created and left):
        return ()
    moving = {str(change.uri) for change in (*created, *left)}  # those of later parts, too
    found: dict[RecordPath, Rename] = {}
    for is_named in (True, False):
        olds, news = (_by_content(those, found, moving, is_named=is_named) for those in (left, created))
        for content in olds.keys() & news.keys():
            if len(olds[content]) == len(news[content]) == 1:
                (old,), (new,) = olds[content], news[content]
                found[old.path] = found[new.path] = _rename(old, new)
    return tuple(found[old.path] for old in left if old.path in found)


def rename_warnings(changes: Sequence[Change], key_place: Callable[[tuple[str, str]], Place]) -> Iterator[Problem]:
    """Yield a warning at each entry that seems to be renamed."""
    for item in find_renames(changes):
        section, _, key = item.new.partition("/")
        seems = "the same, under another record key" if item.new == item.old else f"like {item.old} renamed"
        message = f"{item.new} looks {seems}"
        hint = f"set {item.settings} to keep its URI"
        yield Problem("looks-renamed", message, key_place((section, key)), hint, "warning")


def _rename(old: Change, new: Change) -> Rename:
    rkey = None if _key_with(old.id, new) == old.path.rkey else old.path.rkey
    fields = {**(_identity(old, new) if old.id != new.id else {}), **({"rkey": str(rkey)} if rkey else {})}
    return Rename(old.address, new.address, old.id, rkey, old.uri, fields)


def _key_with(id: str, change: Change) -> Rkey | None:
    """Return the record key that follows from another identity; None where the entry states its record key."""
    collection = change.path.collection
    keys = {record_key(kind, collection, change.id): record_key(kind, collection, id) for kind in _DERIVED_KEYS}
    return keys.get(change.path.rkey)


def _identity(old: Change, new: Change) -> Mapping[str, str]:
    """Return the field that gives an entry the old identity."""
    field = _VERSIONED_BY.get(_section(old))
    if field and (part := _versioned(old)) and _versioned(new):
        return {field: part}
    return {"id": old.id}


def _versioned(change: Change) -> str | None:
    """Return what an identity has before the version: the name of a label, the NSID of a schema; None without one."""
    value = _value(change)
    part, _, version = change.id.rpartition(":")
    is_part = value.get(_NAME) == part if _section(change) == "labels" else Nsid.accepts(part)
    return part if is_part and value.get("version") == version else None


def _by_content(
    changes: Iterable[Change], found: Collection[RecordPath], moving: Collection[str], *, is_named: bool
) -> Mapping[tuple[str, str, str], list[Change]]:
    """Return the changes that are not found yet by their content."""
    grouped: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        if change.part.number == 1 and change.path not in found:
            grouped[_content(change, moving, is_named=is_named)].append(change)
    return grouped


def _value(change: Change) -> JsonObject:
    value = change.after if change.before is None else change.before.value
    assert value is not None, change.address
    return value


def _section(change: Change) -> str:
    return change.address.partition("/")[0]


def _content(change: Change, moving: Collection[str], *, is_named: bool) -> tuple[str, str, str]:
    """Return section, collection and content, without the time, URIs of moving records and a name that follows."""
    value = _value(change)
    left_out = {_CREATED_AT, *([] if is_named or not _is_name_derived(change, value) else [_NAME])}
    found = {key: _without(item, moving) for key, item in value.items() if key not in left_out}
    return _section(change), change.path.collection, json.dumps(found, sort_keys=True)


def _is_name_derived(change: Change, value: JsonObject) -> bool:
    """Return whether a name follows from the identity or the key of an entry, or decides its identity."""
    section, _, key = change.address.partition("/")
    if section == "labels":
        return _versioned(change) is not None
    return section in NAMED_BY_KEY and value.get(_NAME) in (change.id, key)


def _without(value: Json, moving: Collection[str]) -> Json:
    """Return the value without URIs and CIDs of moving records, and without the MIME types of blobs."""
    if isinstance(value, list):
        return [_without(item, moving) for item in value]
    if isinstance(value, dict):
        left_out = CID_FIELD if value.get(_URI_FIELD) in moving else "mimeType" if "ref" in value else ""
        return {key: _without(item, moving) for key, item in value.items() if key != left_out}
    return "" if isinstance(value, str) and value in moving else value
