"""`atpub generate`."""

from __future__ import annotations

import os
import sys

from atpub.atproto.data import JsonObject
from atpub.cli.failures import DetailedError
from atpub.cli.output import print_data, print_json, style_for, tell
from atpub.errors import StaleFiles
from atpub.generation.changes import find_breaking_changes
from atpub.generation.package import GeneratedPackage, PackageState, compare, generate_package, update
from atpub.generation.settings import read_settings
from atpub.problems import Problem
from atpub.report.problems import problem_json, problems_text
from atpub.report.results import files_json, files_text
from atpub.report.style import Style


class StalePackage(DetailedError, StaleFiles):
    """Files of a package that are out of date, with the changes of lexicons that break those who use them."""

    def __init__(self, error: StaleFiles, breaking: tuple[Problem, ...]) -> None:
        super().__init__(error.message, hint=error.hint, files=error.files)
        self.breaking = breaking

    def details_text(self, style: Style) -> str:
        """Return the breaking changes."""
        return problems_text(self.breaking, style) if self.breaking else ""

    def details_json(self, error: JsonObject) -> JsonObject:
        """Return the error with the breaking changes."""
        return {**error, "breaking": [problem_json(problem) for problem in self.breaking]}


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
        _check(state, generated)
    else:
        update(state)
    if as_json:
        print_json(files_json(settings.out, len(state.files), state.stale, state.orphaned, generated.warnings))
    else:
        print_data(files_text(settings.out, len(state.files), state.stale, state.orphaned))


def _check(state: PackageState, generated: GeneratedPackage) -> None:
    """Raise StalePackage where files are out of date."""
    try:
        state.check()
    except StaleFiles as error:
        raise StalePackage(error, find_breaking_changes(generated.documents, state.out)) from None
