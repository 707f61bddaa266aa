"""Commands for authors of lexicons."""

from __future__ import annotations

import click

from atpub.cli.groups import FILE, FOLDER, NEW_FOLDER, FileOrUri, OrderedGroup, PathParameter, command
from atpub.cli.options import format_option, json_option, manifest_options, run_by, target_options


@click.group(cls=OrderedGroup, no_args_is_help=False)
def lex() -> None:
    """Write, lint, format, compare and pull Lexicon JSON.

    Without a PATH, the commands take the folders of lexicons that [tool.atpub.generate] in pyproject.toml names, or
    else lexicons/.
    """


@lex.command()
@click.argument("paths", type=PathParameter(exists=True), nargs=-1, metavar="[PATH]...")
@click.option("--rules", is_flag=True, help="List the rules, and check nothing.")
@click.option("--ignore", multiple=True, metavar="[PATTERN:]RULE", help="Do not report a rule, in some files or all.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
@format_option("sarif", "github", subject="the findings")
@run_by("atpub.cli.run.lexicon:run_lint")
def lint() -> None:
    """Find errors, and departures from the style guide, in lexicons.

    Other files in the folders of lexicons count for references between lexicons. Exits with 1 if it finds an error.
    [tool.atpub.lint] in pyproject.toml names rules to ignore.
    """


@lex.command("format", short_help="Give lexicon files one layout.")
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


@lex.command()
@click.argument("nsids", metavar="[NSID]...", nargs=-1)
@click.option(
    "--for",
    "needed_for",
    type=FOLDER,
    multiple=True,
    metavar="DIR",
    help="Pull what the lexicons in a folder refer to, and that is not at hand.",
)
@click.option(
    "--from",
    "source",
    metavar="SOURCE",
    help="A folder, REV:PATH of git, https://PDS or at://ACCOUNT, instead of the account in the DNS.",
)
@click.option("--lexicons", type=NEW_FOLDER, metavar="DIR", help="The folder of lexicons.")
@click.option("--lock", type=FILE, metavar="FILE", help="The lock. [default: beside the folder, lexicons.lock.json]")
@click.option("--frozen", is_flag=True, help="Write nothing, ask nothing; exit with 1 if files and lock differ.")
@click.option("--update", is_flag=True, help="Ask for locked lexicons again: those that are named, or else all.")
@click.option("--force", is_flag=True, help="Replace files that were changed here, or not pulled.")
@json_option
@run_by("atpub.cli.run.lexicon_pull:run")
def pull() -> None:
    """Pull published lexicons, and what they refer to, and lock them.

    The DNS of an NSID's authority names the account, whose signature is verified. The lock has the CID of each lexicon:
    one whose file matches it is not asked for again. Without an NSID, restores the lexicons in the lock.
    """


@lex.command(short_help="Compare lexicons with the published ones and the DNS.")
@click.argument("paths", type=PathParameter(exists=True, file_okay=False), nargs=-1, metavar="[DIR]...")
@click.option("--lock", type=FILE, metavar="FILE", help="The lock. [default: beside the folder, lexicons.lock.json]")
@manifest_options
@target_options
@json_option
@run_by("atpub.cli.run.lexicon_status:run")
def status() -> None:
    """Compare lexicons with those that the account has published, and with the DNS.

    Lexicons that were pulled are left out. Exits with 2 if a lexicon differs or is not published, or if the DNS does
    not name the account: then other programs do not find it.
    """


@lex.command(short_help="Find changes of lexicons that break readers or writers.")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", required=False)
@click.option("--examples", is_flag=True, help="Show the values that prove each change.")
@click.option("--all", "everything", is_flag=True, help="Show the compatible changes, too.")
@click.option(
    "--against-data",
    metavar="DATA",
    help="Count records that are affected: of a CAR file, JSON files, a folder of them, or at://ACCOUNT.",
)
@format_option("markdown", "github", subject="the changes")
@manifest_options
@target_options
@run_by("atpub.cli.run.breaking:run")
def breaking() -> None:
    """Find changes of lexicons that break readers or writers, each with an example as proof.

    OLD and NEW are files or folders, REVISION:PATH of git (HEAD~1:lexicons), at://ACCOUNT for the lexicons that an
    account publishes, or `published` for those of the manifest's account. NEW is by default the folders of lexicons.

    Exits with 1 if a change is breaking that [tool.atpub.breaking] in pyproject.toml does not approve.
    """


@lex.command("schema", short_help="Print the JSON Schema of lexicon files.")
@run_by("atpub.cli.run.lexicon:run_schema")
def schema_command() -> None:
    """Print the JSON Schema of lexicon files, for editors and other tools.

    It accepts every valid lexicon, and refuses most of the others; `atpub lex lint` finds the rest.
    """


@command()
@click.argument("records", type=FileOrUri(dir_okay=False), nargs=-1, required=True, metavar="RECORD...")
@click.option("--lexicons", type=FOLDER, multiple=True, metavar="DIR", help="A folder of Lexicon JSON files.")
@click.option("--repository", type=FOLDER, metavar="DIR", help="A repository in a folder. [default: ./.atpub/local]")
@click.option("--pds", metavar="URL", help="The account's PDS, instead of looking it up. [ATPUB_PDS]")
@json_option
@run_by("atpub.cli.run.check:run")
def check() -> None:
    """Check records against their lexicons: of files, stdin, a CAR file or an account.

    A file is a record, an array of records, JSON Lines (one record on each line) or a repository (.car); - is stdin.
    at://ACCOUNT, at://ACCOUNT/COLLECTION or the URI of a record names published ones. Exits with 3 if a record is
    invalid.

    Lexicons come from --lexicons, or else from the folders that [tool.atpub.generate] in pyproject.toml names or
    lexicons/, and from atpub itself. References to other lexicons accept any value, with a warning; of a repository,
    records without a lexicon are counted and not checked.
    """
