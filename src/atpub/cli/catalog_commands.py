"""Commands that make web pages of what is published."""

from __future__ import annotations

import click

from atpub.cli.groups import FOLDER, NEW_FOLDER, command
from atpub.cli.options import ADDRESS, json_option, manifest_options, quiet_option, run_by, target_options


@command()
@click.argument("accounts", nargs=-1, metavar="[ACCOUNT]...")
@manifest_options
@target_options
@json_option
@quiet_option
@click.option("--out", type=NEW_FOLDER, metavar="DIR", default="catalog", help="The folder of the pages. [./catalog]")
@click.option(
    "--samples",
    type=click.IntRange(0, 100),
    metavar="N",
    default=12,
    help="Show so many samples of each dataset; 0: none, and read no data. [default: 12]",
)
@run_by("atpub.cli.run.catalog:run_catalog")
def catalog() -> None:
    """Write web pages of the datasets of a manifest or of accounts.

    Without an ACCOUNT, it is the manifest's, and pages show the addresses of its entries. An ACCOUNT is a handle, a
    DID, local, or local:PATH; several make one catalog.

    The pages are files: an index with search and filters, and a page for each dataset with its description, license,
    schema, first samples, shards, and the code to load it. They load nothing from elsewhere, and can be opened from
    disk or put on any web server. Images are shown if Pillow is installed.

    Replaces and removes only files that an earlier run has written. Needs no credentials.
    """


@command("open")
@click.argument("name", required=False, metavar="[ADDRESS|URI]", shell_complete=ADDRESS)
@manifest_options
@target_options
@click.option("--repository", type=FOLDER, metavar="DIR", help="A repository in a folder. [default: ./.atpub/local]")
@quiet_option
@click.option("--print", "print_only", is_flag=True, help="Print the path of the page; open no browser.")
@run_by("atpub.cli.run.catalog:run_open")
def open_command() -> None:
    """Show a published dataset in a web browser.

    ADDRESS names a dataset or a label of the manifest, such as datasets/digits; a URI, one of any account. Without
    either, shows all datasets of the manifest's account. Writes the pages to the cache folder, as `atpub catalog`
    does, and prints the path. Needs no credentials.
    """
