"""`atpub destroy`."""

from __future__ import annotations

import sys

import click

from atpub.cli.options import TargetOptions, json_option, manifest_options, target_options, wait_option


@click.command("destroy")
@manifest_options
@target_options
@json_option
@click.option("--delete-drifted", is_flag=True, help="Delete records that somebody else has changed, too.")
@wait_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    delete_drifted: bool,
    yes: bool,
    wait: bool,
) -> int:
    """Delete everything that the manifest's project owns, published versions included.

    Shows what it is and asks first. Records that the project does not own stay; where one that it owns is protected,
    nothing is deleted.
    """
    # Help does not wait for these.
    from atpub.cli.apply import ask, carry_out, check
    from atpub.cli.output import is_terminal
    from atpub.cli.plans import ready_destruction
    from atpub.errors import Usage
    from atpub.pipeline import read_manifest

    if not (yes or is_terminal(sys.stdin)):
        message = "destroy asks before it deletes anything, and there is no terminal to ask on"
        raise Usage(message, hint="give --yes")
    manifest = read_manifest(manifests, environment)
    target = TargetOptions(account, pds, environment)
    with ready_destruction(manifest, target, delete_drifted=delete_drifted) as ready:
        check(ready.plan, None)
        if ready.plan.pending and not yes:
            ask("Delete this?")
        carry_out(ready, as_json=as_json, wait=wait)
    return 0
