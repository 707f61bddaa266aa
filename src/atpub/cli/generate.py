"""`atpub generate`; runs without the classes that it generates."""

from __future__ import annotations

import sys

import click

from atpub.cli.options import json_option


@click.command("generate")
@click.option(
    "--lexicons",
    multiple=True,
    metavar="DIR",
    help="A folder of Lexicon JSON files. [default: lexicons]",
)
@click.option("--out", metavar="DIR", help="The folder of the generated package.")
@click.option("--package", metavar="NAME", help="The name by which it is imported.")
@click.option("--include", multiple=True, metavar="PATTERN", help="Only NSIDs like org.lab.*, and what they need.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="No NSIDs like org.lab.old.*, unless needed.")
@click.option("--samples", multiple=True, metavar="MANIFEST", help="Write dataclasses for a manifest's schemas.")
@click.option("--allow-missing", is_flag=True, help="Let what a lexicon refers to, and is not at hand, be anything.")
@click.option("--strict", is_flag=True, help="Fail where there would be a warning.")
@click.option("--check", is_flag=True, help="Write nothing; fail where a file is stale, missing or orphaned.")
@json_option
def command(
    lexicons: tuple[str, ...],
    out: str | None,
    package: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    samples: tuple[str, ...],
    *,
    allow_missing: bool,
    strict: bool,
    check: bool,
    as_json: bool,
) -> int:
    """Turn Lexicon JSON into typed Python classes.

    A package of one module for each lexicon: a class for each record and object, and the typed requests and replies of
    methods. Files that would not change are not touched; only files that atpub has made are removed.

    What no option says is taken from [tool.atpub.generate] in pyproject.toml, where they have the same names.
    """
    # Help does not wait for these.
    from atpub.cli.classes import compare, generated, update
    from atpub.cli.output import print_data, print_json, style_for, tell
    from atpub.cli.settings import settings
    from atpub.report.files import files_json, files_text
    from atpub.report.problems import problems_text

    wanted = settings(
        {
            "lexicons": lexicons,
            "out": out,
            "package": package,
            "include": include,
            "exclude": exclude,
            "samples": samples,
            "allow-missing": allow_missing,
            "strict": strict,
        }
    )
    made = generated(wanted)
    if made.warnings:
        tell(problems_text(made.warnings, style_for(sys.stderr)))
    state = compare(made.files, wanted.out)
    if check:
        state.check()
    else:
        update(state)
    if as_json:
        print_json(files_json(wanted.out, len(state.files), state.stale, state.orphaned, made.warnings))
    else:
        print_data(files_text(wanted.out, len(state.files), state.stale, state.orphaned))
    return 0
