"""`atpub validate`."""

from __future__ import annotations

import sys

import click

from atpub.cli.options import json_option, locked_option, manifest_options


@click.command("validate")
@manifest_options
@locked_option
@json_option
def command(manifests: tuple[str, ...], environment: str | None, *, as_json: bool, locked: bool) -> int:
    """Check a manifest, the data that it names and the records that it makes; needs no network.

    Every problem is shown at once, each with its place and what to do.
    """
    # Help does not wait for these.
    from atpub.cli.output import print_data, print_json, style_for
    from atpub.cli.plans import tell_warnings
    from atpub.pipeline import read_manifest, validate
    from atpub.report.valid import valid_json, valid_text

    manifest = read_manifest(manifests, environment)
    desired, warnings = validate(manifest, locked=locked)
    tell_warnings(warnings)
    if as_json:
        print_json(valid_json(manifest.project, len(desired), warnings))
    else:
        print_data(valid_text(manifest.project, len(desired), warnings, style_for(sys.stdout)))
    return 0
