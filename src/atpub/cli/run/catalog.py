"""`atpub catalog` and `atpub open`."""

from __future__ import annotations

import webbrowser
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri, Did
from atpub.cataloging.run import CatalogSource, WrittenCatalog, write_catalog
from atpub.cli.connect import TargetOptions, find_manifest, find_target
from atpub.cli.output import print_data, print_json, tell
from atpub.cli.progress import show_progress
from atpub.cli.run.published import (
    find_record,
    not_published,
    read_published,
    read_schema,
    reading,
    require_names,
    tell_unreadable,
)
from atpub.engine.desired.model import entry_path
from atpub.errors import Usage
from atpub.manifest.model import Manifest
from atpub.published.model import DatasetView, LabelView, Published
from atpub.report.problems import FORMAT_VERSION
from atpub.suggest import pluralize
from atpub.target import Target
from atpub.user_folders import cache_folder

_SAMPLES: Final = 12


def run_catalog(
    accounts: tuple[str, ...],
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    out: Path,
    samples: int,
    as_json: bool,
) -> None:
    """Write the pages of a manifest's account, or of accounts that are named."""
    if accounts and (manifests or environment or account):
        hint = "give accounts alone, or a manifest"
        raise Usage("accounts are given as arguments, and also by --manifest, --env or --account", hint=hint)
    options = TargetOptions(account, pds, environment)
    manifest = None if accounts else find_manifest(manifests, options)
    targets = [find_target(None, replace(options, account=name)) for name in dict.fromkeys(accounts)]
    with ExitStack() as stack:
        sources = [
            stack.enter_context(_reading_source(target, manifest))
            for target in targets or [find_target(manifest, options)]
        ]
        written = _write(sources, out, samples)
    if as_json:
        print_json(_written_json(written))
    else:
        removed = f", {written.files.removed:,} removed" if written.files.removed else ""
        files = f"{pluralize(written.files.files, 'file')}, {written.files.written:,} new or changed{removed}"
        print_data(f"{pluralize(len(written.pages), 'dataset')} in {written.index} ({files}).")


def _written_json(written: WrittenCatalog) -> JsonObject:
    return {
        "format_version": FORMAT_VERSION,
        "index": str(written.index),
        "datasets": [{"uri": str(uri), "page": str(page)} for uri, page in written.pages.items()],
        "files": written.files.files,
        "written": written.files.written,
        "removed": written.files.removed,
    }


def run_open(
    name: str | None,
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    repository: Path | None,
    print_only: bool,
) -> None:
    """Write the pages of a dataset, or of all of an account, to the cache and show them in a browser."""
    uri: AtUri | None = None
    options = TargetOptions(account, pds, environment)
    if name is not None:
        uri, target, manifest = find_record(name, manifests, options, repository)
    else:
        require_names(None, manifests, options, repository)
        manifest = find_manifest(manifests, options)
        target = find_target(manifest, options)
    with _reading_source(target, manifest) as source:
        if uri is not None:
            source = replace(source, published=_only(name, uri, source))
        written = _write([source], _cache_of(source, uri), _SAMPLES)
    page = next(iter(written.pages.values()), written.index) if uri else written.index
    print_data(str(page))
    if not print_only and not webbrowser.open(page.absolute().as_uri()):
        tell("There is no browser: open the file yourself.")


@contextmanager
def _reading_source(target: Target, manifest: Manifest | None) -> Generator[CatalogSource]:
    with reading(target) as repository:
        published = read_published(target, repository)
        tell_unreadable(published)
        addresses = _addresses(manifest, repository.did) if manifest else {}
        yield CatalogSource(published, repository, addresses)


def _addresses(manifest: Manifest, did: Did) -> dict[AtUri, str]:
    paths = {str(address): entry_path(entry, manifest) for address, entry in manifest.entries.items()}
    return {AtUri.of(did, path): address for address, path in paths.items() if path is not None}


def _write(sources: list[CatalogSource], folder: Path, samples: int) -> WrittenCatalog:
    with show_progress() as on_progress:
        return write_catalog(sources, folder, samples=samples, find_schema=read_schema, on_progress=on_progress)


def _only(name: str | None, uri: AtUri, source: CatalogSource) -> Published:
    """Return the dataset at a URI, or of the label at it, alone; raises RecordNotFound and Usage."""
    published = source.published
    view = published.find(replace(uri, authority=published.publisher.did))
    if isinstance(view, LabelView):
        view = published.find(AtUri.parse(view.dataset))
    if view is None:
        raise not_published(name, replace(uri, authority=published.publisher.did), source.repository)
    if not isinstance(view, DatasetView):
        raise Usage(f"{uri} is no dataset", hint="atpub show shows records of all kinds")
    return replace(published, datasets=[view])


def _cache_of(source: CatalogSource, uri: AtUri | None) -> Path:
    cache = cache_folder()
    if cache is None:
        raise Usage("there is no home folder for the pages", hint="atpub catalog --out DIR writes them to a folder")
    name = str(uri.path) if uri else ""
    return cache / "catalog" / sha256(f"{source.published.publisher.did}/{name}".encode()).hexdigest()[:16]
