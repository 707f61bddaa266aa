"""The options that commands share, and the loading of what runs them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import update_wrapper
from importlib import import_module
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

COMPLETE: Final = "_ATPUB_COMPLETE"
"""The variable by which a shell asks for completions."""

COLOUR: ContextVar[str] = ContextVar("COLOUR", default="auto")
"""What `--color` says; errors are shown when click's context has gone."""
VERBOSE: ContextVar[bool] = ContextVar("VERBOSE", default=False)
"""Whether `--verbose` is given."""
SHOWS_LOGS: ContextVar[bool] = ContextVar("SHOWS_LOGS", default=False)
"""Whether what is logged is shown: where the process is the command's own."""

_VARIABLES: Final = "atpub.variables"
_QUIET: Final = "atpub.quiet"
_QUIET_HELP: Final = "Show no progress."


def load(runner: str) -> Callable[..., Any]:
    """Import a function named as `module:function`."""
    module, _, name = runner.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def run_by(runner: str, *, is_offline: bool = False) -> Callable[[Callable[[], None]], Callable[..., Any]]:
    """Let a function, named as `module:function`, run a command; it is loaded when the command is run.

    One that is offline sends no requests, so that there is nothing to log.

    The decorated function contributes its name and docstring, which is the command's help.
    """

    def decorate(declaration: Callable[[], None]) -> Callable[..., Any]:
        def run(**values: Any) -> Any:
            if not is_offline:
                load("atpub.cli.logs:start_logs")()
            return load(runner)(**values)

        return update_wrapper(run, declaration)

    return decorate


