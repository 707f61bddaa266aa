"""`atpub import`."""

from __future__ import annotations

import sys
from pathlib import Path

from atpub.cli.connect import TargetOptions, open_repository
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, print_source, style_for, tell, tell_warnings
from atpub.cli.progress import show_progress, tell_step
from atpub.cli.run.take import run as run_take
from atpub.errors import Usage
from atpub.importing.base import ImportBase, ImportOptions, find_base
from atpub.importing.model import BlobDownload
from atpub.importing.run import ImportHooks, ImportOutcome, import_records
from atpub.report.results import imported_json, imported_text
from atpub.report.style import PLAIN
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
        run_take(take, manifests, TargetOptions(account, pds, environment), as_json=as_json)
        return
    options = ImportOptions(uris, everything, out, overwrite, adopt, download)
    base = find_base(manifests, environment, project, lexicons, options, (account, pds), environ())
    with show_progress() as on_progress:
        hooks = ImportHooks(tell_warnings, _tell_download, on_progress)
        outcome = import_records(base, options, open_repository, hooks)
    _print_outcome(base, outcome, as_json=as_json)


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
