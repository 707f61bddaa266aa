"""The entry point: run the command line, and turn errors into messages and exit codes."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from contextlib import suppress
from contextvars import copy_context
from itertools import pairwise

import click

from atpub.cli.commands import cli
from atpub.cli.options import COMPLETE, SHOWS_LOGS, load
from atpub.cli.streams import (
    catch_stop_signals,
    discard,
    flush_stdout,
    ignoring_stop_signals,
    open_closed_stdout,
)


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    warnings.formatwarning = _warning
    SHOWS_LOGS.set(True)
    open_closed_stdout()
    catch_stop_signals()
    code = run(sys.argv[1:] if args is None else args)
    gc.freeze()  # a last collection at exit would be useless
    sys.exit(code)


def _warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Format a warning without the line of code that issued it."""
    del category, filename, lineno, line
    text: str = load("atpub.report.escape:escape_terminal")(f"warning: {message}")
    return f"{text}\n"


def run(args: list[str]) -> int:
    """Run the command line; return the exit code."""
    try:
        return _flush(copy_context().run(_run, args))
    except BrokenPipeError:  # the reader, such as `head`, has what it wants
        discard(sys.stdout)
        return 1


def _flush(exit_code: int) -> int:
    """Flush stdout; return the exit code, or 1 for 0 where that fails."""
    try:
        flush_stdout()
    except BrokenPipeError:
        raise
    except OSError:  # the failed write is reported; this was left in the buffer
        return exit_code or 1
    return exit_code


def _run(args: list[str]) -> int:
    if not args and COMPLETE not in os.environ:
        with suppress(OSError):
            click.echo(cli.get_help(cli.make_context("atpub", [], resilient_parsing=True)), err=True)
        return 64
    try:
        result = cli.main(args, prog_name="atpub", complete_var=COMPLETE, standalone_mode=False)
    except click.exceptions.Exit as stopped:
        return stopped.exit_code
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        with ignoring_stop_signals():
            code: int = load("atpub.cli.failures:report")(error, args, as_json=_asks_for_json(args))
        return code
    return result if isinstance(result, int) else 0


def _asks_for_json(args: list[str]) -> bool:
    """Return whether a command line, which may have errors, asks for JSON: by `--json`, or by `--format json`."""
    return "--json" in args or "--format=json" in args or ("--format", "json") in pairwise(args)
