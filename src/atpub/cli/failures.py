"""Errors that stop a command, turned into a message, JSON if it was asked for, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from atpub.atproto.data import JsonObject
from atpub.cli.output import is_terminal, print_json, style_for, tell
from atpub.cli.usage import usage
from atpub.errors import AtpubError, InternalError, Interrupted, OSFailure
from atpub.redact import redact
from atpub.report.problems import error_json, error_text, explanation_hint
from atpub.report.style import FAINT, Style


class DetailedError(AtpubError):
    """An error that has more to show than its message and hint."""

    def details_text(self, style: Style) -> str:
        """Return the text to show above the message; may be empty."""
        raise NotImplementedError

    def details_json(self, error: JsonObject) -> JsonObject:
        """Return the JSON of the error, completed with the details."""
        raise NotImplementedError


def report(error: BaseException, args: Sequence[str] = (), *, as_json: bool) -> int:
    """Report an error of a command line with these arguments on stderr, and as JSON on stdout; return the exit code."""
    known = classify(error, args)
    if as_json:
        _print_json(known)
    if isinstance(known, InternalError):
        import traceback  # for one who looks for a fault of atpub

        tell(redact("".join(traceback.format_exception(error))))
    if isinstance(known, DetailedError) and not as_json and (text := known.details_text(style_for(sys.stderr))):
        tell(text)
    tell(error_text(known, style_for(sys.stderr)))
    if is_terminal(sys.stderr) and not as_json and (more := explanation_hint(known)):
        tell(style_for(sys.stderr)(more, FAINT))
    return known.exit_code


def _print_json(error: AtpubError) -> None:
    """Print an error as JSON; tell if stdout cannot be written to, too."""
    try:
        print_json(detailed_json(error))
    except OSFailure as failure:
        tell(error_text(failure, style_for(sys.stderr)))


def detailed_json(error: AtpubError) -> JsonObject:
    """Return an error as JSON, with its details."""
    found = error_json(error)
    return error.details_json(found) if isinstance(error, DetailedError) else found


def classify(error: BaseException, args: Sequence[str] = ()) -> AtpubError:
    """Return the error of atpub's own that an error of a command line with these arguments stands for."""
    match error:
        case AtpubError():
            return error
        case click.UsageError():
            return usage(error, args)
        case click.Abort() | KeyboardInterrupt():
            return Interrupted("interrupted")
        case OSError():
            named = f"{error.filename}: " if error.filename else ""
            return OSFailure(f"{named}{error.strerror or error}", hint="check the path, its permissions and the disk")
        case _:
            hint = "please report it, with the output above"
            return InternalError(f"this is a bug in atpub: {type(error).__name__}: {redact(str(error))}", hint=hint)
