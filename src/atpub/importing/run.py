"""The run of an import: read live records, make their manifest entries, download blobs, write the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from atpub.atomic_files import write_text
from atpub.atproto.syntax import AtUri, Did, Nsid, RecordPath
from atpub.engine.desired.announcements import announcement_path
from atpub.engine.desired.model import VERSIONED, entry_path
from atpub.engine.inventory import COLLECTION, Damaged, Owned, Survey, survey_inventories
from atpub.errors import FileConflict, RecordNotFound, Usage
from atpub.importing.base import ImportBase, ImportOptions
from atpub.importing.download import download_blobs, find_missing
from atpub.importing.entries import Importer
from atpub.importing.model import BlobDownload, ImportRequest, ImportResult
from atpub.importing.parts import first_part
from atpub.manifest.model import DatasetEntry, Manifest
from atpub.problems import Problem
from atpub.progress import OnProgress, ignore
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Live, Record, is_local
from atpub.repository.snapshot import read_all
from atpub.suggest import short_list, suggest
from atpub.target import Target

Connect: TypeAlias = Callable[[Target], Repository]


@dataclass(frozen=True, slots=True)
class ImportHooks:
    """Callbacks of an import: for warnings, for each downloaded blob with its number and the total, for progress."""

    on_warnings: Callable[[tuple[Problem, ...]], None] = lambda _: None
    on_download: Callable[[BlobDownload, int, int], None] = lambda _blob, _number, _total: None
    on_progress: OnProgress = ignore


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """The result of an import with all its warnings, the repository's DID, and the manifest that was written."""

    result: ImportResult
    did: Did
    out: Path | None


def import_records(
    base: ImportBase, options: ImportOptions, connect: Connect, hooks: ImportHooks | None = None
) -> ImportOutcome:
    """Import records, and write the manifest and its files if `out` is given.

    `connect` opens a repository. Raises RecordNotFound if a record is missing, and FileConflict if a file would be
    overwritten; then no manifest is written.
    """
    hooks = hooks or ImportHooks()
    if options.out is not None and options.out.exists() and not options.overwrite:
        raise FileConflict(f"{options.out} already exists", hint="give another --out, or --overwrite")
    with closing(connect(base.target)) as repository:
        uris = tuple(_resolve_uri(uri, base, repository, connect) for uri in options.parse_uris())
        live = (
            read_all(repository) if options.everything else repository.read(RecordFilter(frozenset(_collections(uris))))
        )
        survey = survey_inventories(live.records.values())
        records, passed_over = _select_new(_select_named(uris, live), base, survey, live.did)
        hooks.on_warnings(passed_over)
        result = _make_entries(_request(base, options, live, survey, records), options, repository, hooks)
        hooks.on_warnings(result.warnings)
    out = options.out if result.entries else None
    if out is not None:
        _write(result, out, base.manifest.folder, overwrite=options.overwrite)
    return ImportOutcome(replace(result, warnings=(*passed_over, *result.warnings)), repository.did, out)


def _make_entries(
    request: ImportRequest, options: ImportOptions, repository: Repository, hooks: ImportHooks
) -> ImportResult:
    importer = Importer(request)
    if options.download:
        folder = request.manifest.folder
        missing = find_missing(importer.blobs, folder, overwrite=options.overwrite)
        for number, blob in enumerate(download_blobs(repository, missing, folder, hooks.on_progress), start=1):
            hooks.on_download(blob, number, len(missing))
    result = importer.make()
    return replace(result, warnings=(*result.warnings, *_unlisted_warning(result, request)))


def _request(
    base: ImportBase, options: ImportOptions, live: Live, survey: Survey, records: tuple[Record, ...]
) -> ImportRequest:
    return ImportRequest(
        records=records,
        live=live,
        owned=_find_owned(survey, base.manifest.project),
        manifest=base.manifest,
        documents=base.documents,
        header=base.header,
        adopt=options.adopt,
        with_files=options.download,
        beside=options.out is not None,
    )


# Which records


def _resolve_uri(uri: AtUri, base: ImportBase, repository: Repository, connect: Connect) -> AtUri:
    """Return the URI with the repository's DID; raises Usage if it is another account's."""
    owner = repository.did if uri.authority == base.target.account.removeprefix("@") else uri.authority
    if not isinstance(owner, Did) and not is_local(base.target.account):
        with closing(connect(Target(str(owner), pds=base.target.pds))) as named:
            owner = named.did
    if owner != repository.did:
        hint = f"name that account: --account {uri.authority}"
        raise Usage(f"{uri} is not a record of {base.target.account} ({repository.did})", hint=hint)
    return replace(uri, authority=repository.did)


def _collections(uris: Collection[AtUri]) -> set[Nsid]:
    return {COLLECTION, *(uri.collection for uri in uris if uri.collection)}


