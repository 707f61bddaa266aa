"""`atpub import`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from atpub.cli.connect import TargetOptions, open_repository
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, print_source, style_for, tell, tell_warnings
from atpub.cli.prepare import prepare_plan
from atpub.cli.progress import show_progress, tell_step
from atpub.desired import read_manifest, usual_paths
from atpub.engine.plan.model import Options
from atpub.errors import Usage
from atpub.importing.base import ImportBase, ImportOptions, find_base
from atpub.importing.model import BlobDownload
from atpub.importing.run import ImportHooks, ImportOutcome, import_records
from atpub.importing.take import take_theirs, write_files
from atpub.manifest.load import ManifestSource
from atpub.report.results import imported_json, imported_text
from atpub.report.style import PLAIN
from atpub.report.taken import taken_json, taken_text
from atpub.suggest import size


def run(
    uris: tuple[str, ...],
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    everything: bool,
    take: tuple[str, ...],
    project: str | None,
    out: Path | None,
    overwrite: bool,
    adopt: bool,
    download: bool,
    lexicons: Path | None,
) -> None:
    """Import records, and print their entries or the outcome."""
    if take:
        if uris or everything or project or out or overwrite or adopt or download or lexicons:
            raise Usage("--take edits the manifest that is there", hint="give it without URIs and other options")
        _take(take, manifests, TargetOptions(account, pds, environment), as_json=as_json)
        return
    if overwrite and out is None and not download:
        raise Usage("--overwrite is an option of --out and --download", hint="add --out FILE")
    options = ImportOptions(uris, everything, out, overwrite, adopt, download)
    base = find_base(manifests, environment, project, lexicons, options, (account, pds), environ())
    with show_progress() as on_progress:
        hooks = ImportHooks(tell_warnings, _tell_download, on_progress)
        outcome = import_records(base, options, open_repository, hooks)
    _print_outcome(base, outcome, as_json=as_json)


def _take(addresses: Sequence[str], manifests: tuple[str, ...], target: TargetOptions, *, as_json: bool) -> None:
    """Write the live values of records into the manifest, and print the diff."""
    addresses = tuple(dict.fromkeys(addresses))
    manifest = read_manifest(manifests, target.environment, environ())
    source = ManifestSource(manifests or usual_paths(), environ(), target.environment)
    with prepare_plan(manifest, target, Options(), remember=True) as prepared:
        files = take_theirs(addresses, prepared.plan, source)
    write_files(files)
    if as_json:
        print_json(taken_json(addresses, files))
    else:
        print_data(taken_text(addresses, files, style_for(sys.stdout)))


def _tell_download(blob: BlobDownload, number: int, total: int) -> None:
    tell_step(PLAIN(f"saved {number:>{len(str(total))}}/{total}: {blob.file} ({size(blob.blob.size)})"))


def _print_outcome(base: ImportBase, outcome: ImportOutcome, *, as_json: bool) -> None:
    result, out = outcome.result, outcome.out
    if as_json:
        names = {"project": base.manifest.project, "account": base.target.account, "did": outcome.did}
        print_json(imported_json(result, **names, out=out))
    elif out is not None:
        print_data(imported_text(result, out, style_for(sys.stdout)))
    else:
        tell(imported_text(result, None, style_for(sys.stderr)))
        if result.entries:
            print_source(result.text.removesuffix("\n"))
