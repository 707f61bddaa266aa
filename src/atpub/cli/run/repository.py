"""`atpub inventory verify`, `atpub inventory rebuild` and `atpub export`."""

from __future__ import annotations

import re
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from atpub.atomic_files import replacing, require_own
from atpub.cli.connect import TargetOptions, find_target, open_repository
from atpub.cli.options import environ
from atpub.cli.output import STANDARD, is_terminal, print_data, print_json, style_for, tell, tell_warnings
from atpub.cli.progress import show_progress
from atpub.cli.run.apply import confirm
from atpub.desired import desired_records, measure_data, read_manifest, usual_paths
from atpub.engine.apply import write_inventory
from atpub.engine.audit.rebuild import rebuild
from atpub.engine.audit.verify import verify
from atpub.errors import Usage
from atpub.report.inventory import audit_json, audit_text, rebuild_json, rebuild_text, rebuilt_text
from atpub.report.style import PLAIN
from atpub.repository.local import LocalRepository
from atpub.repository.snapshot import read_all
from atpub.suggest import size
from atpub.target import Target

_FINDINGS: Final = 2  # an exit code that no error has: the audit was made
_CAR_HEADER: Final = re.compile(rb"(?s).{1,2}\xa2\x65roots")  # the header's length and its first key


def run_verify(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    project: str | None,
) -> int:
    """Print an audit of a project's inventory; return the exit code."""
    name, target = _find_project(manifests, project, TargetOptions(account, pds, environment))
    with closing(open_repository(target)) as repository:
        check = {"check_blobs": repository.check_blobs} if isinstance(repository, LocalRepository) else {}
        audit = verify(read_all(repository), name, **check)
        if as_json:
            print_json(audit_json(audit, target.account, repository.did))
        else:
            print_data(audit_text(audit, target.account, repository.did, style_for(sys.stdout)))
    return 0 if audit.exact else _FINDINGS


def _find_project(manifests: tuple[str, ...], project: str | None, options: TargetOptions) -> tuple[str, Target]:
    """Return the project to verify and its repository."""
    if project is None or manifests or usual_paths():
        manifest = read_manifest(manifests, options.environment, environ())
        return project or manifest.project, find_target(manifest, options)
    return project, find_target(None, options)


def run_rebuild(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    locked: bool,
    yes: bool,
) -> None:
    """Show the rebuilt inventory, ask for confirmation, and write it."""
    if not (yes or is_terminal(sys.stdin)):
        message = "rebuild asks for confirmation, and there is no terminal to ask on"
        raise Usage(message, hint="run `atpub inventory verify`, then give --yes")
    manifest = read_manifest(manifests, environment, environ())
    target = find_target(manifest, TargetOptions(account, pds, environment))
    with show_progress() as on_progress:
        facts = measure_data(manifest, locked=locked, on_progress=on_progress)
    with closing(open_repository(target)) as repository:
        desired, warnings = desired_records(manifest, facts, repository.did)
        tell_warnings(warnings)
        live = read_all(repository)
        found = rebuild(live, manifest.project, desired)
        names = target.account, repository.did
        if found.writes:
            tell(rebuild_text(found, *names, style_for(sys.stderr)))
        if found.writes and not yes:
            confirm("Write this?")
        commits = write_inventory(found.writes, live, repository)
        if as_json:
            print_json(rebuild_json(found, *names, commits))
        elif commits:
            print_data(rebuilt_text(found, commits, style_for(sys.stdout)))
        else:
            print_data(rebuild_text(found, *names, style_for(sys.stdout)))


def run_export(
    name: str | None,
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    repository: Path | None,
    car: Path | None,
    format_name: str | None,
    out: Path | None,
    overwrite: bool,
) -> None:
    """Write a repository to a CAR file, or the metadata of a dataset to a file or stdout."""
    if (car is None) == (format_name is None):
        raise Usage("give either --car or --format", hint="--car is for a whole repository, --format for a dataset")
    options = TargetOptions(account, pds, environment)
    if car is not None:
        if car == STANDARD:
            raise Usage("a CAR file is not written to stdout", hint="name a file: --car repository.car")
        if name or out or overwrite or repository:
            raise Usage("--car exports a whole repository, to its own FILE", hint="leave out what goes with --format")
        _export_car(car, manifests, options)
    elif format_name is not None:
        from atpub.cli.run.metadata import export_metadata

        export_metadata(format_name, name, manifests, options, repository, out, overwrite=overwrite)


def _export_car(file: Path, manifests: tuple[str, ...], options: TargetOptions) -> None:
    require_own(file, "a CAR file", _CAR_HEADER)
    target = find_target(read_manifest(manifests, options.environment, environ()), options)
    with closing(open_repository(target)) as repository:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as stream:
            repository.export_car(stream)
    print_data(PLAIN(f"{file}: {size(file.stat().st_size)}, the repository of {repository.did}."))
