"""`atpub validate` and `atpub manifest-schema`: the commands that need no repository and write no file."""

from __future__ import annotations

import sys
from pathlib import Path

from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, style_for, tell_warnings
from atpub.cli.progress import show_progress
from atpub.desired import read_manifest, usual_paths, validate
from atpub.generated import LEXICONS
from atpub.lexicon_tools.files import find_files
from atpub.manifest.lexicon_files import read_unlinked
from atpub.manifest.load import find_lexicons
from atpub.manifest.record_schema import schema_with_records
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


def run_manifest_schema(manifests: tuple[str, ...], lexicons: tuple[Path, ...]) -> None:
    """Print the JSON Schema of the manifest, with the records of its lexicons and of those in some folders."""
    named = list(manifests) or usual_paths()
    own, warnings = read_unlinked({**(find_lexicons(named) if named else {}), **find_files(lexicons)})
    tell_warnings(warnings)
    print_json(schema_with_records(own.and_also(LEXICONS.lexicons)))
