"""Whatever stops a command, turned into a message, JSON where it was asked for, and an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from atpub.atproto.data import JsonObject
from atpub.atproto.xrpc.redact import redacted
from atpub.cli.output import print_json, style_for, tell
from atpub.errors import AtpubError, InternalError, Interrupted, OSFailure, PartlyApplied, Refused
from atpub.report.problems import error_json, error_text

if TYPE_CHECKING:
    from atpub.engine.apply import PartialApplyError
    from atpub.engine.plan.model import Plan, Refusal


class RefusedPlan(Refused):
    """The plan, which was shown, holds what a safety rule forbids."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        said = "the refusal" if len(refusals) == 1 else f"the {len(refusals)} refusals"
        super().__init__("nothing was applied", hint=f"look into {said} above")
        self.refusals = refusals


class PartlyAppliedPlan(PartlyApplied):
    """Some of the plan was applied, and then it halted."""

    def __init__(self, plan: Plan, halted: PartialApplyError) -> None:
        super().__init__(halted.message, hint=halted.hint)
        self.plan, self.outcomes = plan, halted.outcomes
        self.code, self.exit_code = halted.code, halted.exit_code


def report(error: BaseException, args: Sequence[str] = (), *, as_json: bool) -> int:
    """Say what stopped a command line of these arguments, on stderr and as JSON on stdout; gives the exit code."""
    known = _known(error, args)
    if as_json:
        print_json(_json(known))
    if isinstance(known, InternalError):
        tell(redacted("".join(traceback.format_exception(error))))
    if isinstance(known, PartlyAppliedPlan) and not as_json:
        from atpub.report.outcomes import halted_text

        tell(halted_text(known.outcomes, style_for(sys.stderr)))
    tell(error_text(known, style_for(sys.stderr)))
    return known.exit_code


def _json(error: AtpubError) -> JsonObject:
    found = error_json(error)
    if isinstance(error, PartlyAppliedPlan):
        from atpub.report.outcomes import outcomes_json

        return {**outcomes_json(error.plan, error.outcomes), **found}
    if isinstance(error, RefusedPlan):
        from atpub.engine.plan.serialize import refusal_json

        found["refusals"] = [refusal_json(refusal) for refusal in error.refusals]
    return found


def _known(error: BaseException, args: Sequence[str]) -> AtpubError:
    match error:
        case AtpubError():
            return error
        case click.UsageError():
            from atpub.cli.usage import usage

            return usage(error, args)
        case click.Abort() | KeyboardInterrupt():
            return Interrupted("interrupted")
        case OSError():
            named = f"{error.filename}: " if error.filename else ""
            return OSFailure(f"{named}{error.strerror or error}", hint="check the path, its permissions and the disk")
        case _:
            hint = "please report it, with what is shown above"
            return InternalError(f"this is a bug in atpub: {type(error).__name__}: {redacted(str(error))}", hint=hint)
