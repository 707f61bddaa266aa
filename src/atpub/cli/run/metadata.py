"""`atpub export --format` and `atpub croissant`: a dataset's metadata, and what a manifest lacks of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from atpub.atomic_files import write_text
from atpub.atproto.syntax import AtUri
from atpub.catalog.formats import render
from atpub.catalog.neurips import check_croissant
from atpub.cli.connect import TargetOptions, find_target
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_source, tell_warnings
from atpub.cli.run.published import (
    find_record,
    find_uri,
    not_published,
    read_published,
    read_schema,
    reading,
    require_names,
)
from atpub.desired import read_manifest, usual_paths
from atpub.errors import FileConflict, InvalidInput, Usage
from atpub.manifest.model import DatasetEntry, Manifest
from atpub.published.model import DatasetView
from atpub.report.style import PLAIN
from atpub.repository.interface import Repository
from atpub.suggest import pluralize, short_list, suggest
from atpub.target import Target


def run_croissant(
    name: str | None,
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    repository: Path | None,
    out: Path | None,
    overwrite: bool,
    check: bool,
) -> None:
    """Print or write the Croissant file of a dataset, or check the manifest."""
    if not check:
        options = TargetOptions(account, pds, environment)
        export_metadata("croissant", name, manifests, options, repository, out, overwrite=overwrite)
        return
    if out or overwrite or repository or (name or "").startswith("at://"):
        raise Usage(
            "--check reads the manifest alone, and writes nothing", hint="give the address of a dataset, or none"
        )
    _check(read_manifest(manifests, environment, environ()), name)


def export_metadata(
    format_name: str,
    name: str | None,
    manifests: tuple[str, ...],
    options: TargetOptions,
    folder: Path | None,
    out: Path | None,
    *,
    overwrite: bool,
) -> None:
    """Print the metadata of a published dataset in a format, or write it to a file; raises FileConflict."""
    if overwrite and out is None:
        raise Usage("--overwrite is an option of --out", hint="add --out FILE")
    if out is not None and out.exists() and not overwrite:
        raise FileConflict(f"{out} already exists", hint="give another --out, or --overwrite")
    uri, target = _find(name, manifests, options, folder)
    with reading(target) as repository:
        dataset = _read(name, replace(uri, authority=repository.did), repository, target)
    text = render(format_name, dataset)
    if out is None:
        print_source(text.removesuffix("\n"))
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, text, overwrite=overwrite)
    print_data(PLAIN(f"{out}: {format_name} of {dataset.uri}."))


def _find(
    name: str | None, manifests: tuple[str, ...], options: TargetOptions, folder: Path | None
) -> tuple[AtUri, Target]:
    """Return the URI of the dataset, whose authority may be open, and its repository."""
    if name is not None:
        uri, target, _ = find_record(name, manifests, options, folder)
        return uri, target
    require_names(None, manifests, options, folder)
    if not (manifests or usual_paths()):
        raise Usage("no dataset is named, and there is no manifest here", hint="give the dataset's at:// URI")
    manifest = read_manifest(manifests, options.environment, environ())
    return find_uri(_only_dataset(manifest), manifest), find_target(manifest, options)


def _only_dataset(manifest: Manifest) -> str:
    addresses = [str(entry.common.address) for entry in _datasets(manifest)]
    if len(addresses) != 1:
        if not addresses:
            raise Usage("the manifest has no dataset", hint="describe one under `datasets:`, or give its at:// URI")
        has = f"{len(addresses):,} datasets: {short_list(addresses)}"
        raise Usage(f"the manifest has {has}", hint="name the one to export")
    return addresses[0]


def _datasets(manifest: Manifest) -> list[DatasetEntry]:
    return [entry for entry in manifest.entries.values() if isinstance(entry, DatasetEntry)]


def _read(name: str | None, uri: AtUri, repository: Repository, target: Target) -> DatasetView:
    found = read_published(target, repository).find(uri)
    if found is None:
        raise not_published(name, uri, repository)
    if not isinstance(found, DatasetView):
        raise Usage(f"{uri} is not a dataset", hint="atpub list shows the datasets of an account")
    if found.schema is None:
        found = replace(found, schema=read_schema(found.schema_uri))
    return found.with_blob_sources(lambda cid: str(repository.blob_source(cid)))


def _check(manifest: Manifest, name: str | None) -> None:
    """Report what the datasets at an address, or all, lack; raises InvalidInput."""
    entries = {str(entry.common.address): entry for entry in _datasets(manifest)}
    chosen = [entry for address, entry in entries.items() if name in (None, address, address.partition("/")[2])]
    if name is not None and not chosen:
        hint = suggest(name, entries) or "give the address of a dataset, such as datasets/digits"
        raise Usage(f"the manifest has no dataset {name!r}", hint=hint)
    problems = tuple(problem for entry in chosen for problem in check_croissant(manifest, entry))
    if any(problem.severity == "error" for problem in problems):
        raise InvalidInput(problems)
    tell_warnings(problems)
    print_data(PLAIN(f"{pluralize(len(chosen), 'dataset')}: every field that NeurIPS requires is there."))
