"""`atpub generate`."""

from __future__ import annotations

import os
import sys

from atpub.cli.output import print_data, print_json, style_for, tell, tell_warnings
from atpub.generation.changes import find_breaking_changes
from atpub.generation.package import compare, generate_package, update
from atpub.generation.settings import read_settings
from atpub.report.problems import problems_text
from atpub.report.results import files_json, files_text


def run(
    lexicons: tuple[str, ...],
    out: str | None,
    package: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    samples: tuple[str, ...],
    external: tuple[str, ...],
    style: str | None,
    *,
    allow_missing: bool,
    strict: bool,
    check: bool,
    as_json: bool,
) -> None:
    """Generate a package, and write or check its files; works without the classes that it generates."""
    settings = read_settings(
        {
            "lexicons": lexicons,
            "out": out,
            "package": package,
            "include": include,
            "exclude": exclude,
            "samples": samples,
            "external": external,
            "style": style,
            "allow-missing": allow_missing,
            "strict": strict,
        }
    )
    generated = generate_package(settings, os.environ)
    if generated.warnings:
        tell(problems_text(generated.warnings, style_for(sys.stderr)))
    state = compare(generated.files, settings.out)
    if check:
        breaking = find_breaking_changes(generated.documents, settings.out) if state.stale else ()
        tell_warnings(breaking)
        state.check(breaking)
    else:
        update(state)
    if as_json:
        print_json(files_json(settings.out, len(state.files), state.stale, state.orphaned, generated.warnings))
    else:
        print_data(files_text(settings.out, len(state.files), state.stale, state.orphaned))
