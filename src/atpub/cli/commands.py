"""The commands with their options and help; what a command does is loaded from `atpub.cli.run` when it is run.

This module imports click alone, so that help is quick. `tests/cli/test_imports.py` holds that.
"""

from __future__ import annotations

from typing import Final

import click

from atpub.cli.groups import OrderedGroup, PathParameter
from atpub.cli.options import (
    json_option,
    locked_option,
    manifest_options,
    plan_options,
    run_by,
    samples_option,
    target_options,
    wait_option,
    yes_option,
)

_EPILOG: Final = """\b
Exit codes:
  0    done, or nothing to do
  1    error, or declined
  2    plan --detailed-exitcode: changes pending; inventory verify: findings
  3    the manifest or a lexicon is invalid
  4    authentication failed
  5    the plan is stale, or another writer was first
  6    partly applied: run again
  7    refused: protected, too many deletes, another project or identity
  8    rate-limited: run again after the time named
  64   wrong usage
  130  interrupted"""

_SCHEMA_EPILOG: Final = """\
Save it beside the manifest, and name it in the manifest's first line:

\b
    atpub manifest-schema > atpub.schema.json
    # yaml-language-server: $schema=./atpub.schema.json"""

_INSPECT_EPILOG: Final = "Example: atpub inspect --samples all --json data > data.json"
_INIT_EPILOG: Final = "Example: atpub init data && atpub apply --account local --yes"


_FILE: Final = PathParameter(dir_okay=False)
_FOLDER: Final = PathParameter(exists=True, file_okay=False)
_NEW_FOLDER: Final = PathParameter(file_okay=False)


@click.group(cls=OrderedGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="atpub", message="%(prog)s %(version)s")
def cli() -> None:
    """Publish datasets to the AT Protocol from YAML manifests.

    Write a manifest, review the plan, apply it. The repository then matches the manifest, and applying it again changes
    nothing.
    """


