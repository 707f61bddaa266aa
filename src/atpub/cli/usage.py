"""Usage errors in atpub's own words: click's texts change from version to version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from atpub.cli.commands import cli
from atpub.cli.groups import ExtraArguments, UnknownCommand, load_commands
from atpub.cli.options import load
from atpub.errors import Usage
from atpub.suggest import nearest, suggest

_SYNONYMS: Final = {
    **dict.fromkeys(("deploy", "publish", "push", "sync", "up", "update", "upload"), "apply"),
    **dict.fromkeys(("changes", "diff", "preview"), "plan"),
    **dict.fromkeys(("lint", "test"), "validate"),
    **dict.fromkeys(("delete", "down", "remove", "rm"), "destroy"),
    **dict.fromkeys(("checksum", "hash", "freeze"), "lock"),
    **dict.fromkeys(("create", "new", "scaffold", "setup", "start"), "init"),
    **dict.fromkeys(("head", "peek", "stat", "stats"), "inspect"),
    **dict.fromkeys(("restore", "revert", "rollback"), "undo"),
    **dict.fromkeys(("move", "mv"), "rename"),
    "audit": "verify",
    "auth": "login",
    "backup": "export",
    "build": "generate",
    "codegen": "generate",
    **dict.fromkeys(("cat", "describe", "get", "info", "view"), "show"),
    **dict.fromkeys(("datasets", "ls"), "list"),
    **dict.fromkeys(("clone", "download", "fetch"), "pull"),
    **dict.fromkeys(("codes", "errors", "why"), "explain"),
    "schema": "manifest-schema",
    "signin": "login",
    "status": "whoami",
}
"""The commands that other tools call by other names."""


_OPTION_SYNONYMS: Final = {
    **dict.fromkeys(("-a", "--actor", "--did", "--handle", "--identifier", "--user", "--username"), "--account"),
    **dict.fromkeys(("-c", "-f", "--config", "--file"), "-m"),
    **dict.fromkeys(("-e", "--environment", "--profile", "--stage"), "--env"),
    **dict.fromkeys(("--host", "--server", "--service"), "--pds"),
    **dict.fromkeys(("-o", "--output"), "--out"),
    **dict.fromkeys(("-y", "--auto-approve", "--no-input"), "--yes"),
    **dict.fromkeys(("--include", "--target"), "--only"),
    "--force": "--overwrite",
    "--locked": "--check",
    "-j": "--json",
    "-V": "--version",
}
"""The options that other tools call by other names."""


def usage(error: click.UsageError, args: Sequence[str] = ()) -> Usage:
    """Turn click's error into a Usage error with a hint."""
    ctx = error.ctx or _context(args)
    help_command = f"{ctx.command_path} --help"
    if isinstance(error, click.NoSuchOption):
        hint = _option_hint(error.option_name, ctx, args) or f"{help_command} lists the options"
        return Usage(f"there is no option {error.option_name}", hint=hint)
    message = " ".join(_message(error).split()).rstrip(".")  # click lists choices on lines of their own
    if isinstance(error, UnknownCommand):
        return Usage(message, hint=_command_hint(error.name, ctx) or f"{help_command} lists the commands")
    hint = load("atpub.cli.stray:stray_hint")(error.arguments, ctx) if isinstance(error, ExtraArguments) else ""
    return Usage(message[:1].lower() + message[1:], hint=hint or f"{help_command} says how to use it")


def _message(error: click.UsageError) -> str:
    """Return click's message; that of a wrong argument without the argument's name, such as `[PATH]...`."""
    wrong = isinstance(error, click.BadParameter) and isinstance(error.param, click.Argument)
    return error.message if wrong and not isinstance(error, click.MissingParameter) else error.format_message()


def _context(args: Sequence[str]) -> click.Context:
    """Find the command that the arguments begin with."""
    found = click.Context(cli, info_name="atpub")
    for name in args:
        command = found.command.get_command(found, name) if isinstance(found.command, click.Group) else None
        if command is None:
            break
        found = click.Context(command, found, name)
    return found


def _commands(ctx: click.Context) -> list[str]:
    return ctx.command.list_commands(ctx) if isinstance(ctx.command, click.Group) else []


def _command_hint(name: str, ctx: click.Context) -> str:
    """Suggest the command, or the option in its place, that may have been meant; empty if there is none."""
    if name in {"help", "version"}:
        return f"{ctx.command_path} {'[COMMAND] --help' if name == 'help' else '--version'}"
    meant = _SYNONYMS.get(name.lower())
    if meant not in _commands(ctx):
        meant = _find_nested(name, ctx)
    return f"did you mean {meant!r}?" if meant else suggest(name, _commands(ctx))


def _find_nested(name: str, ctx: click.Context) -> str | None:
    """Return the command of that name in a group below: `lex format` for `format`."""
    groups = load_commands(ctx.command).items() if isinstance(ctx.command, click.Group) else ()
    found = (f"{group} {name}" for group, below in groups if isinstance(below, click.Group) and name in below.commands)
    return next(found, None)


def _option_hint(name: str, ctx: click.Context, args: Sequence[str]) -> str:
    """Suggest the option that may have been meant, or its right position; empty if there is none."""
    later = next((word for word in args if word in _commands(ctx)), None)
    if later is not None:
        return f"options come after the command: {ctx.command_path} {later} {name}"
    known = [text[2:] for item in ctx.command.params for text in item.opts if text.startswith("--")]
    if name == "--dry-run" and any(item.name == "yes" for item in ctx.command.params):
        plan = ", as atpub plan does" if ctx.command.name == "apply" else ""
        return f"without --yes, {ctx.command_path} shows the changes{plan}, and asks before it makes them"
    if (other := _OPTION_SYNONYMS.get(name)) and any(other in item.opts for item in ctx.command.params):
        return f"did you mean {other!r}?"
    # The dashes, which all have, would make any two of them alike.
    meant = nearest(name.lstrip("-"), known)
    return "" if meant is None else f"did you mean '--{meant}'?"
