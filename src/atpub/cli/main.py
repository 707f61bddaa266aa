"""The `atpub` command: finds the command that is asked for, and turns errors into messages and exit codes."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from importlib import import_module
from keyword import iskeyword
from typing import Final

import click

# Help must be quick: a command's module, and all that it imports, is loaded only when it is run.
COMMANDS: Final = {
    "validate": "Check a manifest, its data and its records; needs no network.",
    "plan": "Show what applying a manifest would change; writes nothing.",
    "apply": "Make the repository what the manifest says.",
    "lock": "Write down what the data is (atpub.lock), so that plan can do without it.",
    "import": "Write manifest entries for records that are live already.",
    "inventory": "Check which records the project owns, and put that right.",
    "login": "Log in to an account's server, and keep the session.",
    "logout": "End the session that login has opened.",
    "whoami": "Show the account, its server, and how a run would log in.",
    "export": "Write the account's repository to a CAR file.",
    "destroy": "Delete everything that the manifest's project owns.",
    "generate": "Turn Lexicon JSON into typed Python classes.",
    "manifest-schema": "Print the JSON Schema of a manifest.",
}

_EPILOG = """\b
Exit codes:
  0    done, or nothing to do
  1    error
  2    changes are pending (plan --detailed-exitcode)
  3    the manifest or a lexicon is invalid
  4    authentication failed
  5    the plan is stale, or somebody else was first
  6    partly applied: run again
  7    refused: protected, too many deletes, another project or identity
  8    rate-limited: run again after the time named
  64   wrong usage
  130  interrupted"""


class _Lazy(click.Group):
    """A group that loads a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = import_module(f"atpub.cli.{name}_command" if iskeyword(name) else f"atpub.cli.{name}")
        command: object = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="atpub", message="%(prog)s %(version)s")
def cli() -> None:
    """Publish datasets to the AT Protocol from YAML manifests.

    Write a manifest, look at the plan, apply it: what is published is then what the manifest says, and applying it
    again changes nothing.
    """


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(500_000)  # what a run makes it mostly keeps: looking for garbage often is a tenth of its time
    warnings.formatwarning = _warning
    code = run(sys.argv[1:] if args is None else args)
    gc.freeze()  # nor is there any use in looking through all of it at the end
    sys.exit(code)


def _warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning as people are told it, without the line of code that gave it."""
    del category, filename, lineno, line
    return f"warning: {message}\n"


def run(args: list[str]) -> int:
    """Run the command line; gives the exit code."""
    try:
        return _run(args)
    except BrokenPipeError:
        _close_stdout()
        return 1


def _run(args: list[str]) -> int:
    if not args:
        click.echo(cli.get_help(cli.make_context("atpub", [], resilient_parsing=True)), err=True)
        return 64
    try:
        result = cli.main(args, prog_name="atpub", standalone_mode=False)
    except click.exceptions.Exit as stopped:
        return stopped.exit_code
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        from atpub.cli.failures import report

        return report(error, args, as_json="--json" in args)
    return result if isinstance(result, int) else 0


def _close_stdout() -> None:
    """Let Python's last flush go nowhere: who read stdout has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
