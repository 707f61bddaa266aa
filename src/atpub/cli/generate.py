"""`atpub generate`; runs without the classes that it generates."""

from __future__ import annotations

from pathlib import Path

import click

from atpub.cli.options import json_option


@click.command("generate")
@click.option(
    "--lexicons",
    type=click.Path(path_type=Path),
    default=Path("lexicons"),
    metavar="DIR",
    show_default=True,
    help="The folder of Lexicon JSON files.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The folder of the generated package.")
@click.option("--package", metavar="NAME", help="The name by which it is imported.")
@click.option("--check", is_flag=True, help="Write nothing; fail where a file is stale, missing or orphaned.")
@json_option
def command(lexicons: Path, out: Path | None, package: str | None, *, check: bool, as_json: bool) -> int:
    """Turn Lexicon JSON into typed Python classes.

    A package of one module for each lexicon: a class for each record and object, and the typed requests and replies of
    methods. Files that would not change are not touched; only files that atpub has made are removed.
    """
    # Help does not wait for these.
    from atpub.cli.classes import compare, destination, generated, update
    from atpub.cli.output import print_data, print_json
    from atpub.report.files import files_json, files_text

    out, package = destination(out, package)
    state = compare(generated(lexicons, package), out)
    if check:
        state.check()
    else:
        update(state)
    if as_json:
        print_json(files_json(out, len(state.files), state.stale, state.orphaned))
    else:
        print_data(files_text(out, len(state.files), state.stale, state.orphaned))
    return 0