def complete_by(name: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return the completion of a value by a function of `atpub.cli.completion`."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        found: list[str] = load(f"atpub.cli.completion:{name}")(ctx, parameter, incomplete)
        return found

    return complete


ADDRESS: Final = complete_by("complete_address")


def environ() -> Mapping[str, str]:
    """Return the process's environment, with the variables that `--var` declares for the manifest."""
    from atpub.text.interpolate import declare_variables

    context = click.get_current_context(silent=True)
    declared: tuple[str, ...] = context.meta.get(_VARIABLES, ()) if context else ()
    return declare_variables(os.environ, declared)


def _remember_variables(context: click.Context, _: click.Parameter, declared: tuple[str, ...]) -> None:
    context.meta[_VARIABLES] = declared


def manifest_options(command: F) -> F:
    """Give a command `-m`, `--env` and `--var`."""
    for option in (
        click.option(
            "--var",
            metavar="NAME[=VALUE]",
            multiple=True,
            expose_value=False,
            callback=_remember_variables,
            help="A variable that the manifest may use as ${NAME}. [ATPUB_VARS]",
        ),
        click.option(
            "--env",
            "environment",
            metavar="NAME",
            help="One of the manifest's environments.",
            shell_complete=complete_by("complete_environment"),
        ),
        click.option(
            "-m",
            "--manifest",
            "manifests",
            metavar="PATH",
            multiple=True,
            help="A manifest file, a folder of them, or - for stdin. [default: ./atpub.yaml, else ./manifests/]",
        ),
    ):
        command = option(command)
    return command


def target_options(command: F) -> F:
    """Give a command `--account` and `--pds`."""
    for option in (
        click.option("--pds", metavar="URL", help="The account's PDS, instead of looking it up. [ATPUB_PDS]"),
        click.option(
            "--account", metavar="ACCOUNT", help="A handle, a DID, local, or local:PATH. [ATPUB_ACCOUNT, the manifest]"
        ),
    ):
        command = option(command)
    return command


def plan_options(command: F) -> F:
    """Give a command the options that select entries and relax safety rules."""
    for option in (
        click.option("--reproducible", is_flag=True, help="Take the current time from SOURCE_DATE_EPOCH."),
        click.option(
            "--exclude",
            metavar="ADDRESS",
            multiple=True,
            shell_complete=ADDRESS,
            help="Without this entry and those that need it.",
        ),
        click.option(
            "--only",
            metavar="ADDRESS",
            multiple=True,
            shell_complete=ADDRESS,
            help="Only this entry (datasets/digits, labels/*), and those that it needs.",
        ),
        click.option(
            "--forget",
            metavar="ADDRESS",
            multiple=True,
            shell_complete=ADDRESS,
            help="Stop owning a record; leave it published.",
        ),
        click.option("--allow-breaking", is_flag=True, help="Allow changes of lexicons that break others."),
        click.option("--allow-replace-all", is_flag=True, help="Allow a plan that replaces all records."),
        click.option("--prune-versions", is_flag=True, help="Delete schema and label versions gone from the manifest."),
        click.option("--delete-drifted", is_flag=True, help="Delete records modified outside this project."),
    ):
        command = option(command)
    return command


def locked_option(command: F) -> F:
    """Give a command `--locked`."""
    return click.option("--locked", is_flag=True, help="Fail if data differs from atpub.lock.")(command)


def wait_option(command: F) -> F:
    """Give a command `--wait`."""
    return click.option("--wait", is_flag=True, help="Wait when the server's rate limit is exhausted.")(command)


def format_option(*others: str, subject: str) -> Callable[[F], F]:
    """Return the options `--format` and `--json` of a command that prints text, JSON and other formats."""

    def add(command: F) -> F:
        choice = click.Choice(["text", "json", *others])
        return click.option("--format", "form", type=choice, help=f"The format of {subject}. [default: text]")(
            json_option(command)
        )

    return add


def json_option(command: F) -> F:
    """Give a command `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def display_options(*, hidden: bool) -> list[click.Option]:
    """Return the options about output, which stand before or after the name of a command."""
    return [
        click.Option(
            ["--color", "colour"],
            type=click.Choice(["auto", "always", "never"]),
            expose_value=False,
            callback=_set_colour,
            hidden=hidden,
            metavar="WHEN",
            help="Colours: auto, always or never. [NO_COLOR, FORCE_COLOR]",
        ),
        click.Option(
            ["-v", "--verbose"],
            is_flag=True,
            expose_value=False,
            callback=_set_verbose,
            hidden=hidden,
            help="Shorten nothing; show requests, too.",
        ),
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            callback=_set_quiet,
            hidden=hidden,
            help=_QUIET_HELP,
        ),
    ]


def _set_colour(_context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value:
        COLOUR.set(value)


def _set_verbose(_context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        VERBOSE.set(True)


def quiet_option(command: F) -> F:
    """Give a command `--quiet`, which `is_quiet` reads, where its help shows it."""
    return click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_set_quiet, help=_QUIET_HELP)(
        command
    )


def _set_quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.meta[_QUIET] = True


def silence() -> None:
    """Let the command that runs be quiet, as with `--quiet`."""
    click.get_current_context().meta[_QUIET] = True


def is_quiet() -> bool:
    """Return whether `--quiet` is given; to be asked in the thread that runs the command."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))


def is_for_people() -> bool:
    """Return whether the command may draw progress and suggest commands: without `--quiet` and `--json`."""
    context = click.get_current_context(silent=True)
    return not (is_quiet() or (context and context.params.get("as_json")))


def history_option(command: F) -> F:
    """Give a command `--no-history`."""
    return click.option("--no-history", is_flag=True, help="Keep no record of this apply for `atpub undo`.")(command)


def yes_option(command: F) -> F:
    """Give a command `--yes`."""
    return click.option("--yes", is_flag=True, help="Do not ask for confirmation.")(command)


def _count_samples(_context: click.Context, _option: click.Parameter, value: str) -> int | None:
    """Return a number of samples; None for `all`."""
    if value != "all" and not (value.isascii() and value.isdecimal() and int(value)):
        raise click.BadParameter(f"{value!r} is neither a number of samples nor `all`")
    return None if value == "all" else int(value)


_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?(?:([kmgt])(i?)b|b?)", re.ASCII | re.IGNORECASE)


def _parse_size(_context: click.Context, _option: click.Parameter, value: str) -> int:
    """Return a number of bytes: `5MB` is 5,000,000 and `5MiB` is 5,242,880."""
    from fractions import Fraction  # few commands need it

    if found := _SIZE.fullmatch(value.strip()):
        power = "kmgt".index(found[2].lower()) + 1 if found[2] else 0
        if size := int(Fraction(found[1]) * (1024 if found[3] else 1000) ** power):
            return size
    raise click.BadParameter(f"{value!r} is no size: write 5MB, 1.5GB, 50MiB, or a number of bytes")


def executor_option(command: F) -> F:
    """Give a command `--executor`."""
    return click.option(
        "--executor",
        metavar="EXECUTOR",
        default="threads",
        help="Where shards are read: threads, dask://HOST:PORT, or module:factory. [default: threads]",
    )(command)


def size_option(name: str, **settings: Any) -> Callable[[F], F]:
    """Give a command an option for a number of bytes, with units or without."""
    return click.option(name, metavar="SIZE", callback=_parse_size, **settings)


def samples_option(default: str) -> Callable[[F], F]:
    """Give a command `--samples`."""
    return click.option(
        "--samples",
        metavar="N|all",
        default=default,
        callback=_count_samples,
        help=f"Look at so many samples of each shard. [default: {default}]",
    )


def long_option(command: F) -> F:
    """Give a command `--long`."""
    return click.option("--long", is_flag=True, help="Show whole URIs and values, however long the lines.")(command)
