"""Commands about manifests: validate, plan, apply, and what they leave in the repository."""

from __future__ import annotations

from typing import Final

import click

from atpub.cli.groups import FILE, FOLDER, OrderedGroup, PathParameter, command
from atpub.cli.options import (
    ADDRESS,
    complete_by,
    history_option,
    json_option,
    locked_option,
    long_option,
    manifest_options,
    plan_options,
    quiet_option,
    run_by,
    samples_option,
    target_options,
    wait_option,
    yes_option,
)

_SCHEMA_EPILOG: Final = """\
Save it beside the manifest, and name it in the manifest's first line:


    # yaml-language-server: $schema=./atpub.schema.json"""


@command()
@manifest_options
@samples_option("1")
@locked_option
@json_option
@quiet_option
@run_by("atpub.cli.run.projects:run_validate", is_offline=True)
def validate() -> None:
    """Check a manifest, its data and records; needs no network.

    Reports all problems at once, each with its place and a hint.
    """


@command()
@manifest_options
@target_options
@plan_options
@samples_option("1")
@locked_option
@json_option
@quiet_option
@long_option
@click.option("--markdown", is_flag=True, help="Print Markdown, for a comment on a pull request.")
@click.option("--github", is_flag=True, help="Annotate the manifest in GitHub Actions, and add to the job's summary.")
@click.option("--html", type=FILE, metavar="FILE", help="Write the plan as a page for a browser; - is stdout.")
@click.option("--out", type=FILE, metavar="FILE", help="Save the plan, for `atpub apply FILE`; - is stdout.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if changes are pending.")
@run_by("atpub.cli.run.projects:run_plan")
def plan() -> None:
    """Show the changes that an apply would make.

    Reads the repository, which is public: needs no credentials and changes nothing. Exits with 7 if the plan holds a
    change that a safety rule forbids. --out and --html replace an earlier plan or page, and no other file.
    """


@command()
@manifest_options
@target_options
@locked_option
@json_option
@quiet_option
@long_option
@click.option("--changes-only", is_flag=True, help="With --json, print the list of changes alone.")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a comment or an issue.")
@click.option("--watch", is_flag=True, help="Follow the server's events, until Ctrl-C.")
@run_by("atpub.cli.run.projects:run_drift")
def drift() -> None:
    """Show what was changed outside the project: records that another client has modified or deleted.

    Each field is shown as the project applied it, as it is live, and as the manifest wants it. To keep theirs, run
    `atpub import --take ADDRESS`; to keep yours, `atpub apply`.

    Makes the requests of a plan, needs no credentials and writes nothing. Exits with 2 if there is drift.

    --watch goes on to report each such edit as it is made, and what is restored. It needs `atpub[watch]`.
    """


@command()
@click.argument("plan_file", type=PathParameter(), metavar="[PLAN]", required=False)
@manifest_options
@target_options
@plan_options
@samples_option("1")
@locked_option
@json_option
@quiet_option
@wait_option
@yes_option
@history_option
@long_option
@click.option("--digest", metavar="SHA256", help="Do not ask if the plan has this digest; stop if it has another.")
@run_by("atpub.cli.run.projects:run_apply")
def apply() -> None:
    """Apply the manifest to the repository.

    Shows the plan and asks for confirmation before it changes anything. Without a terminal, give a PLAN that
    `atpub plan --out` has saved, the --digest of a reviewed plan, or --yes. Applying again changes nothing.

    A saved plan is applied unchanged or not at all: if one of its records or files has changed since, the plan is
    stale. With ATPUB_PASSWORD, a saved plan needs --account or ATPUB_ACCOUNT, which must name the account of the plan.

    Ctrl-C, SIGTERM and SIGHUP let the request in flight end and report what was applied; a second one stops at once.
    In both cases, applying again continues the work.
    """


@command()
@click.argument("address", metavar="ADDRESS", shell_complete=ADDRESS)
@click.argument("new", metavar="NEW")
@manifest_options
@json_option
@run_by("atpub.cli.run.rename:run")
def rename() -> None:
    """Rename an entry, and keep its record.

    Gives the entry at ADDRESS, such as datasets/digits, the key NEW in the manifest's text, and the `id` and `name`
    that have followed from its key. Updates the references to it in all files of the manifest, and leaves everything
    else, comments included, as it is. The next plan shows no change.
    """


@command()
@manifest_options
@target_options
@json_option
@click.option("--delete-drifted", is_flag=True, help="Delete records modified outside this project, too.")
@wait_option
@yes_option
@history_option
@run_by("atpub.cli.run.apply:run_destroy")
def destroy() -> None:
    """Delete all records that the manifest's project owns, published versions included.

    Shows the records and asks for confirmation. Records that the project does not own stay. If the project owns a
    protected record, nothing is deleted.
    """


