"""`atpub apply`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atpub.cli.options import (
    TargetOptions,
    json_option,
    locked_option,
    manifest_options,
    plan_options,
    target_options,
    wait_option,
)

if TYPE_CHECKING:
    from atpub.cli.plans import Ready
    from atpub.engine.apply import Event
    from atpub.engine.plan.model import Plan


@click.command("apply")
@click.argument("plan_file", type=click.Path(path_type=Path), metavar="[PLAN]", required=False)
@manifest_options
@target_options
@plan_options
@locked_option
@json_option
@wait_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--digest", metavar="SHA256", help="Do not ask if the plan has this digest; stop if it has another.")
def command(
    plan_file: Path | None,
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    yes: bool,
    wait: bool,
    digest: str | None,
    reproducible: bool,
    locked: bool,
    **flags: Any,
) -> int:
    """Make the repository what the manifest says.

    Shows the plan and asks before it does anything. Without a terminal, give a PLAN that `atpub plan --out` has saved,
    the --digest of a plan that was looked at, or --yes. Applying again changes nothing.

    A saved plan is carried out as it is, or not at all: if one of its records or files has changed meanwhile, it is
    stale. With ATPUB_PASSWORD it needs --account or ATPUB_ACCOUNT, which has to be the account that it was made for.

    Ctrl-C lets the request in flight end and says where it stands; a second one stops at once. Either way, applying
    again goes on from there.
    """
    # Help does not wait for these.
    from atpub.cli.output import is_terminal
    from atpub.cli.plans import options_of, ready_plan
    from atpub.cli.saved import load
    from atpub.errors import Usage
    from atpub.pipeline import read_manifest

    target = TargetOptions(account, pds, environment)
    if plan_file is not None:
        if manifests or environment or reproducible or locked or any(flags.values()):
            hint = f"give none of these options: atpub apply {plan_file} --account HANDLE"
            raise Usage("a saved plan is applied as it is", hint=hint)
        preparation = load(plan_file, target)
    elif yes or digest or is_terminal(sys.stdin):
        manifest = read_manifest(manifests, environment)
        preparation = ready_plan(manifest, target, options_of(flags), reproducible=reproducible, locked=locked)
    else:
        message = "apply asks before it changes anything, and there is no terminal to ask on"
        raise Usage(message, hint="give a saved plan, the --digest of a plan that you have looked at, or --yes")
    with preparation as ready:
        check(ready.plan, digest)
        if ready.plan.pending and not (yes or digest or plan_file):
            ask()
        carry_out(ready, as_json=as_json, wait=wait)
    return 0


def check(plan: Plan, digest: str | None) -> None:
    """Show the plan; stop where it is another than expected, or refused."""
    from atpub.cli.failures import RefusedPlan
    from atpub.cli.output import style_for, tell
    from atpub.errors import StalePlan
    from atpub.report.plan import plan_text

    if digest and plan.digest != digest.strip().lower().removeprefix("sha256:"):
        message = f"the plan's digest is {plan.digest} now, not {digest}"
        raise StalePlan(message, hint="look at a new plan, then apply that")
    if plan.pending or plan.refusals:
        tell(plan_text(plan, style_for(sys.stderr)))
    if plan.refusals:
        raise RefusedPlan(plan.refusals)


def ask(question: str = "Apply this?") -> None:
    """Ask on the terminal; raises Declined."""
    from atpub.errors import Declined

    if not click.confirm(f"\n{question}", err=True):
        raise Declined("nothing was applied")


def carry_out(ready: Ready, *, as_json: bool, wait: bool = False) -> None:
    """Apply a plan, telling of its progress, and print what became of it; raises HaltedPlan."""
    from atpub.cli.failures import PartlyAppliedPlan
    from atpub.cli.interrupt import interruptible
    from atpub.cli.output import print_data, print_json, style_for
    from atpub.engine.apply import PartialApplyError
    from atpub.pipeline import apply_plan
    from atpub.report.outcomes import outcomes_json, outcomes_text

    with interruptible(as_json=as_json) as stop:
        try:
            outcomes = apply_plan(
                ready.plan,
                ready.repository,
                ready.sources,
                on_event=_Progress(ready.plan),
                stop=stop,
                wait=stop.wait if wait else None,
            )
        except PartialApplyError as error:
            raise PartlyAppliedPlan(ready.plan, error) from error
    if as_json:
        print_json(outcomes_json(ready.plan, outcomes))
    else:
        print_data(outcomes_text(ready.plan, outcomes, style_for(sys.stdout)))


class _Progress:
    """Tells of each upload and commit."""

    def __init__(self, plan: Plan) -> None:
        self._uploads = len(plan.uploads)
        self._uploaded = 0

    def __call__(self, event: Event) -> None:
        from atpub.cli.output import tell
        from atpub.engine.apply import Uploaded
        from atpub.report.outcomes import committed_text, uploaded_text

        if isinstance(event, Uploaded):
            self._uploaded += 1
            tell(uploaded_text(event.upload, self._uploaded, self._uploads))
        else:
            tell(committed_text(event.head, len(event.changes)))
