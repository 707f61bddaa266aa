"""Whatever stops a command, turned into a message, JSON where it was asked for, and an exit code."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from atpub.cli.main import COMMANDS, NoSuchCommand
from atpub.cli.output import print_json, style_for, tell
from atpub.errors import AtpubError, Refused, Usage
from atpub.lexicon.data import JsonObject
from atpub.manifest.suggest import suggest
from atpub.report.problems import error_json, error_text

if TYPE_CHECKING:
    from atpub.planning.model import Refusal

_EXTRA: Final = re.compile(r"Got unexpected extra arguments? \((.+)\)")


class Interrupted(AtpubError):
    """The user stopped it."""

    code = "interrupted"
    exit_code = 130


class Declined(AtpubError):
    """The user looked at the plan and said no."""

    code = "declined"
    exit_code = 130


class RefusedPlan(Refused):
    """The plan, which was shown, holds what a safety rule forbids."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        said = "the refusal" if len(refusals) == 1 else f"the {len(refusals)} refusals"
        super().__init__("nothing was applied", hint=f"look into {said} above")
        self.refusals = refusals


class SystemFailed(AtpubError):
    """The operating system refuses: no permission, no space, no such folder."""

    code = "system-error"


class Bug(AtpubError):
    """Something that atpub does not expect."""

    code = "internal-error"


def report(error: BaseException, *, as_json: bool) -> int:
    """Say what happened, on stderr and as JSON on stdout; gives the exit code."""
    known = _known(error)
    if as_json:
        print_json(_json(known))
    if isinstance(known, Bug):
        tell("".join(traceback.format_exception(error)))
    tell(error_text(known, style_for(sys.stderr)))
    return known.exit_code


def _json(error: AtpubError) -> JsonObject:
    found = error_json(error)
    if isinstance(error, RefusedPlan):
        from atpub.planning.document import refusal_json

        found["refusals"] = [refusal_json(refusal) for refusal in error.refusals]
    return found


def _known(error: BaseException) -> AtpubError:
    match error:
        case AtpubError():
            return error
        case click.UsageError():
            return _usage(error)
        case click.Abort() | KeyboardInterrupt():
            return Interrupted("interrupted")
        case OSError():
            named = f"{error.filename}: " if error.filename else ""
            return SystemFailed(
                f"{named}{error.strerror or error}", hint="check the path, its permissions and the disk"
            )
        case _:
            hint = "please report it, with what is shown above"
            return Bug(f"this is a bug in atpub: {type(error).__name__}: {error}", hint=hint)


def _usage(error: click.UsageError) -> Usage:
    """A usage error in our own words: click's change from version to version."""
    help_command = f"{error.ctx.command_path if error.ctx else 'atpub'} --help"
    match error:
        case NoSuchCommand(name=name):
            return Usage(error.message, hint=suggest(name, COMMANDS) or f"{help_command} lists the commands")
        case click.NoSuchOption(option_name=name):
            options = [text for item in error.ctx.command.params for text in item.opts] if error.ctx else []
            return Usage(
                f"there is no option {name}", hint=suggest(name, options) or f"{help_command} lists the options"
            )
        case _:
            message = error.format_message().rstrip(".")
            hint = f"{help_command} says how to use it"
            extra = _EXTRA.match(message)
            if extra and error.ctx and any(item.name == "manifests" for item in error.ctx.command.params):
                hint = f"name a manifest with -m: {error.ctx.command_path} -m {extra[1].replace(' ', ' -m ')}"
            return Usage(message[:1].lower() + message[1:], hint=hint)
