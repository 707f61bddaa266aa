"""The options that commands share; imports nothing that help could do without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """Where to publish, as the flags say it; the environment and the manifest fill in the rest."""

    account: str | None
    pds: str | None
    environment: str | None


def manifest_options(command: F) -> F:
    """Give a command `-m` and `--env`."""
    for option in (
        click.option("--env", "environment", metavar="NAME", help="One of the manifest's environments."),
        click.option(
            "-m",
            "--manifest",
            "manifests",
            metavar="PATH",
            multiple=True,
            help="A manifest, or a folder of files that make one. [default: ./atpub.yaml, else ./manifests/]",
        ),
    ):
        command = option(command)
    return command


def target_options(command: F) -> F:
    """Give a command `--account` and `--pds`."""
    for option in (
        click.option("--pds", metavar="URL", help="The account's PDS, where it is not to be looked up. [ATPUB_PDS]"),
        click.option(
            "--account", metavar="ACCOUNT", help="A handle, a DID, local, or local:PATH. [ATPUB_ACCOUNT, the manifest]"
        ),
    ):
        command = option(command)
    return command


def plan_options(command: F) -> F:
    """Give a command the flags that allow a plan more than usual."""
    for option in (
        click.option("--reproducible", is_flag=True, help="Take the time from SOURCE_DATE_EPOCH."),
        click.option("--exclude", metavar="ADDRESS", multiple=True, help="Leave this out, and what needs it."),
        click.option(
            "--only",
            metavar="ADDRESS",
            multiple=True,
            help="Only this (datasets/digits, labels/*) and its needs.",
        ),
        click.option("--forget", metavar="ADDRESS", multiple=True, help="Stop owning a record, and leave it there."),
        click.option("--allow-replace-all", is_flag=True, help="Allow a plan that deletes all and creates others."),
        click.option("--prune-versions", is_flag=True, help="Delete schema and label versions that are gone."),
        click.option("--delete-drifted", is_flag=True, help="Delete records that somebody else has changed."),
    ):
        command = option(command)
    return command


def locked_option(command: F) -> F:
    """Give a command `--locked`."""
    return click.option("--locked", is_flag=True, help="Fail where the data is not what atpub.lock says.")(command)


def wait_option(command: F) -> F:
    """Give a command `--wait`."""
    return click.option("--wait", is_flag=True, help="Wait where the server's rate limit is spent.")(command)


def json_option(command: F) -> F:
    """Give a command `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
