"""The `atpub` command: finds the command that is asked for, and turns errors into messages and exit codes."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from atpub.errors import AtpubError

# Help must be quick: a command's module, and all that it imports, is loaded only when it is run.
COMMANDS: Final = {
    "validate": "Check a manifest, its data and its records; needs no network.",
    "plan": "Show what applying a manifest would change; writes nothing.",
    "apply": "Make the repository what the manifest says.",
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
  7    refused: protected, too many deletes, another project's record
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
        command = getattr(import_module(f"atpub.cli.{cmd_name.replace('-', '_')}"), "command")  # noqa: B009
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from atpub.manifest.suggest import suggest

            hint = suggest(args[0], COMMANDS) or "atpub --help lists the commands"
            raise click.UsageError(f"there is no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

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
    sys.exit(run(sys.argv[1:] if args is None else args))


def run(args: list[str]) -> int:
    """Run the command line; gives the exit code."""
    try:
        result = cli.main(args, prog_name="atpub", standalone_mode=False)
    except click.UsageError as error:
        return _usage(error, args)
    except click.exceptions.Exit as stopped:
        return stopped.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("\ninterrupted", err=True)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # or Python complains about it at exit
        return 1
    except Exception as error:
        from atpub.errors import AtpubError

        if not isinstance(error, AtpubError):
            raise
        return _failed(error, args)
    return result if isinstance(result, int) else 0


def _usage(error: click.UsageError, args: list[str]) -> int:
    from atpub.errors import Usage

    if "--json" in args:
        _failed(Usage(error.format_message()), args)
    else:
        error.show()
    return Usage.exit_code


def _failed(error: AtpubError, args: list[str]) -> int:
    from atpub.cli.output import print_json, style_for
    from atpub.report.problems import error_json, error_text

    if "--json" in args:
        print_json(error_json(error))
    click.echo(error_text(error, style_for(sys.stderr)), err=True, color=True)
    return error.exit_code
