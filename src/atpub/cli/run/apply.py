"""`atpub apply` and `atpub destroy`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import click

from atpub.agents.approvals import parse_digest
from atpub.atproto.data import JsonObject
from atpub.cli.connect import TargetOptions, applied_records, open_journal
from atpub.cli.failures import DetailedError
from atpub.cli.interrupt import interruptible
from atpub.cli.options import environ, is_for_people, is_quiet
from atpub.cli.output import is_terminal, print_data, print_json, style_for, tell, tell_warnings
from atpub.cli.prepare import PreparedPlan, options_of, prepare_destruction, prepare_plan, with_publishers
from atpub.cli.progress import show_progress, tell_step
from atpub.cli.saved import load
from atpub.cli.streams import undisturbed
from atpub.desired import read_manifest
from atpub.engine.apply import Committed, PartialApplyError, apply_plan
from atpub.engine.plan.model import Outcome, Plan, Refusal
from atpub.engine.plan.serialize import refusal_json
from atpub.errors import Declined, Interrupted, PartlyApplied, Refused, StalePlan, Usage
from atpub.history.record import ApplyRecord
from atpub.progress import Completed, OnProgress, Progress, Started
from atpub.report.outcomes import committed_text, halted_text, outcomes_json, outcomes_text, reading_text, uploaded_text
from atpub.report.plan import plan_text
from atpub.report.style import Style
from atpub.target import FOLDER, Target


class RefusedPlan(DetailedError, Refused):
    """A plan, already shown, that holds changes which a safety rule forbids."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        which = "the refusal" if len(refusals) == 1 else f"the {len(refusals)} refusals"
        super().__init__("nothing was applied", hint=f"resolve {which} above")
        self.refusals = refusals

    def details_text(self, style: Style) -> str:
        """Return nothing: the plan was shown with its refusals."""
        del style
        return ""

    def details_json(self, error: JsonObject) -> JsonObject:
        """Add the refusals."""
        return {**error, "refusals": [refusal_json(refusal) for refusal in self.refusals]}


class PartlyAppliedPlan(DetailedError, PartlyApplied):
    """A plan of which some changes were applied before an error."""

    def __init__(self, plan: Plan, error: PartialApplyError) -> None:
        super().__init__(error.message, hint=error.hint)
        self.plan, self.outcomes = plan, error.outcomes
        self.code, self.exit_code = error.code, error.exit_code

    def details_text(self, style: Style) -> str:
        """Return what was applied and what was not."""
        return halted_text(self.outcomes, style)

    def details_json(self, error: JsonObject) -> JsonObject:
        """Add the outcomes."""
        return {**outcomes_json(self.plan, self.outcomes), **error}


def run(
    plan_file: Path | None,
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    long: bool,
    yes: bool,
    wait: bool,
    digest: str | None,
    reproducible: bool,
    locked: bool,
    samples: int | None,
    no_history: bool,
    **flags: Any,
) -> None:
    """Show a plan, ask for confirmation, and apply it."""
    target = TargetOptions(account, pds, environment)
    digest = digest and parse_digest(digest)
    if plan_file is not None:
        if manifests or environment or reproducible or locked or samples != 1 or any(flags.values()):
            hint = f"give none of these options: atpub apply {plan_file} --account HANDLE"
            raise Usage("a saved plan is applied unchanged", hint=hint)
        preparation: AbstractContextManager[PreparedPlan] = load(plan_file, target, has_digest=bool(digest))
    elif yes or digest or is_terminal(sys.stdin):
        manifest = read_manifest(manifests, environment, environ())
        preparation = prepare_plan(
            manifest, target, options_of(flags), reproducible=reproducible, locked=locked, samples=samples
        )
    else:
        message = "apply asks for confirmation, and there is no terminal to ask on"
        raise Usage(message, hint="give a saved plan, the --digest of a reviewed plan, or --yes")
    with preparation as made:
        prepared = with_publishers(made)
        check(prepared, digest, is_long=long)
        asks = prepared.plan.pending and not (yes or digest or plan_file)
        if asks:
            confirm("Apply this?")
        outcomes = carry_out(prepared, as_json=as_json, wait=wait, is_new=not asks, has_history=not no_history)
        if plan_file is None and is_for_people():
            _tell_readers(outcomes, target.repeat(manifests), prepared.target)


def _tell_readers(outcomes: Sequence[Outcome], options: Sequence[str], target: Target) -> None:
    """Show how to read what was published; only from the current folder, readers find a repository by its DID alone."""
    folder = None if target.folder is None or target.folder.absolute() == FOLDER.absolute() else target.folder
    if text := reading_text(outcomes, options, folder):
        tell(text)


