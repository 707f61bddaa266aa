"""`atpub validate`."""

from __future__ import annotations

import sys

from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, style_for, tell_warnings
from atpub.cli.progress import show_progress
from atpub.desired import read_manifest, validate
from atpub.report.results import valid_json, valid_text


def run_validate(
    manifests: tuple[str, ...], environment: str | None, samples: int | None, *, as_json: bool, locked: bool
) -> None:
    """Validate a manifest, and print the number of its records."""
    manifest = read_manifest(manifests, environment, environ())
    with show_progress() as on_progress:
        desired, warnings = validate(manifest, locked=locked, samples=samples, on_progress=on_progress)
    tell_warnings(warnings)
    if as_json:
        print_json(valid_json(manifest.project, len(desired), warnings))
    else:
        print_data(valid_text(manifest.project, len(desired), warnings, style_for(sys.stdout)))