def _select_named(uris: Collection[AtUri], live: Live) -> list[Record]:
    """Select the records that the URIs name, or all; raises RecordNotFound, which names each missing record."""
    records = [record for path, record in live.records.items() if path.collection != COLLECTION]
    if not uris:
        return records
    whole = {uri.collection: uri for uri in uris if not uri.path}
    paths = {uri.path for uri in uris}
    there = {record.path.collection for record in records}
    missing = [uri for uri in uris if uri.path and uri.path not in live.records]
    missing += [uri for collection, uri in whole.items() if collection not in there]
    if missing:
        hint = _suggest_uri(missing[0], records)
        raise RecordNotFound(f"there is no record at {', '.join(map(str, missing))}", hint=hint)
    return [record for record in records if record.path in paths or record.path.collection in whole]


def _suggest_uri(uri: AtUri, records: Collection[Record]) -> str:
    """Return what to try in place of a URI without a record."""
    keys = [record.path.rkey for record in records if record.path.collection == uri.collection]
    if not keys:
        return f"the account has no records in {uri.collection}: check the URI, or import --all"
    return suggest(uri.rkey or "", keys) or f"{uri.collection} has {short_list(keys)}"


def _find_owned(survey: Survey, project: str) -> dict[RecordPath, Owned]:
    """Return what a project owns, as far as its inventory records can be read."""
    inventory = survey.inventories.get(project)
    salvaged = [damaged.owned for damaged in survey.damaged if damaged.project == project]
    return {path: item for part in salvaged for path, item in part.items()} | dict(inventory.owned if inventory else {})


def _select_new(
    records: list[Record], base: ImportBase, survey: Survey, did: Did
) -> tuple[tuple[Record, ...], tuple[Problem, ...]]:
    """Select the records that no other project owns and the manifest lacks; warn about the others."""
    own = _find_owned(survey, base.manifest.project)
    foreign = {path: name for path, name in _foreign_owners(survey, base.manifest.project).items() if path not in own}
    listed = set(_entry_paths(base.manifest))
    theirs = Counter(foreign[record.path] for record in records if record.path in foreign)
    present = sum(record.path in listed for record in records)
    warnings = [
        *_foreign_warnings(theirs),
        *([_present_warning(present)] if present else ()),
        *map(_damage_warning, survey.damaged),
    ]
    skipped = listed | foreign.keys()
    new = (record for record in records if not {record.path, first_part(did, record)} & skipped)
    return tuple(new), tuple(warnings)


def _foreign_owners(survey: Survey, project: str) -> dict[RecordPath, str]:
    """Map the records that other projects own to the project's name."""
    names = {*survey.inventories, *(damaged.project for damaged in survey.damaged)}
    return {path: name for name in sorted(names - {project}) for path in _find_owned(survey, name)}


def _foreign_warnings(counts: Counter[str]) -> Iterator[Problem]:
    for name, count in sorted(counts.items()):
        message = f"left out {count:,} record{'' if count == 1 else 's'} of the project {name!r}"
        yield Problem("foreign-owner", message, None, f"import them for that project: --project {name}", "warning")


def _present_warning(count: int) -> Problem:
    message = f"left out {count:,} record{'' if count == 1 else 's'} that the manifest already has"
    return Problem("in-manifest", message, None, "", "warning")


def _damage_warning(damaged: Damaged) -> Problem:
    message = f"the inventory record {damaged.record.path} is damaged: the owner of the records it lists is unknown"
    return Problem("damaged-inventory", message, None, "run `atpub inventory verify`", "warning")


def _unlisted_warning(result: ImportResult, request: ImportRequest) -> Iterator[Problem]:
    """Warn if the project owns records that the manifest lacks: applying it would delete them."""
    listed = {*_entry_paths(request.manifest), *(entry.uri.path for entry in result.entries), *result.announcements}
    tried = {record.path for record in request.records}
    # Only whole collections were read: records of other collections may be live, too.
    read = {path.collection for path in request.live.records}
    first = [path for path, item in request.owned.items() if item.part == 1]  # the other parts follow it
    rest = [path for path in first if path not in listed and path.collection not in VERSIONED]
    rest = [path for path in rest if path in request.live.records or path.collection not in read]
    if rest and result.entries:
        count = f"{len(rest):,} record{'' if len(rest) == 1 else 's'}"
        message = f"the project owns {count} without a manifest entry, such as {rest[0]}"
        remedy = "import them as well (--all)"
        if all(path in tried for path in rest):
            remedy = "resolve the warnings above that leave them out"
        hint = f"applying the manifest would delete them: {remedy}, or use another --project"
        yield Problem("not-all", message, None, hint, "warning")


def _entry_paths(manifest: Manifest) -> Iterator[RecordPath]:
    """Return the paths of the records of a manifest's entries."""
    for item in manifest.entries.values():
        path = entry_path(item, manifest)
        if path is not None:
            yield path
        if isinstance(item, DatasetEntry):
            yield from (announcement_path(name, item.common.id) for name in item.announce)


# Files


def _write(result: ImportResult, out: Path, folder: Path, *, overwrite: bool) -> None:
    """Write the files that the manifest names, then the manifest, each whole or not at all; raises FileConflict."""
    files = {folder / name: text for name, text in result.files.items()}
    present = [str(file) for file in files if file.exists()]
    if present and not overwrite:
        raise FileConflict(f"{', '.join(present)} would be overwritten", hint="move them away, or give --overwrite")
    for file, text in {**files, out: result.text}.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, text, overwrite=overwrite)
