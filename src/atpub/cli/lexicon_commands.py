"""Commands for authors of lexicons."""

from __future__ import annotations

import click

from atpub.cli.groups import FILE, FOLDER, NEW_FOLDER, OrderedGroup, PathParameter, command
from atpub.cli.options import json_option, run_by


@click.group(cls=OrderedGroup, no_args_is_help=False, short_help="Lint, format and write Lexicon JSON.")
def lex() -> None:
    """Lint, format and write Lexicon JSON.

    Without a PATH, the commands take the folders of lexicons that [tool.atpub.generate] in pyproject.toml names, or
    else lexicons/.
    """


@lex.command()
@click.argument("paths", type=PathParameter(exists=True), nargs=-1, metavar="[PATH]...")
@click.option("--rules", is_flag=True, help="List the rules, and check nothing.")
@click.option("--ignore", multiple=True, metavar="[PATTERN:]RULE", help="Do not report a rule, in some files or all.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    help="The format of the findings. [default: text]",
)
@json_option
@run_by("atpub.cli.run.lexicon:run_lint")
def lint() -> None:
    """Find errors, and departures from the style guide, in lexicons.

    Other files in the folders of lexicons count for references between lexicons. Exits with 1 if it finds an error.
    [tool.atpub.lint] in pyproject.toml names rules to ignore.
    """


@lex.command("format")
@click.argument("paths", type=PathParameter(exists=True), nargs=-1, metavar="[PATH]...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file has another layout.")
@json_option
@run_by("atpub.cli.run.lexicon:run_format")
def format_command() -> None:
    """Give lexicon files one layout: key order, indentation and line breaks.

    The layout is that of most of the published lexicons of the protocol. The JSON stays equal. If a file is no JSON,
    nothing is written.
    """


@lex.command()
@click.argument("nsid", metavar="NSID")
@click.option(
    "--kind",
    type=click.Choice(["record", "query", "procedure", "object"]),
    default="record",
    help="The main definition. [default: record]",
)
@click.option("--lexicons", type=NEW_FOLDER, metavar="DIR", help="The folder of lexicons.")
@json_option
@run_by("atpub.cli.run.lexicon:run_new")
def new() -> None:
    """Write a new lexicon, as org/lab/note.json for org.lab.note.

    It is valid, and `atpub generate` makes classes from it: change the descriptions and fields. No file is replaced.
    """


@lex.command("schema")
@run_by("atpub.cli.run.lexicon:run_schema")
def schema_command() -> None:
    """Print the JSON Schema of lexicon files, for editors and other tools.

    It accepts every valid lexicon, and refuses most of the others; `atpub lex lint` finds the rest.
    """


@command(short_help="Check records in files against their lexicons.")
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="RECORD...")
@click.option("--lexicons", type=FOLDER, multiple=True, metavar="DIR", help="A folder of Lexicon JSON files.")
@json_option
@run_by("atpub.cli.run.check:run")
def check() -> None:
    """Check records in files against their lexicons; needs no network.

    A file is a record, an array of records, or JSON Lines (one record on each line); - is stdin. Exits with 3 if a
    record is invalid.

    Lexicons come from --lexicons, or else from the folders that [tool.atpub.generate] in pyproject.toml names or
    lexicons/, and from atpub itself. References to other lexicons accept any value, with a warning.
    """
