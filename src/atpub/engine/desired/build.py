"""Building the desired records of a manifest: (Manifest, Facts, DID) → records, checked by their lexicons."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from atpub.atproto.data import Encoded, JsonObject, NotInDataModel
from atpub.atproto.syntax import AtUri, Did, Nsid, RecordPath
from atpub.engine.desired.blob_types import accepted_types, agree_on_types
from atpub.engine.desired.check import RecordChecker
from atpub.engine.desired.model import CreatedAt, Desired, entry_path
from atpub.engine.desired.parts import EntryPart, split_entry
from atpub.engine.desired.placeholders import Filled, Filler
from atpub.engine.desired.values import Values
from atpub.errors import InvalidInput
from atpub.manifest.kinds import collection_of
from atpub.manifest.model import Address, DatasetEntry, Entry, LabelEntry, LensEntry, Manifest, SchemaEntry
from atpub.problems import Place, Problem
from atpub.shards.facts import Facts

CREATED_AT: Final = "createdAt"

DATED: Final = (SchemaEntry, DatasetEntry, LabelEntry, LensEntry)
"""The entries whose records require createdAt by the lexicons of atpub, as tests compare."""

_IMMUTABLE: Final = frozenset(("name", "version", "schemaType", "schema"))
"""The fields of a schema record that a published version may not change."""


def build_desired(manifest: Manifest, facts: Facts, did: Did) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
    """Return the records that a manifest describes for the repository of `did`, and warnings; raises InvalidInput."""
    problems = [*facts.problems]
    paths = dict(_paths(manifest, problems))
    filler = Filler(did, {str(address): path for address, path in paths.items()}, facts.files)
    values, checker = Values(filler), RecordChecker(manifest, facts)
    found: list[Desired] = []
    for address, path in _each_once(manifest, paths, problems):
        item = manifest.entries[address]
        records: list[Desired] = []
        noted: set[tuple[str, Place | None]] = set()
        for part in split_entry(item, path, facts.shards.get(address), did):
            filled = Filled(refers_to={*part.others})
            records.append(_encode(_make_desired(manifest, part, values.of(part.entry, part.shards, filled), filled)))
            own = [*checker.problems(item, records[-1], filled)]
            problems.extend(problem for problem in own if (problem.code, problem.place) not in noted)
            noted.update((problem.code, problem.place) for problem in own)  # parts have most of their fields in common
        problems.extend(checker.sizes(item, records))
        found.extend(records)
        if isinstance(item, DatasetEntry) and item.announce:
            from atpub.engine.desired.announcements import build_announcements  # other catalogs, which few entries name

            pointers = [_encode(pointer) for pointer in build_announcements(item, AtUri.of(did, path))]
            problems.extend(_find_taken(pointers, paths, manifest))
            found.extend(pointers)
    found = list(agree_on_types(found))
    problems.extend(problem for record in found for problem in checker.blob_types(record))
    problems.extend(checker.circles(found))
    if any(problem.severity == "error" for problem in problems):
        raise InvalidInput(tuple(problems))
    return tuple(found), tuple(problems)


def record_paths(manifest: Manifest) -> Mapping[Address, RecordPath]:
    """Return the path of each entry's record, which takes no data to know; raises InvalidInput."""
    problems: list[Problem] = []
    paths = dict(_each_once(manifest, dict(_paths(manifest, problems)), problems))
    if problems:
        raise InvalidInput(tuple(problems))
    return paths


def _paths(manifest: Manifest, problems: list[Problem]) -> Iterator[tuple[Address, RecordPath]]:
    """Yield the path of each entry's record; report entries that get no record key."""
    for address, item in manifest.entries.items():
        if path := entry_path(item, manifest):
            yield address, path
            continue
        kind = manifest.key_type(collection_of(item))
        message = f"{item.common.id!r} gives no record key of the type {kind}"
        hint = "give an `id` that is an NSID" if kind == "nsid" else "give an `rkey`"
        problems.append(Problem("no-rkey", message, manifest.key_place(address.steps), hint))


