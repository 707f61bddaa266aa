"""Checks of desired records: errors and warnings, each at its place in the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path
from typing import Final

from atpub.atproto import data
from atpub.atproto.data import Json, JsonObject
from atpub.atproto.lexicon.violation import Violation, json_path
from atpub.atproto.mime_types import accepts
from atpub.atproto.syntax import RecordPath
from atpub.engine.desired.atdata_compat import check_sample_schema
from atpub.engine.desired.generated_classes import is_surely_valid
from atpub.engine.desired.leaves import LARGE_INTEGER, NUL, check_key, check_leaf, is_clean
from atpub.engine.desired.licenses import check_license
from atpub.engine.desired.model import CID_FIELD, TYPE_HINT, Desired, Steps
from atpub.engine.desired.placeholders import Filled
from atpub.engine.desired.values import measured_size
from atpub.generated.dev.atpub import rai
from atpub.manifest.kinds import collection_of
from atpub.manifest.members import sample_format
from atpub.manifest.model import (
    DatasetEntry,
    Entry,
    Manifest,
    RecordEntry,
    SchemaEntry,
    UrlShards,
)
from atpub.manifest.schema import CONTENT_METADATA, MIRRORS, RAI, SIZE
from atpub.problems import Place, Problem
from atpub.repository.local_account import is_local
from atpub.shards.facts import Facts, LocalShards
from atpub.shards.remote import RemoteShards
from atpub.storage import mirrors
from atpub.storage.registry import check_endpoint
from atpub.text.source import as_written

LARGEST: Final = 900_000
"""The most bytes of a record that fit in a request to any PDS, with room for the inventory."""
LARGE: Final = 140_000
"""The same for a PDS of version 0.4."""

_BARE: Final = frozenset({LARGE_INTEGER, NUL})
"""The problems whose messages do not show what is at their place."""

_OPEN_BYTES: Final = 80
"""More bytes than a createdAt, or the CID of a strong reference, takes."""
_ANY_TIME: Final = "2000-01-01T00:00:00.000Z"
_ANY_CID: Final = "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm"


@dataclass(frozen=True, slots=True)
class RecordChecker:
    """The checks of records, by their lexicons and by what readers and servers require besides."""

    manifest: Manifest
    facts: Facts

    def problems(self, item: Entry, found: Desired, filled: Filled) -> Iterator[Problem]:
        """Yield the problems of an entry's record; where a placeholder could not be filled in, only that.

        What concerns the whole entry is checked with its first part.
        """
        yield from self._placeholders(item, found, filled)
        yield from self._violations(item, found, filled)
        yield from self._leaves(item, found)
        if found.part.number > 1:
            return
        match item:
            case SchemaEntry():
                yield from _unreadable(item)
            case DatasetEntry():
                yield from self._endpoint(item)
                yield from self._samples(item)
                yield from self._license(item)
                yield from self._stated_size(item)
            case RecordEntry():
                yield from self._spelling(item, found)
            case _:
                pass

    def circles(self, records: Sequence[Desired]) -> Iterator[Problem]:
        """Yield circular strong references: each record's CID would have to be known before the record exists."""
        by_path = {item.path: item for item in records}
        targets = {item.path: {reference.target for reference in item.strong_refs} for item in records}
        while circle := _circle(targets):
            first = by_path[circle[0]]
            steps = next(reference.steps for reference in first.strong_refs if reference.target == circle[1])
            names = " → ".join(str(by_path[path].address) for path in circle)
            message = f"strong references go round: {names}; none of these CIDs can be known first"
            place = self._place(self.manifest.entries[first.address], steps)
            yield Problem("circular-reference", message, place, "use $ref for one of them")
            targets[circle[0]] -= {circle[1]}

    def blob_types(self, found: Desired) -> Iterator[Problem]:
        """Yield the `$blob` files whose type the record's lexicon does not accept."""
        item = self.manifest.entries[found.address]
        for blob in found.blobs:
            if blob.sniffed and not accepts(blob.accept, blob.blob.mime_type):
                types = f"{blob.blob.mime_type}; the record's lexicon accepts {', '.join(blob.accept)}"
                message = f"{found.address}: {blob.file.name} is {types}"
                yield Problem("type-not-accepted", message, self._place(item, blob.steps), TYPE_HINT)

    def _placeholders(self, item: Entry, found: Desired, filled: Filled) -> Iterator[Problem]:
        for steps, message, hint in filled.problems:
            yield Problem("dangling-reference", message, self._place(item, steps), hint)
        for steps, message, hint in filled.doubts:
            from atpub.engine.desired.typos import defines  # few values look like placeholders

            lexicons = self.manifest.lexicons
            if not defines(lexicons, lexicons.record(collection_of(item)), found.value, steps):
                yield Problem("not-a-placeholder", message, self._place(item, steps[:-1]), hint, "warning")

    def _violations(self, item: Entry, found: Desired, filled: Filled) -> Iterator[Problem]:
        value: JsonObject = _complete(found)
        if is_surely_valid(item, value):
            return
        from atpub.atproto.lexicon.validate import validate_record  # a class has loaded most records

        noted: set[tuple[object, ...]] = set()
        sniffed = {blob.steps for blob in found.blobs if blob.sniffed}
        for violation in validate_record(self.manifest.lexicons, value):
            if any(violation.path[: len(steps)] == steps for steps in filled.missing):
                continue
            if violation.rule == "accept" and violation.path[:-1] in sniffed:
                continue  # see blob_types
            place = self._place(item, violation.path)
            # A sample's schema stands in its record twice, and in the manifest once: its place says enough.
            is_sample = isinstance(item, SchemaEntry) and violation.path[:1] == ("schema",)
            where = "" if is_sample else json_path(_as_written(violation.path)).removeprefix("$")
            held = (blob.file for blob in found.blobs if violation.path[: len(blob.steps)] == blob.steps)
            file = next((f"{name}: " for name in held), "")
            message = f"{item.common.address}{where}: {file}{violation.message} ({violation.rule}; {violation.schema})"
            same = (place, where, violation.rule, violation.schema, violation.detail)
            if same not in noted:
                noted.add(same)
                hint = _hint(violation, _value_at(found.value, violation.path), place)
                yield Problem("invalid-record", message, place, hint)

    def _leaves(self, item: Entry, found: Desired) -> Iterator[Problem]:
        """Yield the problems of single keys, texts and integers anywhere in a record."""
        if is_clean(found.value):
            return
        is_remote = self.manifest.account is None or not is_local(self.manifest.account)
        keys = ((steps, check_key(key)) for steps, key in data.keys(found.value))
        leaves = ((steps, check_leaf(leaf, is_remote=is_remote)) for steps, leaf in data.leaves(found.value))
        for steps, problems in chain(keys, leaves):
            for problem in problems:
                where = json_path(_as_written(steps)).removeprefix("$") if problem.code in _BARE else ""
                message = f"{item.common.address}{where}: {problem.message}"
                yield replace(problem, message=message, place=self._place(item, steps))

    def _endpoint(self, item: DatasetEntry) -> Iterator[Problem]:
        remote = self.facts.shards[item.common.address]
        if isinstance(remote, RemoteShards) and isinstance(item.shards, UrlShards):
            for found in check_endpoint([location for location, _ in remote.shards], item.shards.endpoint):
                place = self.manifest.place((*item.common.address.steps, item.shards.key))
                yield replace(found, message=f"{item.common.address}: {found.message}", place=place)

    def _samples(self, item: DatasetEntry) -> Iterator[Problem]:
        """Yield the contradictions between the samples looked at of local shards and the dataset's schema."""
        local = self.facts.shards[item.common.address]
        if not isinstance(local, LocalShards):
            return
        from atpub.engine.desired.sample_check import check_shards, schema_of  # shards at URLs are not read

        schema = schema_of(self.manifest, item.common.address)
        if schema is None:
            return
        known = [(self._relative(path), sample) for path, facts in local.files for sample in facts.samples_looked_at]
        for found, shard, key, more, unit in check_shards(schema.content, known):
            also = f", as in {more:,} other {unit}{'s' if more > 1 else ''}" if more else ""
            message = f"{shard}: the sample {key!r} {found.message} ({schema.common.address}){also}"
            place = self.manifest.place((*item.common.address.steps, item.shards.key))
            yield Problem(found.code, message, place, found.hint, found.severity)

    def _relative(self, path: Path) -> str:
        folder = self.manifest.folder
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)

    def _license(self, item: DatasetEntry) -> Iterator[Problem]:
        stated = item.fields.get("license")
        found = check_license(stated) if isinstance(stated, str) else None
        if found:
            yield replace(found, place=self._place(item, ("license",)))

    def _stated_size(self, item: DatasetEntry) -> Iterator[Problem]:
        """Yield the numbers in a stated size that are not those measured, unless a shard could not be measured."""
        measured = measured_size(self.facts.shards[item.common.address]) if item.size else {}
        wrong = {name: stated for name, stated in (item.size or {}).items() if measured.get(name, stated) != stated}
        if not wrong or self._has_unmeasured_shards(item):
            return
        for name, stated in wrong.items():
            message = (
                f"{item.common.address}: size.{name} is {stated} in the manifest, and {measured[name]} as measured"
            )
            yield Problem("size-differs", message, self._place(item, (SIZE, name)), "remove it: it is filled in")

    def _has_unmeasured_shards(self, item: DatasetEntry) -> bool:
        shards = self.manifest.place((*item.common.address.steps, item.shards.key))
        return any(problem.place == shards and problem.severity == "error" for problem in self.facts.problems)

    def _spelling(self, item: RecordEntry, found: Desired) -> Iterator[Problem]:
        from atpub.engine.desired.typos import find_typos  # few manifests have records of other kinds

        lexicons = self.manifest.lexicons
        for steps, hint in find_typos(lexicons, lexicons.record(item.collection), found.value):
            place = self.manifest.key_place((*item.common.address.steps, "value", *steps))
            message = f"{item.common.address}: its lexicon has no field {steps[-1]!r} there"
            yield Problem("unknown-field", message, place, hint, "warning")

    def sizes(self, item: Entry, records: Sequence[Desired]) -> Iterator[Problem]:
        """Yield the problem of the largest record of an entry."""
        found = max(records, key=lambda record: record.encoded.size if record.encoded else 0)
        size = _size_when_complete(found)
        if size <= LARGE:
            return
        what = f"{item.common.address}: {'the record' if found.part.count == 1 else f'part {found.part.number}'}"
        place = self.manifest.key_place(item.common.address.steps)
        if size > LARGEST:
            message = f"{what} has {size:,} bytes, and no PDS takes more than {LARGEST:,}"
            yield Problem("record-too-large", message, place, self._smaller(item, size, LARGEST))
        else:
            message = f"{what} has {size:,} bytes, which older PDSes (0.4) refuse"
            yield Problem("record-large", message, place, self._smaller(item, size, LARGE), "warning")

    def _smaller(self, item: Entry, size: int, limit: int) -> str:
        """Return the way to records below a limit: `parts:` of a round number of shards, if it is a dataset."""
        if not isinstance(item, DatasetEntry):
            return "make it several entries"
        shards = len(self.facts.shards[item.common.address])
        most = max(1, min(item.parts or shards, shards) * limit // size)
        digit = 10 ** (len(str(most)) - 1)
        return f"publish it in parts of fewer shards: `parts: {most // digit * digit}`; or make fewer, larger shards"

    def _place(self, item: Entry, steps: Steps) -> Place:
        """Return the place in the manifest that a part of a record comes from."""
        if isinstance(item, SchemaEntry) and steps[:1] == ("schema",):
            return item.content_place(steps[2:] if steps[1:2] == ("content",) else steps[1:])
        own = item.common.address.steps
        if isinstance(item, RecordEntry):
            return self.manifest.place((*own, "value", *steps))
        if not steps:
            return self.manifest.key_place(own)
        if isinstance(item, DatasetEntry) and steps[0] == "storage":
            return self.manifest.place((*own, item.shards.key))
        written = _as_written(steps)
        if isinstance(item, DatasetEntry) and steps[0] in item.fields:
            written = steps
        elif isinstance(item, DatasetEntry) and written[0] == "metadata":
            written = (item.metadata_key, *written[1:])
        return self.manifest.place((*own, *written))


def _unreadable(item: SchemaEntry) -> Iterator[Problem]:
    if sample_format(item.content) == "members":
        message = f"{item.common.address}: atdata reads samples of one msgpack map only, not of members"
        hint = "readers of WebDataset can; for atdata: atpub pack --format msgpack, and describe them with `fields:`"
        yield Problem("atdata-cannot-read", message, item.content_place(()), hint, "warning")
        return
    for finding in check_sample_schema(item.content):
        message = f"{item.common.address}: {finding.message}"
        yield Problem(finding.code, message, item.content_place(finding.steps), finding.hint, finding.severity)


def _complete(found: Desired) -> JsonObject:
    """Return the record with a valid value in every open place, so that it can be validated."""
    value = found.value if found.created_at is None else {**found.value, found.created_at.field: _ANY_TIME}
    for reference in found.strong_refs:
        value = data.put(value, (*reference.steps, CID_FIELD), _ANY_CID)
    return value


def _size_when_complete(found: Desired) -> int:
    """Return the bytes of the complete record in DAG-CBOR; 0 where it breaks the data model, which is reported.

    Only a record near a limit is encoded again for that.
    """
    if found.encoded is None:
        return 0
    open_bytes = _OPEN_BYTES * (1 + len(found.strong_refs)) + sum(len(item.blob.mime_type) + 2 for item in found.blobs)
    size = found.encoded.size
    return size if size + open_bytes <= LARGE else len(data.encode(_complete(found)))


def _circle(targets: Mapping[RecordPath, Set[RecordPath]]) -> list[RecordPath]:
    """Find records that refer to one another in a circle, with the first repeated at the end; empty where none do."""
    try:
        TopologicalSorter(targets).prepare()
    except CycleError as error:
        circle: list[RecordPath] = error.args[1]
        return circle[::-1]  # it is given from what is referred to
    return []


_KEYS: Final = {
    "schemaRef": "schema",
    "contentMetadata": "metadata",
    "metadataSchemaRef": "metadata_schema",
    "datasetUri": "dataset",
    "sourceSchema": "source",
    "targetSchema": "target",
    "getterCode": "getter",
    "putterCode": "putter",
}
"""The manifest's key for a record's field, where they differ."""


def _as_written(path: Steps) -> Steps:
    """Return a path into a record with the manifest's name for its first step."""
    if path[:2] == (CONTENT_METADATA, rai.NSID):
        return (RAI, *path[2:])
    if path[:2] == (CONTENT_METADATA, mirrors.KEY):
        return (MIRRORS, *path[3:])
    return (_KEYS.get(str(path[0]), path[0]), *path[1:]) if path else path


_HINTS: Final = {
    "maxLength": "shorten it",
    "maxGraphemes": "shorten it",
    "required": "add it",
    "minLength": "give more",
    "minGraphemes": "give more",
    "range": "change it",
    "enum": "write one of these",
    "const": "write that",
}


def _hint(violation: Violation, value: Json, place: Place) -> str:
    """Return what to write in place of a value that breaks a rule."""
    match violation.rule, violation.detail, value:
        case "type", "blob", str(file) | {"file": str(file)} | {"path": str(file)}:
            return f"for a file, write {{$blob: {file}}}"
        case "type", "string", bool() | int() | float():
            return f'put it in quotes: "{as_written(value, place)}"'
        case "data-model", "float", float():
            return f'write it as an integer, or as a string, "{as_written(value, place)}": a record holds no floats'
        case _:
            return _rule_hint(violation)


def _value_at(value: Json, path: Steps) -> Json:
    """Return the value at a path; None if there is none."""
    for step in path:
        match value, step:
            case dict(), str():
                value = value.get(step)
            case list(), int():
                value = value[step] if step < len(value) else None
            case _:
                return None
    return value


def _rule_hint(violation: Violation) -> str:
    if violation.rule == "data-model" and violation.detail != "float":
        return ""
    if violation.rule == "accept":
        return "a shard is an uncompressed tar"
    if violation.rule == "maxSize":
        return "make smaller shards"
    if violation.rule == "format" and violation.detail == "datetime":
        return "for example 2024-05-01T12:00:00.000Z"
    return _HINTS.get(violation.rule, "") or f"write it as the lexicon {violation.schema} has it"
