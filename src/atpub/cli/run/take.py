"""`atpub import --take`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from atpub.cli.connect import TargetOptions
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, style_for
from atpub.cli.prepare import prepare_plan
from atpub.desired import read_manifest, usual_paths
from atpub.engine.plan.model import Options
from atpub.importing.take import ManifestSource, take_theirs, write_files
from atpub.report.taken import taken_json, taken_text


def run(addresses: Sequence[str], manifests: tuple[str, ...], target: TargetOptions, *, as_json: bool) -> None:
    """Write the live values of records into the manifest, and print the diff."""
    addresses = tuple(dict.fromkeys(addresses))
    manifest = read_manifest(manifests, target.environment, environ())
    source = ManifestSource(manifests or usual_paths(), target.environment, environ())
    with prepare_plan(manifest, target, Options(), remember=True) as prepared:
        files = take_theirs(addresses, prepared.plan, source)
    write_files(files)
    if as_json:
        print_json(taken_json(addresses, files))
    else:
        print_data(taken_text(addresses, files, style_for(sys.stdout)))
