"""Commands about accounts: logins, and the repository as a file."""

from __future__ import annotations

from typing import Final

import click

from atpub.cli.groups import FILE, FOLDER, OUTPUT, command
from atpub.cli.options import (
    ADDRESS,
    json_option,
    manifest_options,
    run_by,
    target_options,
)

_SERVE_EPILOG: Final = "While it runs: atpub list --account did:web:local.invalid --pds http://127.0.0.1:2583"


@command()
@manifest_options
@target_options
@click.option("--keyring", is_flag=True, help="Store the password, or the key of an OAuth session, in the keyring.")
@click.option("--oauth", is_flag=True, help="Confirm the login in a browser (OAuth): atpub gets no password.")
@click.option("--no-browser", is_flag=True, help="With --oauth: show the address to open, and ask for the answer.")
@click.option(
    "--scope",
    "scopes",
    metavar="SCOPE",
    multiple=True,
    help="With --oauth: a further permission, as repo:org.lab.note.",
)
@run_by("atpub.cli.run.login:run_login")
def login() -> None:
    """Log in to an account's server and store the session for later runs.

    Asks for the password, or takes it from ATPUB_PASSWORD; an app password is enough. Only the session is stored, in a
    file that only you can read; the password is not. Runs renew the session; an unused one expires after months.

    With --oauth, you log in and confirm the permissions in a browser. atpub may then write the collections of the
    manifest and upload blobs of its types, until the server ends the login, after weeks at most. With --keyring too,
    the session's file is encrypted, and its key is in the system's keyring.

    No manifest is needed if you name the account; with --oauth, then name each permission with --scope.
    """


@command()
@manifest_options
@target_options
@run_by("atpub.cli.run.login:run_logout")
def logout() -> None:
    """End the stored session, at the server and on this machine.

    Also removes the account's password and the session's key from the system's keyring. Logging out twice does no harm.
    """


@command()
@manifest_options
@target_options
@json_option
@run_by("atpub.cli.run.login:run_whoami")
def whoami() -> None:
    """Show the account, its server, and the login that a run would use.

    Looks the account up, and asks the server whether the stored session is valid; a password is not tried. Exits with 4
    if a run could not log in.
    """


METADATA_FORMATS: Final = ("croissant", "jsonld", "datacite", "citation", "hf-card")
_REPOSITORY = click.option(
    "--repository", type=FOLDER, metavar="DIR", help="A repository in a folder. [default: ./.atpub/local]"
)
_OUT = click.option("--out", type=OUTPUT, metavar="FILE", help="The file to write. [default: stdout]")
_OVERWRITE = click.option("--overwrite", is_flag=True, help="With --out, replace the file if it exists.")


@command()
@click.argument("name", metavar="[ADDRESS|URI]", required=False, shell_complete=ADDRESS)
@manifest_options
@target_options
@click.option("--format", "format_name", type=click.Choice(METADATA_FORMATS), help="The format of the metadata.")
@_OUT
@_OVERWRITE
@_REPOSITORY
@click.option("--car", type=FILE, metavar="FILE", help="Write the whole repository to this CAR file instead.")
@run_by("atpub.cli.run.repository:run_export")
def export() -> None:
    """Export the metadata of a published dataset, or the account's whole repository.

    With --format, ADDRESS names a dataset of the manifest, such as datasets/digits; it may be left out if there is only
    one. A URI names a dataset of any account. Prints the metadata, or writes it to the file that --out names.

    With --car, writes every record of the account to a file, but no blobs. An earlier CAR file of that name is
    replaced, and no other file.

    Needs no credentials.
    """


@command()
@click.argument("name", metavar="[ADDRESS|URI]", required=False, shell_complete=ADDRESS)
@manifest_options
@target_options
@click.option("--check", is_flag=True, help="Report each field that the manifest lacks and NeurIPS requires.")
@_OUT
@_OVERWRITE
@_REPOSITORY
@run_by("atpub.cli.run.metadata:run_croissant")
def croissant() -> None:
    """Export the Croissant file of a published dataset, as `atpub export --format croissant` does.

    With --check, reads the manifest alone: each field that NeurIPS requires, and that one of its datasets lacks, or the
    one at ADDRESS, is reported with its place and a hint. Exits with 3 if there is one.
    """


@command(epilog=_SERVE_EPILOG)
@click.option("--repository", type=FOLDER, metavar="DIR", help="A repository in a folder. [default: ./.atpub/local]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=2583,
    help="The port on 127.0.0.1; 0 takes a free one. [2583]",
)
@click.option("--catalog", type=FOLDER, metavar="DIR", help="A folder of pages to serve at /.")
@click.option(
    "--allow-origin",
    "origins",
    metavar="ORIGIN",
    multiple=True,
    help="A site whose pages may read the repository in a browser, or * for all. [those of this machine]",
)
@run_by("atpub.cli.run.serve:run")
def serve() -> None:
    """Serve the local repository to AT Protocol clients on this machine, read-only.

    Prints the URL, and answers the reads of com.atproto.repo and com.atproto.sync there until you stop it with Ctrl-C,
    which exits with 0. Clients need that URL as the address of the account's server, or PDS.

    Other processes may apply at the same time. Nothing can be written through the server, and no other machine can
    reach it.
    """
