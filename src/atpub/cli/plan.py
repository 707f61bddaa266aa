"""`atpub plan`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from atpub.cli.options import TargetOptions, json_option, locked_option, manifest_options, plan_options, target_options


@click.command("plan")
@manifest_options
@target_options
@plan_options
@locked_option
@json_option
@click.option("--markdown", is_flag=True, help="Print Markdown, for a comment on a pull request.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Save the plan, for `atpub apply FILE`.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there is something to do.")
def command(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    markdown: bool,
    out: Path | None,
    detailed_exitcode: bool,
    reproducible: bool,
    locked: bool,
    **flags: Any,
) -> int:
    """Show what applying a manifest would change.

    Reads the repository, which is public: it needs no credentials, and writes nothing. Exits with 7 where the plan
    holds something that a safety rule forbids.
    """
    # Help does not wait for these.
    from atpub.cli.output import print_data, print_json, style_for
    from atpub.cli.plans import options_of, ready_plan
    from atpub.cli.saved import require_room, save
    from atpub.errors import Refused, Usage
    from atpub.pipeline import read_manifest
    from atpub.report.markdown import plan_markdown
    from atpub.report.plan import plan_json, plan_text

    if as_json and markdown:
        raise Usage("--json and --markdown are two forms of one plan", hint="give one of them")
    if out is not None:
        require_room(out)
    manifest = read_manifest(manifests, environment)
    target = TargetOptions(account, pds, environment)
    options = options_of(flags)
    with ready_plan(manifest, target, options, reproducible=reproducible, locked=locked, remember=True) as ready:
        if out is not None:
            save(ready, out)
        if as_json:
            print_json(plan_json(ready.plan))
        elif markdown:
            print_data(plan_markdown(ready.plan))
        else:
            print_data(plan_text(ready.plan, style_for(sys.stdout)))
        if ready.plan.refusals:
            return Refused.exit_code
        return 2 if detailed_exitcode and ready.plan.pending else 0