@command()
@click.argument("name", metavar="[APPLY]", required=False)
@manifest_options
@target_options
@click.option("--list", "as_list", is_flag=True, help="List the applies that can be undone, the newest first.")
@click.option("--force", is_flag=True, help="Undo changes of records that were changed again since.")
@json_option
@quiet_option
@wait_option
@yes_option
@history_option
@long_option
@run_by("atpub.cli.run.undo:run")
def undo() -> None:
    """Undo an apply: restore the records that it has changed or deleted, and delete those that it has created.

    APPLY is a time as `--list` shows it, or its beginning; without it, the last apply is undone. Records get the values
    that they had, times included, so that their CIDs are those from before. Shows the plan and asks for confirmation.

    Each apply keeps what it replaces in .atpub/history, beside the manifest. Records that were changed again since are
    refused. An undo is an apply, too: it can be undone.

    The manifest stays as it is: the next apply makes its changes again.
    """


@click.group(cls=OrderedGroup, no_args_is_help=False)
def inventory() -> None:
    """Verify or rebuild the project's ownership inventory.

    A project's inventory is stored in the repository itself. It lists the records that the project owns, and so may
    change and delete, with their content when they were last applied.
    """


@inventory.command(short_help="Verify the inventory against the live records.")
@manifest_options
@target_options
@json_option
@click.option("--project", metavar="NAME", help="The project to verify. [the manifest's]")
@run_by("atpub.cli.run.repository:run_verify")
def verify() -> None:
    """Verify the project's inventory against the live records.

    Finds damaged inventory records, listed records that are missing or differ from what was applied, and records that
    are listed twice or by two projects. Reports all other records, too. Exits with 2 if it finds a problem.

    Writes nothing and needs no credentials. With --project and --account, no manifest is needed.
    """


@inventory.command(short_help="Rebuild the inventory from the manifest and live records.")
@manifest_options
@target_options
@locked_option
@json_option
@quiet_option
@yes_option
@run_by("atpub.cli.run.repository:run_rebuild")
def rebuild() -> None:
    """Rebuild the project's inventory from the manifest and the live records.

    Listed records that are live stay listed. Live records that equal their manifest entries are added, unless another
    project owns them; missing records are removed from the list. Damaged inventory records are replaced.

    Shows the new inventory and asks for confirmation. Changes no record except the inventory's own.
    """


@command()
@click.option("--lexicons", multiple=True, metavar="DIR", help="A folder of Lexicon JSON files. [default: lexicons]")
@click.option("--out", metavar="DIR", help="The folder of the generated package.")
@click.option("--package", metavar="NAME", help="The import name of the package.")
@click.option("--include", multiple=True, metavar="PATTERN", help="Only NSIDs like org.lab.*, and those they need.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="No NSIDs like org.lab.old.*, unless needed.")
@click.option("--samples", multiple=True, metavar="MANIFEST", help="Write dataclasses for a manifest's schemas.")
@click.option("--style", metavar="STYLE", help="classes, or pydantic: models without atpub. [default: classes]")
@click.option("--external", multiple=True, metavar="PATTERN=PACKAGE", help="Refer to another package's classes.")
@click.option("--allow-missing", is_flag=True, help="Treat unresolved references as unknown types.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option("--check", is_flag=True, help="Write nothing; fail if a file is stale, missing or orphaned.")
@json_option
@run_by("atpub.cli.run.generate:run")
def generate() -> None:
    """Generate typed Python classes from Lexicon JSON.

    The package has a module for each lexicon: a class for each record and object, and typed requests and responses of
    methods. Up-to-date files are not touched; only files that atpub has generated are replaced or removed.

    Options that are not given are read from [tool.atpub.generate] in pyproject.toml, under the same names.
    """


@command()
@click.argument("name", required=False, metavar="[CODE]", shell_complete=complete_by("complete_code"))
@json_option
@run_by("atpub.cli.run.explain:run")
def explain() -> None:
    """Explain a code that atpub has printed: what it means, how it comes about, and what to do.

    A CODE stands in brackets at the end of a message. Without a CODE, lists all by theme.
    """


@command("manifest-schema", epilog=_SCHEMA_EPILOG)
@click.option(
    "-m",
    "--manifest",
    "manifests",
    metavar="PATH",
    multiple=True,
    help="The manifest whose lexicons are included. [default: ./atpub.yaml, else ./manifests/, if there is one]",
)
@click.option("--lexicons", type=FOLDER, multiple=True, metavar="DIR", help="A folder of Lexicon JSON files.")
@run_by("atpub.cli.run.lexicon:run_manifest_schema")
def manifest_schema() -> None:
    """Print the JSON Schema of the manifest, for editors and other tools.

    It includes the collections and records of the project's lexicons, which editors then complete and check in
    `records:`.
    """


@command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@run_by("atpub.cli.completion:run")
def completion() -> None:
    """Print the script with which a shell completes commands, options, addresses and environments."""
