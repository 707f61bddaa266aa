"""The classes of click that the commands are made of: paths that load late, and errors that code can tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import click

from atpub.cli.options import display_options, load
from atpub.cli.streams import terminal_columns


class PathParameter(click.Path):
    """A path, as a `pathlib.Path`, which is loaded when a command line has one."""

    def coerce_path_result(self, value: object) -> Any:
        return load("pathlib:Path")(value)


class FileOrUri(click.Path):
    """A path or an at:// URI, as text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if str(value).startswith("at://") else super().convert(value, param, ctx)


class UnknownCommand(click.UsageError):
    """The name of a command that a group does not have."""

    def __init__(self, name: str, ctx: click.Context) -> None:
        super().__init__(f"there is no command {name!r}", ctx)
        self.name = name


class ExtraArguments(click.UsageError):
    """The arguments that are left over when a command has taken its own."""

    def __init__(self, arguments: tuple[str, ...], ctx: click.Context) -> None:
        noun = "argument" if len(arguments) == 1 else "arguments"
        super().__init__(f"got unexpected extra {noun} ({' '.join(arguments)})", ctx)
        self.arguments = arguments


class OutputParameter(PathParameter):
    """A file to write; None, which is stdout, for `-`."""

    def coerce_path_result(self, value: object) -> Any:
        return None if value == "-" else super().coerce_path_result(value)


class HelpFormatter(click.HelpFormatter):
    """A formatter of help as wide as click's, at most 78 columns."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        width = width or max(min(terminal_columns(), max_width or 80) - 2, 50)
        super().__init__(indent_increment, width, max_width)


class Context(click.Context):
    """The context of a command, which formats its help."""

    formatter_class = HelpFormatter


class Command(click.Command):
    """A command that raises `ExtraArguments` where click raises an error of words alone.

    It takes the options of `atpub` about output, too: their place does not matter.
    """

    context_class = Context

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        declared = {item.name for item in self.params}
        self.params += [item for item in display_options(hidden=True) if item.name not in declared]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise ExtraArguments(tuple(rest), ctx)
        return rest


class Group(click.Group):
    """A group that raises `UnknownCommand` where click raises an error of words alone."""

    command_class = Command
    context_class = Context

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            raise UnknownCommand(name, ctx)
        return super().resolve_command(ctx, args)


class OrderedGroup(Group):
    """A group that lists its commands in the order of a user's work, each with its whole summary."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(self.list_summaries())

    def list_summaries(self) -> list[tuple[str, str]]:
        """Return the names and summaries of its commands."""
        return [(name, command.get_short_help_str(limit=100)) for name, command in self.commands.items()]


class LazyGroup(OrderedGroup):
    """A group that loads a command when it is named; a table has where each is declared, and its summary."""

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._table and cmd_name not in self.commands:
            declaration, summary = self._table[cmd_name]
            found: Any = load(f"atpub.cli.{declaration}")
            found.short_help = summary
            load("atpub.cli.examples:add_examples")(found, cmd_name)
            self.add_command(found, cmd_name)
        return super().get_command(ctx, cmd_name)

    def list_summaries(self) -> list[tuple[str, str]]:
        return [(name, summary) for name, (_, summary) in self._table.items()]


def load_commands(group: click.Group) -> Mapping[str, click.Command]:
    """Return all commands of a group by their names."""
    context = click.Context(group)
    return {name: found for name in group.list_commands(context) if (found := group.get_command(context, name))}


command: Final = partial(click.command, cls=Command)
"""Declare a command, as `click.command` does."""
FILE: Final = PathParameter(dir_okay=False)
OUTPUT: Final = OutputParameter(dir_okay=False)
FOLDER: Final = PathParameter(exists=True, file_okay=False)
NEW_FOLDER: Final = PathParameter(file_okay=False)
