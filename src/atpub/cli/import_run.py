"""What `atpub import` is made of: the manifest that is there, the records that are asked for, the files to write."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri, Did, Nsid, RecordPath, SyntaxViolation
from atpub.cli.blobs import save_blobs
from atpub.cli.files import write_text
from atpub.cli.options import TargetOptions
from atpub.cli.output import print_data, print_json, style_for, tell
from atpub.cli.plans import tell_warnings
from atpub.cli.targets import find, named, open_repository
from atpub.engine.desired.model import VERSIONED
from atpub.engine.desired.record_keys import record_key
from atpub.engine.desired.values import collection_of
from atpub.engine.inventory import COLLECTION, Owned, Survey, survey_inventories
from atpub.errors import FileConflict, InvalidInput, Problem, RecordNotFound, Usage
from atpub.importing.entries import Importer
from atpub.importing.model import ImportRequest, ImportResult
from atpub.importing.yaml_writer import with_dollars_kept, yaml_text
from atpub.manifest.files import read_documents
from atpub.manifest.load import load_merged, not_interpolated
from atpub.manifest.model import Manifest
from atpub.manifest.schema import SECTIONS
from atpub.pipeline import usual_paths
from atpub.report.imported import imported_json, imported_text
from atpub.report.style import counted
from atpub.repository.interface import Repository
from atpub.repository.model import Live, Record, is_local
from atpub.repository.snapshot import read_all, read_collections
from atpub.target import Target
from atpub.text.document import Document, parse
from atpub.text.interpolate import interpolate
from atpub.text.merge import merge


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user asks to be imported, and how."""

    uris: tuple[str, ...]
    everything: bool
    out: Path | None
    overwrite: bool
    adopt: bool
    download: bool

    def parsed(self) -> tuple[AtUri, ...]:
        """The URIs; raises Usage where there are none, or where one is no record's or collection's."""
        if bool(self.uris) == self.everything:
            hint = "give at:// URIs of records or collections, or --all"
            raise Usage("say what to import" if not self.uris else "--all goes without URIs", hint=hint)
        return tuple(map(_parsed, self.uris))


def _parsed(text: str) -> AtUri:
    try:
        uri = AtUri.parse(text)
    except SyntaxViolation as violation:
        raise Usage(str(violation), hint="for example at://lab.example/org.lab.note/3jzfcijpj2z2a") from None
    if uri.collection is None:
        hint = f"for everything: --all --account {uri.authority}"
        raise Usage(f"{uri} names neither a record nor a collection", hint=hint)
    if uri.collection == COLLECTION:
        raise Usage(f"{uri} is an inventory, which atpub writes itself", hint="import the records that it lists")
    return uri


@dataclass(frozen=True, slots=True)
class Base:
    """The manifest that the entries are for, the documents that it is made of, and where its records are."""

    manifest: Manifest
    documents: tuple[Document, ...]
    header: JsonObject
    where: Target


def find_base(
    manifests: tuple[str, ...],
    environment: str | None,
    project: str | None,
    lexicons: Path | None,
    wanted: Asked,
    target: TargetOptions,
) -> Base:
    """The manifest that is there, or a new one; raises InvalidInput or Usage."""
    uris = wanted.parsed()
    if wanted.download and wanted.out is None:
        raise Usage("--download puts files beside the manifest", hint="say which: --out FILE")
    paths = manifests or usual_paths()
    found = tuple(_documents(paths, environment))
    known = _load(found, _folder(paths), environment) if found else None
    if known is not None and project not in (None, known.project):
        if manifests:
            raise Usage(f"the manifest's project is {known.project}, not {project}", hint="leave out --project")
        found, known = (), None  # the one that happens to be here is not meant
    # The file that is to be replaced says nothing any more, but for what is no entry.
    documents = tuple(document for document in found if not _is_same(document.file, wanted.out))
    replaced = [document for document in found if document not in documents]
    folder = _folder(paths) if documents else _beside(wanted.out)
    said = named(target)
    account = said.account if said else known.account if known else None
    account = account or (str(uris[0].authority) if uris else None)
    header = _header(replaced, project, None if documents else account, known, environment)
    if lexicons is not None:
        header["lexicons"] = {"path": _relative(lexicons, folder)}
    manifest = _load((*documents, parse(yaml_text({"atpub": 1, **header}), "--project")), folder, environment)
    return Base(manifest, documents, header, find(manifest, replace(target, account=account)))