def _each_once(
    manifest: Manifest, paths: Mapping[Address, RecordPath], problems: list[Problem]
) -> Iterator[tuple[Address, RecordPath]]:
    """Yield these paths without those that another entry has already, which are reported."""
    owners: dict[RecordPath, Address] = {}
    for address, path in paths.items():
        first = owners.setdefault(path, address)
        if first == address:
            yield address, path
            continue
        message = f"{address} and {first} would both be the record {path}"
        hint = "give one of them another `id` or `rkey`"
        problems.append(Problem("duplicate-rkey", message, manifest.key_place(address.steps), hint))


def _find_taken(
    pointers: Iterable[Desired], paths: Mapping[Address, RecordPath], manifest: Manifest
) -> Iterator[Problem]:
    """Yield the entries that would be the same record as a pointer."""
    by_path = {pointer.path: pointer for pointer in pointers}
    for address, path in paths.items() if by_path else ():
        if path in by_path:
            message = f"{address} and `announce:` of {by_path[path].address} would both be the record {path}"
            yield Problem("duplicate-rkey", message, manifest.key_place(address.steps), "remove the entry")


def _make_desired(manifest: Manifest, part: EntryPart, value: JsonObject, filled: Filled) -> Desired:
    item, path = part.entry, part.path
    return Desired(
        address=item.common.address,
        id=item.common.id,
        path=path,
        value=value,
        created_at=_open_time(manifest, item, path.collection, value),
        strong_refs=tuple(filled.strong_refs),
        blobs=accepted_types(manifest, value, filled.blobs),
        refers_to=frozenset(filled.refers_to),
        immutable=_IMMUTABLE if isinstance(item, SchemaEntry) else frozenset(),
        protect=item.common.protect,
        adopt=item.common.adopt,
        part=part.part,
    )


def _encode(record: Desired) -> Desired:
    """Keep the record's encoding with it, unless it breaks the data model: its check reports that."""
    try:
        return replace(record, encoded=Encoded.of(record.portable_value))
    except NotInDataModel:
        return record


def _open_time(manifest: Manifest, item: Entry, collection: Nsid, value: JsonObject) -> CreatedAt | None:
    """Return the createdAt that a record requires and the manifest leaves open; None where there is none."""
    if CREATED_AT in value or not (isinstance(item, DATED) or _requires_time(manifest, collection)):
        return None
    match item:
        case SchemaEntry():
            return CreatedAt(CREATED_AT, item.nsid or item.name)
        case LabelEntry():
            return CreatedAt(CREATED_AT, str(value["name"]))
        case _:
            return CreatedAt(CREATED_AT)


def _requires_time(manifest: Manifest, collection: Nsid) -> bool:
    from atpub.atproto.lexicon.model import String  # few manifests have records of other kinds

    known = manifest.lexicons.record(collection)
    kind = known.record.properties.get(CREATED_AT) if known and CREATED_AT in known.record.required else None
    return isinstance(kind, String) and kind.format == "datetime"


# Problems that only follow from others: a missing shard also makes the record that lists it invalid


def root_causes(problems: Iterable[Problem], manifest: Manifest, facts: Facts) -> list[Problem]:
    """Return the problems, without record errors at places whose shards or files have an error themselves."""
    places = _places_with_errors(manifest, facts)
    found = {(problem.code, problem.place) for problem in facts.problems}
    return [
        problem
        for problem in problems
        if (problem.code, problem.place) in found
        or problem.place not in places
        or (problem.severity == "error" and problem.code != "invalid-record")
    ]


def _places_with_errors(manifest: Manifest, facts: Facts) -> Collection[Place]:
    """Return the places of failed files, and of entries none of whose shards could be used."""
    places = {problem.place for problem in facts.problems if problem.place and problem.severity == "error"}
    for address, shards in facts.shards.items():
        entry = manifest.entries[address]
        keys = ((), (entry.shards.key,)) if isinstance(entry, DatasetEntry) else ((),)
        ways = [(*address.steps, *key) for key in keys]
        here = {place_of(steps) for steps in ways for place_of in (manifest.place, manifest.key_place)}
        # If some shards are valid, what the lexicon says of them is new information.
        places = places - here if shards else places | here
    return places