@cli.command(short_help="Show the samples and fields of local tar shards.", epilog=_INSPECT_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@samples_option
@json_option
@run_by("atpub.cli.run.inspect:run_inspect")
def inspect() -> None:
    """Show what local tar shards hold: samples, fields, types, ranges and examples of values.

    A PATH is a tar file, a folder of them, or a pattern. Counts all samples and looks at the values of the first ones.
    Warns of whatever readers misread: files of one sample that are apart, links, samples with different members.
    Unpacks and unpickles nothing. Exits with 1 if a shard is broken; the others are shown all the same.
    """


@cli.command(short_help="Write a first manifest for local tar shards.", epilog=_INIT_EPILOG)
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option("--out", type=_FILE, metavar="FILE", default="atpub.yaml", help="The manifest. [./atpub.yaml]")
@click.option("--nsid", metavar="NSID", help="The name of the schema. [org.example.FOLDER, to be changed]")
@samples_option
@json_option
@run_by("atpub.cli.run.inspect:run_init")
def init() -> None:
    """Write a first manifest for local tar shards: a schema that fits the samples, and datasets.

    DATA are tar files, folders of them, or patterns, in the folder of the manifest. Shards whose names differ in their
    numbers are one dataset: train-*.tar and val-*.tar are two. Shards that are too large for blobs are described in a
    comment. Never overwrites a file.

    The manifest can be applied as it is, to a repository in a folder.
    """


@cli.command(short_help="Check a manifest, its data and its records; needs no network.")
@manifest_options
@locked_option
@json_option
@run_by("atpub.cli.run.manifest:run_validate")
def validate() -> None:
    """Check a manifest, its data and its records; needs no network.

    Reports all problems at once, each with its place and a hint.
    """


@cli.command(short_help="Show the changes that applying a manifest would make; writes nothing.")
@manifest_options
@target_options
@plan_options
@locked_option
@json_option
@click.option("--markdown", is_flag=True, help="Print Markdown, for a comment on a pull request.")
@click.option("--out", type=_FILE, metavar="FILE", help="Save the plan, for `atpub apply FILE`; - is stdout.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if changes are pending.")
@run_by("atpub.cli.run.plan:run")
def plan() -> None:
    """Show the changes that applying a manifest would make.

    Reads the repository, which is public: needs no credentials and writes nothing. Exits with 7 if the plan holds a
    change that a safety rule forbids.
    """


@cli.command(short_help="Apply the manifest to the repository.")
@click.argument("plan_file", type=PathParameter(), metavar="[PLAN]", required=False)
@manifest_options
@target_options
@plan_options
@locked_option
@json_option
@wait_option
@yes_option
@click.option("--digest", metavar="SHA256", help="Do not ask if the plan has this digest; stop if it has another.")
@run_by("atpub.cli.run.apply:run")
def apply() -> None:
    """Apply the manifest to the repository.

    Shows the plan and asks for confirmation before it changes anything. Without a terminal, give a PLAN that
    `atpub plan --out` has saved, the --digest of a reviewed plan, or --yes. Applying again changes nothing.

    A saved plan is applied unchanged or not at all: if one of its records or files has changed since, the plan is
    stale. With ATPUB_PASSWORD, a saved plan needs --account or ATPUB_ACCOUNT, which must name the account of the plan.

    Ctrl-C, SIGTERM and SIGHUP let the request in flight end and report what was applied; a second one stops at once.
    In both cases, applying again continues the work.
    """


@cli.command(short_help="Record file sizes and checksums in atpub.lock.")
@manifest_options
@json_option
@click.option("--prune", is_flag=True, help="Drop the entries of files that are not here.")
@run_by("atpub.cli.run.lock:run_lock")
def lock() -> None:
    """Record file sizes and checksums in atpub.lock, beside the manifest; commit both.

    The lock holds the size, SHA-256 and number of samples of each local file that the manifest names, and the SHA-256
    of each URL that a checksum file lists. It replaces files that are not here: validate and plan need no data, and
    apply needs only data that is not published yet. A file that is here takes precedence: if it differs from the lock,
    atpub warns, and with --locked it fails.

    The lock keeps the entries of files that are not here if the manifest still names them; --prune removes them.
    """


@cli.command("import", short_help="Write manifest entries for records that are already published.")
@click.argument("uris", nargs=-1, metavar="[URI]...")
@manifest_options
@target_options
@json_option
@click.option("--all", "everything", is_flag=True, help="Import every record of the account.")
@click.option("--project", metavar="NAME", help="The project that the entries are for. [the manifest's]")
@click.option("--out", type=_FILE, metavar="FILE", help="The manifest to write.")
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@click.option("--adopt", is_flag=True, help="Let the project own the records after the next apply.")
@click.option("--download", is_flag=True, help="Save blobs beside the manifest, and name them as files.")
@click.option("--lexicons", type=_FOLDER, metavar="DIR", help="The folder of the project's own lexicons.")
@run_by("atpub.cli.run.import_records:run")
def import_command() -> None:
    """Write manifest entries for records that are already published.

    Each URI names a record, or a collection such as at://lab.example/org.lab.note. Prints the entries, or writes them
    to the file that --out names. The plan of these entries is empty: each describes its record exactly, in a section
    such as `datasets:` if possible, else under `records:`.

    Without --download, blobs are kept by reference, and a dataset of blobs is written under `records:`. With
    --download, it is written under `datasets:`, and the manifest can be applied to another account.

    Records that other projects own, and records that cannot be expressed as manifest entries, are left out with a
    warning.

    Needs no credentials. If there is a manifest, the entries extend it, and records that it already has are left out.
    """


@cli.command(short_help="Download the shards of a published dataset, and verify them.")
@click.argument("uri", metavar="URI")
@click.option("--repository", type=_FOLDER, metavar="DIR", help="A repository in a folder. [default: ./.atpub/local]")
@click.option("--pds", metavar="URL", help="The account's PDS, instead of looking it up. [ATPUB_PDS]")
@json_option
@click.option(
    "--out", type=PathParameter(file_okay=False), metavar="DIR", required=True, help="The folder of the files."
)
@click.option("--max-bytes", type=int, metavar="N", help="The most bytes of all shards. [the size in the record]")
@run_by("atpub.cli.run.pull:run")
def pull() -> None:
    """Download the shards of a published dataset, and verify them.

    URI names a dataset or a label, as `atpub apply` prints it. at://did:web:local.invalid/… is in the repository in
    ./.atpub/local, or in the folder that --repository names.

    Files are named as in the URLs; blobs are KEY-000000.tar and so on. Each is compared with the checksum in the record
    before it gets its name. Files that are there are kept, and no other file is replaced. If a run stops, run it again:
    it continues.

    Needs no credentials.
    """


@cli.group(cls=OrderedGroup, no_args_is_help=False, short_help="Verify or rebuild the project's ownership inventory.")
def inventory() -> None:
    """Verify or rebuild the project's ownership inventory.

    A project's inventory is stored in the repository itself. It lists the records that the project owns, and so may
    change and delete, with their content when they were last applied.
    """


@inventory.command()
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


@inventory.command()
@manifest_options
@target_options
@locked_option
@json_option
@yes_option
@run_by("atpub.cli.run.repository:run_rebuild")
def rebuild() -> None:
    """Rebuild the project's inventory from the manifest and the live records.

    Listed records that are live stay listed. Live records that equal their manifest entries are added, unless another
    project owns them; missing records are removed from the list. Damaged inventory records are replaced.

    Shows the new inventory and asks for confirmation. Changes no record except the inventory's own.
    """


@cli.command(short_help="Log in to an account's server and store the session.")
@manifest_options
@target_options
@click.option("--keyring", is_flag=True, help="Store the password in the system's keyring, too.")
@run_by("atpub.cli.run.login:run_login")
def login() -> None:
    """Log in to an account's server and store the session for later runs.

    Asks for the password, or takes it from ATPUB_PASSWORD; an app password is enough. Only the session is stored, in a
    file that only you can read; the password is not. Runs renew the session; an unused one expires after months.

    No manifest is needed if you name the account.
    """


@cli.command(short_help="End the stored session.")
@manifest_options
@target_options
@run_by("atpub.cli.run.login:run_logout")
def logout() -> None:
    """End the stored session, at the server and on this machine.

    Also removes the account's password from the system's keyring. Logging out twice does no harm.
    """


@cli.command(short_help="Show the account, its server, and the login that a run would use.")
@manifest_options
@target_options
@json_option
@run_by("atpub.cli.run.login:run_whoami")
def whoami() -> None:
    """Show the account, its server, and the login that a run would use.

    Looks the account up, and asks the server whether the stored session is valid; a password is not tried. Exits with 4
    if a run could not log in.
    """


@cli.command(short_help="Write the account's repository to a CAR file.")
@manifest_options
@target_options
@click.option("--car", "file", type=_FILE, metavar="FILE", required=True, help="The file to write.")
@run_by("atpub.cli.run.repository:run_export")
def export() -> None:
    """Write the account's whole repository to a CAR file.

    The file holds every record of the account, but no blobs. Needs no credentials.
    """


@cli.command(short_help="Delete all records that the manifest's project owns.")
@manifest_options
@target_options
@json_option
@click.option("--delete-drifted", is_flag=True, help="Delete records modified outside this project, too.")
@wait_option
@yes_option
@run_by("atpub.cli.run.apply:run_destroy")
def destroy() -> None:
    """Delete all records that the manifest's project owns, published versions included.

    Shows the records and asks for confirmation. Records that the project does not own stay. If the project owns a
    protected record, nothing is deleted.
    """


@cli.command(short_help="Generate typed Python classes from Lexicon JSON.")
@click.option("--lexicons", multiple=True, metavar="DIR", help="A folder of Lexicon JSON files. [default: lexicons]")
@click.option("--out", metavar="DIR", help="The folder of the generated package.")
@click.option("--package", metavar="NAME", help="The import name of the package.")
@click.option("--include", multiple=True, metavar="PATTERN", help="Only NSIDs like org.lab.*, and those they need.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="No NSIDs like org.lab.old.*, unless needed.")
@click.option("--samples", multiple=True, metavar="MANIFEST", help="Write dataclasses for a manifest's schemas.")
@click.option("--allow-missing", is_flag=True, help="Treat unresolved references as unknown types.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option("--check", is_flag=True, help="Write nothing; fail if a file is stale, missing or orphaned.")
@json_option
@run_by("atpub.cli.run.generate:run")
def generate() -> None:
    """Generate typed Python classes from Lexicon JSON.

    The package has a module for each lexicon: a class for each record and object, and typed requests and responses of
    methods. Up-to-date files are not touched; only files that atpub has generated are removed.

    Options that are not given are read from [tool.atpub.generate] in pyproject.toml, under the same names.
    """


@cli.command("manifest-schema", epilog=_SCHEMA_EPILOG, short_help="Print the JSON Schema of the manifest.")
@run_by("atpub.cli.run.manifest:run_manifest_schema")
def manifest_schema() -> None:
    """Print the JSON Schema of the manifest, for editors and other tools."""


COMMANDS: Final = {name: command.short_help or "" for name, command in cli.commands.items()}
"""The summary of each command, by its name."""