def _header(
    replaced: Iterable[Document],
    project: str | None,
    account: str | None,
    known: Manifest | None,
    environment: str | None,
) -> JsonObject:
    """What the new file says beside its entries; `account` is None where another file has it."""
    name = known.project if known else project
    if name is None:
        raise Usage("there is no manifest here, and no project", hint="name the project: --project NAME")
    kept: JsonObject = {}
    for document in replaced:
        values = document.value if isinstance(document.value, dict) else {}
        filled = {key: item for key, item in values.items() if key not in {*SECTIONS, "atpub", "environments"}}
        kept |= {key: with_dollars_kept(item) for key, item in filled.items()}
        if isinstance(others := values.get("environments"), dict):  # whose variables are still in them
            chosen = {name: with_dollars_kept(item) for name, item in others.items() if name == environment}
            kept["environments"] = {**others, **chosen}
    if known is None and account is None:
        raise Usage("no account is given", hint="name it: --account HANDLE")
    return {"project": name, **({"account": account} if account else {}), **kept}


def _documents(paths: Sequence[str], environment: str | None) -> Iterator[Document]:
    for document in read_documents(paths) if paths else ():
        yield interpolate(document, os.environ, skip=not_interpolated(environment))


def _load(documents: tuple[Document, ...], folder: Path, environment: str | None) -> Manifest:
    loaded = load_merged(merge(documents, SECTIONS), folder, environment=environment)
    if loaded.problems:
        raise InvalidInput(loaded.problems)
    return loaded.manifest


def _folder(paths: Sequence[str]) -> Path:
    first = Path(paths[0]) if paths else Path()
    return first if first.is_dir() else first.parent


def _beside(out: Path | None) -> Path:
    return out.parent if out else Path()


def _is_same(file: str, out: Path | None) -> bool:
    return out is not None and out.exists() and Path(file).exists() and out.samefile(file)


def _relative(lexicons: Path, folder: Path) -> str:
    # Symlinks are not followed: the lexicons may well be one.
    if ".." not in lexicons.parts and lexicons.absolute().is_relative_to(folder.absolute()):
        return lexicons.absolute().relative_to(folder.absolute()).as_posix()
    hint = f"keep them in {folder.absolute()}, or write the manifest beside them with --out"
    raise Usage(f"{lexicons} is outside the manifest's folder", hint=hint)


def bring(base: Base, wanted: Asked, *, as_json: bool) -> None:
    """Import what is wanted, and print it or write it; nothing is written where something is missing."""
    if wanted.out is not None and wanted.out.exists() and not wanted.overwrite:
        raise FileConflict(f"{wanted.out} is there already", hint="give another --out, or --overwrite")
    with closing(open_repository(base.where)) as repository:
        uris = tuple(_checked(uri, base, repository) for uri in wanted.parsed())
        live = read_all(repository) if wanted.everything else read_collections(repository, _collections(uris))
        survey = survey_inventories(live.records.values())
        records, passed_over = _chosen(_asked_for(uris, live), base, survey)
        tell_warnings(passed_over)
        importer = Importer(_request(base, wanted, live, survey, records))
        if wanted.download:
            save_blobs(repository, tuple(importer.blobs), base.manifest.folder, overwrite=wanted.overwrite)
        imported = importer.make()
        owned = _owned(survey, base.manifest.project)
        warnings = (*imported.warnings, *_left_behind(imported, base, live, owned, {record.path for record in records}))
        tell_warnings(warnings)
        out = wanted.out if imported.entries else None
        if out is not None:
            _write(imported, out, base.manifest.folder, overwrite=wanted.overwrite)
        if as_json:
            whole = replace(imported, warnings=(*passed_over, *warnings))
            names = {"project": base.manifest.project, "account": base.where.account, "did": repository.did}
            print_json(imported_json(whole, **names, out=out))
        elif out is not None:
            print_data(imported_text(imported, out, style_for(sys.stdout)))
        else:
            tell(imported_text(imported, None, style_for(sys.stderr)))
            if imported.entries:
                print_data(imported.text.removesuffix("\n"))


def _request(base: Base, wanted: Asked, live: Live, survey: Survey, records: tuple[Record, ...]) -> ImportRequest:
    return ImportRequest(
        records=records,
        live=live,
        owned=_owned(survey, base.manifest.project),
        manifest=base.manifest,
        documents=base.documents,
        header=base.header,
        adopt=wanted.adopt,
        with_files=wanted.download,
        beside=wanted.out is not None,
    )


# Which records


def _checked(uri: AtUri, base: Base, repository: Repository) -> AtUri:
    """The URI by the repository's DID; raises Usage where it is another account's."""
    owner = repository.did if uri.authority == base.where.account.removeprefix("@") else uri.authority
    if not isinstance(owner, Did) and not is_local(base.where.account):
        with closing(open_repository(Target(str(owner), pds=base.where.pds))) as named:
            owner = named.did
    if owner != repository.did:
        hint = f"name that account: --account {uri.authority}"
        raise Usage(f"{uri} is not a record of {base.where.account} ({repository.did})", hint=hint)
    return replace(uri, authority=repository.did)


