"""`atpub drift`."""

from __future__ import annotations

import sys

from atpub.cli.connect import TargetOptions
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, style_for
from atpub.cli.prepare import prepare_plan
from atpub.desired import read_manifest
from atpub.engine.plan.model import Options
from atpub.errors import Usage
from atpub.report.drift import drift_changes, drift_document, drift_markdown, drift_text

DRIFT: int = 2
"""The exit code for drift."""


def run(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    changes_only: bool,
    long: bool,
    markdown: bool,
    locked: bool,
) -> int:
    """Print the records that were changed outside the project; return the exit code."""
    if as_json and markdown:
        raise Usage("--json and --markdown exclude each other", hint="give one of them")
    if changes_only and not as_json:
        raise Usage("--changes-only is about --json", hint="give both")
    manifest = read_manifest(manifests, environment, environ())
    target = TargetOptions(account, pds, environment)
    with prepare_plan(manifest, target, Options(), locked=locked, remember=True) as prepared:
        plan = prepared.plan
    if as_json:
        print_json(drift_changes(plan) if changes_only else drift_document(plan))
    elif markdown:
        print_data(drift_markdown(plan))
    else:
        print_data(drift_text(plan, style_for(sys.stdout, is_long=long)))
    return DRIFT if plan.drifted else 0
