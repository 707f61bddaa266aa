"""`atpub list` and `atpub show`."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from shutil import get_terminal_size
from typing import Final

from atpub.atproto.syntax import AtUri, Handle
from atpub.cli.connect import TargetOptions, find_manifest, find_target, open_repository
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, style_for, tell
from atpub.cli.prepare import prepare_plan
from atpub.desired import read_manifest
from atpub.engine.desired.model import entry_path
from atpub.engine.plan.model import Options
from atpub.errors import AtpubError, RecordNotFound, Usage
from atpub.manifest.model import Manifest
from atpub.published.build import PUBLISHED, build_published, build_schema
from atpub.published.listing import list_datasets
from atpub.published.model import DatasetView, Published, PublisherView, SchemaView
from atpub.pulling.entries import parse_dataset_uri
from atpub.report.published import list_json, list_text, record_json, unreadable_text, view_json, view_text
from atpub.report.table import UNLIMITED
from atpub.repository.interface import Repository, record_not_found
from atpub.repository.model import LOCAL_DID
from atpub.suggest import short_list, suggest
from atpub.target import Target

_WIDEST: Final = 160


def run_list(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    long: bool,
) -> None:
    """Print the datasets of a manifest's account, or of an account that is named."""
    options = TargetOptions(account, pds, environment)
    manifest = find_manifest(manifests, options)
    if manifest is not None:
        with prepare_plan(manifest, options, Options(), remember=True) as prepared:
            target, repository, changes = prepared.target, prepared.repository, prepared.plan.changes
            published = read_published(target, repository)
    else:
        target, changes = find_target(None, options), None
        with reading(target) as repository:
            published = read_published(target, repository)
    found = list_datasets(published, changes)
    tell_unreadable(published)
    if as_json:
        print_json(list_json(target.account, repository.did, found))
    else:
        width = UNLIMITED if long else _width()
        print_data(list_text(found, width=width, long=long, style=style_for(sys.stdout)))


def run_show(
    name: str,
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    repository: Path | None,
    as_json: bool,
    raw: bool,
) -> None:
    """Print a published record, named by its URI or by its address in the manifest."""
    if as_json and raw:
        raise Usage("--json and --raw exclude each other", hint="give one of them")
    uri, target, _ = find_record(name, manifests, TargetOptions(account, pds, environment), repository)
    with reading(target) as opened:
        uri = replace(uri, authority=opened.did)
        _show(name, uri, opened, target, as_json=as_json, raw=raw)


def _show(name: str, uri: AtUri, repository: Repository, target: Target, *, as_json: bool, raw: bool) -> None:
    published = read_published(target, repository)
    view = published.find(uri)
    if view is None or raw:
        record = repository.get_record(uri.path) if uri.path else None
        if record is None:
            raise not_published(name, uri, repository)
        print_json(record.value if raw else record_json(uri, record))
        return
    if isinstance(view, DatasetView) and view.schema is None:
        view = replace(view, schema=read_schema(view.schema_uri))
    if as_json:
        print_json(view_json(view))
    else:
        print_data(view_text(view, width=_width(), style=style_for(sys.stdout)))


def find_record(
    name: str, manifests: tuple[str, ...], options: TargetOptions, folder: Path | None
) -> tuple[AtUri, Target, Manifest | None]:
    """Return the URI of the record with a URI, or an address in the manifest; its repository; and that manifest.

    The URI's authority may be open. `folder` is that of the local repository of a URI. Raises Usage for options that
    contradict the name.
    """
    require_names(name, manifests, options, folder)
    if name.startswith("at://"):
        uri = parse_dataset_uri(name)
        return uri, Target.of_authority(uri.authority, options.pds, folder, os.environ), None
    manifest = read_manifest(manifests, options.environment, environ())
    return find_uri(name, manifest), find_target(manifest, options), manifest


def not_published(name: str | None, uri: AtUri, repository: Repository) -> RecordNotFound:
    """Return the error of a record that is not there, named by its URI or by its address in the manifest."""
    if uri.path is not None and repository.get_record(uri.path) is not None:
        shown = name or str(uri)
        return RecordNotFound(f"{shown} is no dataset that can be read", hint=f"see the record: atpub show {shown}")
    if name is None or not name.startswith("at://"):
        hint = "publish it with `atpub apply`, or name the account that has it: --account"
        return RecordNotFound(f"{name or 'the dataset'} is not published: there is no record {uri}", hint=hint)
    if uri.path is None:
        return RecordNotFound(f"there is no record {uri}", hint="atpub list shows the datasets of an account")
    return record_not_found(repository, uri.path)


def require_names(name: str | None, manifests: tuple[str, ...], options: TargetOptions, folder: Path | None) -> None:
    """Raise Usage for options that are not about the kind of name: a URI, or an address of the manifest (also None)."""
    if name is not None and name.startswith("at://"):
        if manifests or options.environment or options.account:
            hint = "leave out --account, -m and --env, or give an address of the manifest"
            raise Usage("an at:// URI names its account itself", hint=hint)
    elif folder is not None:
        hint = f"name the account: --account local:{folder}"
        raise Usage("--repository is about at:// URIs", hint=hint)


def find_uri(name: str, manifest: Manifest) -> AtUri:
    """Return the URI of the entry at an address, or with a key that no other entry has; its authority is open."""
    entries = {str(address): item for address, item in manifest.entries.items()}
    found = [address for address in entries if name in (address, address.partition("/")[2])]
    if len(found) != 1:
        why = f"{name!r} is {short_list(found)}" if found else f"the manifest has no entry {name!r}"
        hint = "give the address" if found else suggest(name, entries) or "atpub list shows the addresses"
        raise Usage(why, hint=hint)
    path = entry_path(entries[found[0]], manifest)
    if path is None:
        raise Usage(f"{found[0]} has no record key", hint="run `atpub validate`")
    return AtUri.of(LOCAL_DID, path)


def read_schema(uri: str) -> SchemaView | None:
    """Read the schema of another account; None where it is not there, or breaks its lexicon."""
    found = AtUri.parse(uri)
    with suppress(AtpubError), reading(Target.of_authority(found.authority)) as repository:
        record = repository.get_record(found.path) if found.path else None
        return build_schema(found, record) if record else None
    return None


@contextmanager
def reading(target: Target) -> Generator[Repository]:
    """Open a repository that exists, to read from it."""
    with closing(open_repository(target, remember=True)) as repository:
        target.check_exists(repository)
        yield repository


def read_published(target: Target, repository: Repository) -> Published:
    """Read what an account has published."""
    handle = target.account if Handle.accepts(target.account) else None
    return build_published(PublisherView(repository.did, handle), repository.read(PUBLISHED).records.values())


def tell_unreadable(published: Published) -> None:
    """Show the records that could not be read."""
    for item in published.unreadable:
        tell(unreadable_text(item, style_for(sys.stderr)))


def _width() -> int:
    return min(get_terminal_size().columns, _WIDEST)
