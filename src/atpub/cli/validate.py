"""`atpub validate`."""

from __future__ import annotations

import sys

import click

from atpub.cli.output import print_data, print_json, style_for
from atpub.cli.prepare import judge, manifest_options, read_manifest, tell_warnings
from atpub.lexicon.data import Json, JsonObject
from atpub.report.problems import problem_json
from atpub.report.style import counted


@click.command("validate")
@manifest_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(manifests: tuple[str, ...], environment: str | None, *, as_json: bool) -> int:
    """Check a manifest, the data that it names and the records that it makes; needs no network.

    Every problem is shown at once, each with its place and what to do.
    """
    manifest = read_manifest(manifests, environment)
    desired, warnings = judge(manifest)
    tell_warnings(warnings)
    if as_json:
        found = [problem_json(problem) for problem in warnings]
        print_json(
            {"format_version": "1.0", "project": manifest.project, "records": len(desired), "warnings": [*found]}
        )
    else:
        summary = f"{manifest.project}: {counted(len(desired), 'record')}, all valid"
        doubts = f"; {counted(len(warnings), 'warning')}" if warnings else ""
        print_data(style_for(sys.stdout)(f"{summary}{doubts}.", 32))
    return 0
