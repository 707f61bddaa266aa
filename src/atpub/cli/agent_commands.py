"""Commands about agents: the MCP server of a project, and the approval of a plan by a person."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import click

from atpub.cli.groups import command
from atpub.cli.options import locked_option, long_option, manifest_options, run_by, target_options

_DURATION: Final = re.compile(r"([1-9]\d{0,4})([smh])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours"}


def _parse_duration(_context: click.Context, _option: click.Parameter, value: str) -> timedelta:
    """Return a time: `90s`, `30m`, `2h`."""
    found = _DURATION.fullmatch(value.strip())
    if found is None:
        raise click.BadParameter(f"{value!r} is no time: write 90s, 30m or 2h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@command()
@manifest_options
@target_options
@locked_option
@run_by("atpub.cli.run.agents:run_mcp")
def mcp() -> None:
    """Serve a project's tools to an AI agent over the Model Context Protocol (MCP), on stdin and stdout.

    Agents validate, plan, explain, show, lint and find drift. They apply only a plan that a person has approved with
    `atpub approve`. The tools work on one manifest and account, take no paths, and show no other account's records.

    An MCP client starts this command. It needs `atpub[mcp]`.
    """


@command()
@click.argument("digest")
@manifest_options
@target_options
@locked_option
@long_option
@click.option(
    "--for",
    "duration",
    metavar="TIME",
    default="1h",
    callback=_parse_duration,
    help="How long the approval is good for, such as 30m; at most 24h. [default: 1h]",
)
@run_by("atpub.cli.run.agents:run_approve")
def approve() -> None:
    """Approve a plan, so that an AI agent may apply it once, with the tool `apply` of `atpub mcp`.

    Makes a new plan, and stops if it has another digest. Shows the plan and asks. It needs a terminal.

    The approval is good for this manifest, account and digest, for one apply, and for an hour.
    """
