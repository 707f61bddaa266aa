"""Verifying published records: what they say, what they refer to, and the bytes that they list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.syntax import AtUri, RecordPath
from atpub.engine.desired.build import record_paths
from atpub.engine.inventory import survey_inventories
from atpub.engine.owned_records import read_owned, records_around
from atpub.engine.plan.select import matches
from atpub.errors import Usage
from atpub.manifest.model import Manifest
from atpub.repository.interface import Repository
from atpub.repository.model import Live, Record
from atpub.suggest import suggest
from atpub.verifying.batches import BatchReader
from atpub.verifying.listing import list_held, sample_content
from atpub.verifying.model import Finding, Held, PublishedRecord, Verification
from atpub.verifying.parts import follow_parts, judge_all_parts
from atpub.verifying.records import RecordReference, judge_record, judge_reference, references_in
from atpub.verifying.repositories import Repositories
from atpub.verifying.shards import judge_bytes, judge_size

_SCHEMA_REF = "schemaRef"


@dataclass(frozen=True, slots=True)
class Selection:
    """The records to verify, and findings about those that are not there or were changed."""

    records: Sequence[PublishedRecord]
    findings: Sequence[Finding] = ()

    def __add__(self, other: Selection) -> Selection:
        """Return both; a record that is in both is verified once."""
        records = {item.uri: item for item in (*other.records, *self.records)}
        return Selection(list(records.values()), (*self.findings, *other.findings))


def select_entries(
    manifest: Manifest, addresses: Collection[str], repository: Repository, repositories: Repositories
) -> Selection:
    """Read the published records of a manifest's entries, or of those at these addresses; raises Usage, InvalidInput.

    Each must be there, and must be what the project's inventory says.
    """
    paths = record_paths(manifest)
    for pattern in addresses:
        if not any(matches(str(address), [pattern]) for address in paths):
            hint = suggest(pattern, map(str, paths)) or "give an address such as labels/*, or an at:// URI"
            raise Usage(f"{pattern}: there is no such entry", hint=hint)
    chosen = {path: str(at) for at, path in paths.items() if not addresses or matches(str(at), addresses)}
    repositories.add(repository)
    live = read_owned(repository, records_around(chosen))
    repositories.learn(live.did, live.records)
    uris = {path: AtUri.of(live.did, path) for path in chosen}
    there = [
        PublishedRecord(uris[path], record, chosen[path])
        for path in chosen
        if (record := live.records.get(path)) is not None
    ]
    missing = [
        Finding(
            "record-missing",
            str(uris[path]),
            "it is in the manifest, and not published",
            "apply publishes it",
            address=address,
        )
        for path, address in chosen.items()
        if path not in live.records
    ]
    records, broken = follow_parts(there, repositories)
    return Selection(records, (*missing, *_find_changed(records, live, manifest.project), *broken))


def _find_changed(items: Sequence[PublishedRecord], live: Live, project: str) -> Iterator[Finding]:
    """Yield the records that are not what the project's inventory lists."""
    inventory = survey_inventories(live.records.values()).inventories.get(project)
    if inventory is None:
        return
    owned = inventory.owned
    for item in items:
        listed = owned.get(item.record.path)
        if listed is not None and listed.cid != item.record.cid:
            message = f"it was modified outside this project: it is {item.record.cid}, and {listed.cid} was applied"
            yield item.finding("record-changed", message, "look at atpub plan: it shows both edits")


def select_uris(uris: Sequence[AtUri], repositories: Repositories) -> Selection:
    """Read the records at URIs: records, collections and whole repositories; raises RepositoryNotFound, Unavailable."""
    by_authority: dict[str, list[AtUri]] = defaultdict(list)
    for uri in uris:
        by_authority[uri.authority].append(uri)
    total = Selection(())
    for group in by_authority.values():
        repository, records = repositories.read(group)
        total += _select(group, repository, records, repositories)
    return total


def _select(
    uris: Sequence[AtUri],
    repository: Repository,
    records: Mapping[RecordPath, Record],
    repositories: Repositories,
) -> Selection:
    found: list[PublishedRecord] = []
    missing: list[Finding] = []
    for uri in uris:
        some = [record for record in records.values() if _is_at(record, uri)]
        found += [PublishedRecord(AtUri.of(repository.did, record.path), record) for record in some]
        if uri.path is not None and not some:
            missing.append(
                Finding("record-missing", str(uri), "there is no such record", "it was deleted, or never published")
            )
    followed, broken = follow_parts(found, repositories)
    return Selection(followed, (*missing, *broken))


def _is_at(record: Record, uri: AtUri) -> bool:
    return uri.collection in (None, record.path.collection) and uri.rkey in (None, record.path.rkey)


def verify_records(
    selection: Selection, lexicons: Lexicons, repositories: Repositories, reader: BatchReader, *, deep: bool = False
) -> Verification:
    """Verify records: their lexicons, what they refer to, and their blobs and shards; `deep` reads all of the bytes."""
    references = {item.uri: tuple(references_in(item.record.value)) for item in selection.records}
    repositories.fetch(reference.uri for found in references.values() for reference in found)
    held = {item.uri: _list_held(item, references[item.uri], repositories, deep=deep) for item in selection.records}
    found = reader.look_at(part.location for lists in held.values() for some in lists for part in some)
    readings = {uri: [found[part.location] for part in shards] for uri, (shards, _) in held.items()}
    findings = list(selection.findings)
    for item in selection.records:
        shards, blobs = held[item.uri]
        findings += judge_record(item, lexicons)
        for reference in references[item.uri]:
            findings += judge_reference(item, reference, repositories.find(reference.uri))
        findings += [finding for part in (*shards, *blobs) for finding in judge_bytes(part, found[part.location])]
        if shards:
            findings += judge_size(item, readings[item.uri])
            findings += judge_all_parts(item, readings)
    shard_count = sum(len(shards) for shards, _ in held.values())
    blob_count = sum(part.kind == "blob" for _, blobs in held.values() for part in blobs)
    size = sum(item.read for item in found.values())
    order = {uri: index for index, uri in enumerate(dict.fromkeys(item.uri for item in findings))}
    findings.sort(key=lambda item: order[item.uri])
    return Verification(len(selection.records), shard_count, blob_count, size, findings)


def _list_held(
    item: PublishedRecord, references: Sequence[RecordReference], repositories: Repositories, *, deep: bool
) -> tuple[Sequence[Held], Sequence[Held]]:
    """Return the shards of a record, whose samples are to fit its schema, and the other blobs and copies."""
    schema = next((repositories.find(part.uri) for part in references if part.path == (_SCHEMA_REF,)), None)
    content = sample_content(schema) if isinstance(schema, Record) else None
    did = item.uri.authority
    return list_held(item, lambda cid: repositories.blob_source(did, cid), content, deep=deep)
