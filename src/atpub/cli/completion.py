"""Completion of values in a shell: addresses and environments of the manifest that the command line names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import click
from click.shell_completion import get_completion_class

from atpub.cli.commands import cli
from atpub.cli.options import COMPLETE, environ
from atpub.cli.output import print_source
from atpub.desired import usual_paths
from atpub.errors import AtpubError
from atpub.explanations.table import explanations
from atpub.manifest.load import load_valid_subset
from atpub.manifest.model import Manifest


def run(shell: str) -> None:
    """Print the script that lets a shell complete commands."""
    found = get_completion_class(shell)
    assert found is not None, shell
    print_source(found(cli, {}, "atpub", COMPLETE).source())


def complete_address(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the addresses that begin with a text: those of the valid part of the manifest."""
    return [name for manifest in _manifest(ctx) for name in map(str, manifest.entries) if name.startswith(incomplete)]


def complete_environment(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of the manifest's environments that begin with a text."""
    return [name for manifest in _manifest(ctx) for name in manifest.environments if name.startswith(incomplete)]


def complete_code(_ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the codes that begin with a text."""
    return [code for code in explanations() if code.startswith(incomplete)]


def _manifest(ctx: click.Context) -> Iterator[Manifest]:
    with suppress(AtpubError, OSError):
        paths = ctx.params.get("manifests") or usual_paths()
        yield load_valid_subset(paths, environ=environ(), environment=None).manifest
