"""`atpub apply`."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Any

import click

from atpub.apply import Committed, Event, Uploaded, apply_plan
from atpub.cli.output import print_data, print_json, style_for, tell
from atpub.cli.prepare import (
    Prepared,
    Target,
    manifest_options,
    options_of,
    plan_options,
    prepare,
    read_manifest,
    target_options,
)
from atpub.errors import StalePlan, Usage
from atpub.report.outcomes import outcomes_json, outcomes_text
from atpub.report.plan import plan_text
from atpub.report.style import counted, size


@click.command("apply")
@manifest_options
@target_options
@plan_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--digest", metavar="SHA256", help="Do not ask if the plan has this digest; stop if it has another.")
def command(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    yes: bool,
    digest: str | None,
    reproducible: bool,
    **flags: Any,
) -> int:
    """Make the repository what the manifest says.

    Shows the plan and asks before it does anything. Without a terminal, give --yes, or the --digest of a plan that was
    looked at. Applying again changes nothing.
    """
    if not (yes or digest or sys.stdin.isatty()):
        raise Usage("apply asks before it changes anything, and there is no terminal", hint="give --yes or --digest")
    manifest = read_manifest(manifests, environment)
    prepared = prepare(manifest, Target(account, pds, environment), options_of(flags), reproducible=reproducible)
    with closing(prepared.repository):
        plan = prepared.plan
        if digest and plan.digest != digest.removeprefix("sha256:"):
            message = f"the plan's digest is {plan.digest} now, not {digest}"
            raise StalePlan(message, hint="look at a new plan, then apply that")
        if plan.pending:
            tell(plan_text(plan, style_for(sys.stderr)))
            if not (yes or digest or plan.refusals):
                click.confirm("\nApply this?", abort=True, err=True)
        _carry_out(prepared, as_json=as_json)
    return 0


def _carry_out(prepared: Prepared, *, as_json: bool) -> None:
    outcomes = apply_plan(prepared.plan, prepared.repository, prepared.facts.sources, on_event=_Progress(prepared))
    if as_json:
        print_json(outcomes_json(prepared.plan, outcomes))
    else:
        print_data(outcomes_text(prepared.plan, outcomes, style_for(sys.stdout)))


class _Progress:
    """Tells of each upload and commit."""

    def __init__(self, prepared: Prepared) -> None:
        self._uploads = len(prepared.plan.uploads)
        self._uploaded = 0

    def __call__(self, event: Event) -> None:
        match event:
            case Uploaded(upload=upload):
                self._uploaded += 1
                tell(f"uploaded {self._uploaded}/{self._uploads}: {upload.file.name} ({size(upload.size)})")
            case Committed(head=head, changes=changes):
                tell(f"committed {counted(len(changes), 'change')} as {head.rev}")