def run_destroy(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    delete_drifted: bool,
    yes: bool,
    wait: bool,
    no_history: bool,
) -> None:
    """Show the records that a project owns, ask for confirmation, and delete them."""
    if not (yes or is_terminal(sys.stdin)):
        message = "destroy asks for confirmation, and there is no terminal to ask on"
        raise Usage(message, hint="give --yes")
    manifest = read_manifest(manifests, environment, environ())
    target = TargetOptions(account, pds, environment)
    with prepare_destruction(manifest, target, delete_drifted=delete_drifted) as prepared:
        check(prepared)
        asks = prepared.plan.pending and not yes
        if asks:
            confirm("Delete this?")
        carry_out(prepared, as_json=as_json, wait=wait, is_new=not asks, has_history=not no_history)


def check(prepared: PreparedPlan, digest: str | None = None, *, is_long: bool = False) -> None:
    """Show a plan, and check that it may be applied.

    Raises StalePlan if it has another digest, RefusedPlan if it has refusals, and InsufficientScope if the stored login
    does not permit what it does.
    """
    plan = prepared.plan
    if digest and plan.digest != digest.strip().lower().removeprefix("sha256:"):
        message = f"the plan's digest is {plan.digest} now, not {digest}"
        raise StalePlan(message, hint="review a new plan, then apply that")
    if plan.pending or plan.refusals:
        tell(plan_text(plan, style_for(sys.stderr, is_long=is_long)))
    if plan.refusals:
        raise RefusedPlan(plan.refusals)
    require_login(prepared)


def require_login(prepared: PreparedPlan) -> None:
    """Raise InsufficientScope if the stored login does not permit what a plan does, before anything is sent."""
    if not prepared.plan.pending or prepared.target.folder is not None:
        return
    from atpub.login.permissions import require_permission  # httpx
    from atpub.repository.pds import PdsRepository

    assert isinstance(prepared.repository, PdsRepository)
    require_permission(prepared.plan, prepared.repository, prepared.target.account)


def confirm(question: str) -> None:
    """Ask on the terminal; raises Declined, and Interrupted for Ctrl-C and the end of input."""
    try:
        with undisturbed():
            agreed = click.confirm(f"\n{question}", err=True)
    except click.Abort:
        tell("")  # the cursor stands after the question
        raise Interrupted("interrupted") from None
    if not agreed:
        raise Declined("nothing was applied")


def carry_out(
    prepared: PreparedPlan, *, as_json: bool, wait: bool, is_new: bool, has_history: bool
) -> Sequence[Outcome]:
    """Apply a plan, show its progress, and print and return its outcomes; raises PartlyAppliedPlan.

    A plan that `is_new` was made just now: no time has passed for an answer.
    """
    plan, outcomes = (
        prepared.plan,
        apply_prepared(prepared, as_json=as_json, wait=wait, is_new=is_new, has_history=has_history),
    )
    if as_json:
        print_json(outcomes_json(plan, outcomes))
    else:
        print_data(outcomes_text(plan, outcomes, style_for(sys.stdout)))
    return outcomes


def apply_prepared(
    prepared: PreparedPlan,
    *,
    as_json: bool,
    wait: bool,
    is_new: bool,
    has_history: bool = True,
    undoes: str | None = None,
) -> Sequence[Outcome]:
    """Apply a plan, show its progress, and return its outcomes; raises PartlyAppliedPlan.

    What it replaces is kept in the history first; `undoes` names the apply that it undoes.
    """
    plan = prepared.plan
    with interruptible(as_json=as_json) as stop, show_progress() as on_progress:
        apply = partial(
            apply_plan,
            plan,
            prepared.repository,
            prepared.sources,
            on_commit=_record_commit,
            on_progress=on_progress if is_quiet() else _UploadLines(on_progress),
            stop=stop,
            wait=stop.wait if wait else None,
            journal=open_journal(prepared.target, prepared.repository),
            is_new=is_new,
        )
        try:
            if not has_history:
                return apply()
            return ApplyRecord(plan, prepared.sources, prepared.base, tell_warnings, undoes).keep(apply)
        except PartialApplyError as error:
            raise PartlyAppliedPlan(plan, error) from error


def _record_commit(event: Committed) -> None:
    applied_records().add(event.records)
    tell_step(committed_text(event.head, event.changes))


class _UploadLines:
    """A line for each upload, beside the display of progress."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._uploads = self._uploaded = 0

    def __call__(self, progress: Progress) -> None:
        self._on_progress(progress)
        match progress:
            case Started(files=files):
                self._uploads = files
            case Completed():
                self._uploaded += 1
                tell(uploaded_text(progress, self._uploaded, max(self._uploads, self._uploaded)))
            case _:
                pass
