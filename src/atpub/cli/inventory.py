"""`atpub inventory verify` and `atpub inventory rebuild`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from atpub.cli.options import TargetOptions, json_option, locked_option, manifest_options, target_options

if TYPE_CHECKING:
    from atpub.target import Target


@click.group("inventory", no_args_is_help=False)
def command() -> None:
    """Check which records the project owns, and put that right.

    A project's inventory is kept in the repository itself. It says which records may be changed and deleted, and what
    they were when they were applied last.
    """


@command.command("verify")
@manifest_options
@target_options
@json_option
@click.option("--project", metavar="NAME", help="The project to look at. [the manifest's]")
def verify_command(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    project: str | None,
) -> int:
    """Check the project's inventory against the live records.

    Finds inventory records that are damaged, listed records that are missing or not as they were applied, and records
    that are listed twice or by two projects; says what else is there. Exits with 5 where there is anything to find.

    Writes nothing, and needs no credentials. With --project and --account, no manifest is needed.
    """
    # Help does not wait for these.
    from contextlib import closing

    from atpub.cli.output import print_data, print_json, style_for
    from atpub.cli.targets import open_repository
    from atpub.engine.audit.verify import verify
    from atpub.errors import Conflict
    from atpub.report.inventory import audit_json, audit_text
    from atpub.repository.snapshot import read_all

    name, where = _target(manifests, environment, project, TargetOptions(account, pds, environment))
    with closing(open_repository(where)) as repository:
        audit = verify(read_all(repository), name)
        if as_json:
            print_json(audit_json(audit, where.account, repository.did))
        else:
            print_data(audit_text(audit, where.account, repository.did, style_for(sys.stdout)))
    return 0 if audit.exact else Conflict.exit_code


def _target(
    manifests: tuple[str, ...], environment: str | None, project: str | None, target: TargetOptions
) -> tuple[str, Target]:
    """The project that is asked about, and where it is."""
    from atpub.cli.targets import find
    from atpub.pipeline import read_manifest, usual_paths

    if project is None or manifests or usual_paths():
        manifest = read_manifest(manifests, environment)
        return project or manifest.project, find(manifest, target)
    return project, find(None, target)


@command.command("rebuild")
@manifest_options
@target_options
@locked_option
@json_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def rebuild_command(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    locked: bool,
    yes: bool,
) -> int:
    """Make the project's inventory anew, from the manifest and the live records.

    What was listed and is there stays listed. What is there as the manifest wants it is listed too, unless another
    project owns it; what is not there is listed no more. Inventory records that are damaged are replaced.

    Shows what it would do and asks first. It changes no record but the inventory's own.
    """
    # Help does not wait for these.
    from contextlib import closing

    from atpub.cli.apply import ask
    from atpub.cli.output import is_terminal, print_data, print_json, style_for, tell
    from atpub.cli.plans import tell_warnings
    from atpub.cli.targets import find, open_repository
    from atpub.engine.apply import write_inventory
    from atpub.engine.audit.rebuild import rebuild
    from atpub.errors import Usage
    from atpub.pipeline import desired_records, measure_data, read_manifest
    from atpub.report.inventory import rebuild_json, rebuild_text, rebuilt_text
    from atpub.repository.snapshot import read_all

    if not (yes or is_terminal(sys.stdin)):
        message = "rebuild asks before it writes anything, and there is no terminal to ask on"
        raise Usage(message, hint="look at `atpub inventory verify`, then give --yes")
    manifest = read_manifest(manifests, environment)
    where = find(manifest, TargetOptions(account, pds, environment))
    facts = measure_data(manifest, locked=locked)
    with closing(open_repository(where)) as repository:
        desired, warnings = desired_records(manifest, facts, repository.did)
        tell_warnings(warnings)
        live = read_all(repository)
        found = rebuild(live, manifest.project, desired)
        if found.writes:
            tell(rebuild_text(found, where.account, repository.did, style_for(sys.stderr)))
        if found.writes and not yes:
            ask("Write this?")
        commits = write_inventory(found.writes, live, repository)
        if as_json:
            print_json(rebuild_json(found, where.account, repository.did, commits))
        elif commits:
            print_data(rebuilt_text(found, commits, style_for(sys.stdout)))
        else:
            print_data(rebuild_text(found, where.account, repository.did, style_for(sys.stdout)))
    return 0