def _collections(uris: Collection[AtUri]) -> set[Nsid]:
    return {COLLECTION, *(uri.collection for uri in uris if uri.collection)}


def _asked_for(uris: Collection[AtUri], live: Live) -> list[Record]:
    """The records that the URIs name, or all of them; raises RecordNotFound, naming each that is not there."""
    records = [record for path, record in live.records.items() if path.collection != COLLECTION]
    if not uris:
        return records
    whole = {uri.collection: uri for uri in uris if not uri.path}
    paths = {uri.path for uri in uris}
    there = {record.path.collection for record in records}
    missing = [str(uri) for uri in uris if uri.path and uri.path not in live.records]
    missing += [str(uri) for collection, uri in whole.items() if collection not in there]
    if missing:
        hint = "look at the URI again; nothing was written"
        raise RecordNotFound(f"there is no record at {', '.join(missing)}", hint=hint)
    return [record for record in records if record.path in paths or record.path.collection in whole]


def _owned(survey: Survey, project: str) -> dict[RecordPath, Owned]:
    """What a project owns, as far as it can be read."""
    inventory = survey.inventories.get(project)
    salvaged = [damaged.owned for damaged in survey.damaged if damaged.project == project]
    return {path: item for part in salvaged for path, item in part.items()} | dict(inventory.owned if inventory else {})


def _chosen(records: list[Record], base: Base, survey: Survey) -> tuple[tuple[Record, ...], tuple[Problem, ...]]:
    """The records that are neither another project's nor in the manifest already, and what is to be said of others."""
    project = base.manifest.project
    names = {*survey.inventories, *(damaged.project for damaged in survey.damaged)}
    foreign = {path: name for name in sorted(names - {project}) for path in _owned(survey, name)}
    own = _owned(survey, project)
    listed = set(_paths(base.manifest))
    theirs = Counter(foreign[record.path] for record in records if record.path in foreign and record.path not in own)
    there = sum(record.path in listed for record in records)
    warnings = [
        Problem(
            "foreign-owner",
            f"left out {counted(count, 'record')} of the project {name!r}",
            None,
            f"import them for that project: --project {name}",
            "warning",
        )
        for name, count in sorted(theirs.items())
    ]
    if there:
        message = f"left out {counted(there, 'record')} that the manifest has already"
        warnings.append(Problem("in-manifest", message, None, "", "warning"))
    for damaged in survey.damaged:
        message = f"the inventory record {damaged.record.path} is damaged: whose records it lists cannot be told"
        warnings.append(Problem("damaged-inventory", message, None, "look at `atpub inventory verify`", "warning"))
    skipped = listed | {path for path in foreign if path not in own}
    return tuple(record for record in records if record.path not in skipped), tuple(warnings)


def _left_behind(
    imported: ImportResult, base: Base, live: Live, owned: Mapping[RecordPath, Owned], tried: Collection[RecordPath]
) -> Iterator[Problem]:
    """That the project owns more than the manifest says: where it is applied alone, that is deleted."""
    said = {*_paths(base.manifest), *(entry.uri.path for entry in imported.entries)}
    # Only whole collections were read; what else is owned is there as well, or forgotten anyway.
    read = {path.collection for path in live.records}
    rest = [path for path in owned if path not in said and path.collection not in VERSIONED]
    rest = [path for path in rest if path in live.records or path.collection not in read]
    if rest and imported.entries:
        message = f"the project owns {counted(len(rest), 'record')} that no entry says, such as {rest[0]}"
        way = "import them as well (--all)"
        if all(path in tried for path in rest):
            way = "mend what leaves them out, as told above"
        hint = f"applying the manifest would delete them: {way}, or use another --project"
        yield Problem("not-all", message, None, hint, "warning")


def _paths(manifest: Manifest) -> Iterator[RecordPath]:
    """Target the records of a manifest's entries are."""
    for item in manifest.entries.values():
        collection = collection_of(item)
        known = manifest.lexicons.record(collection)
        assert known is not None, collection
        rkey = item.common.rkey or record_key(known.key, collection, item.common.id)
        if rkey is not None:
            yield RecordPath(collection, rkey)


# Files


def _write(imported: ImportResult, out: Path, folder: Path, *, overwrite: bool) -> None:
    """Write the manifest and what it names, the manifest last: each file whole or not at all; raises InTheWay."""
    files = {folder / name: text for name, text in imported.files.items()}
    there = [str(file) for file in files if file.exists()]
    if there and not overwrite:
        raise FileConflict(f"{', '.join(there)} would be overwritten", hint="move them away, or give --overwrite")
    for file, text in {**files, out: imported.text}.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, text)
