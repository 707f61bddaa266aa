"""Commands about data: shards, checksums, and published datasets read back."""

from __future__ import annotations

import click

from atpub.cli.groups import FILE, FOLDER, OUTPUT, PathParameter, command
from atpub.cli.options import (
    ADDRESS,
    executor_option,
    json_option,
    manifest_options,
    quiet_option,
    run_by,
    samples_option,
    size_option,
    target_options,
)


@command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@samples_option("100")
@executor_option
@click.option("--repository", type=FOLDER, metavar="DIR", help="A repository in a folder. [default: ./.atpub/local]")
@click.option("--pds", metavar="URL", help="The account's PDS, instead of looking it up. [ATPUB_PDS]")
@json_option
@run_by("atpub.cli.run.inspect:run_inspect")
def inspect() -> None:
    """Show what tar shards hold: samples, fields, types, ranges and examples of values.

    A PATH is a tar file, a folder of them, a pattern, an http(s) or s3:// URL, or the at:// URI of a published dataset
    or label.

    Counts all samples of local shards and looks at the values of the first ones; of other shards, receives these only.
    Warns of whatever readers misread: files of one sample that are apart, links, samples with different members.
    Unpacks and unpickles nothing. Exits with 1 if a shard is broken; the others are shown all the same.
    """


@command()
@click.argument("sources", nargs=-1, required=True, metavar="SRC...")
@click.option(
    "--out", type=PathParameter(file_okay=False), metavar="DIR", required=True, help="The folder of the shards."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["members", "msgpack"]),
    default="members",
    help="A tar member for each field, or one msgpack map for each sample. [default: members]",
)
@size_option("--max-size", default="52428800", help="The most bytes of a shard: 5MB, 1GiB. [what a PDS takes: 50MiB]")
@click.option("--name", metavar="NAME", help="What the names of shards begin with. [the name of the folder]")
@json_option
@quiet_option
@run_by("atpub.cli.run.shards:run_pack")
def pack() -> None:
    """Pack files of samples into WebDataset shards: the same files make the same bytes, on every machine.

    A SRC is a folder of files, a tar, a folder of tars, or a pattern of tars. The files KEY.EXTENSION with one KEY are
    a sample, also if they are in several folders or apart in a tar. They are written, sorted, to NAME-000000.tar and so
    on.

    With --format msgpack, cls becomes an integer, txt text and json a value; atdata reads this format only. Never
    unpickles, and never replaces a file. If a run stops, run it again.
    """


@command()
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option("--out", type=FILE, metavar="FILE", default="atpub.yaml", help="The manifest. [./atpub.yaml]")
@click.option("--nsid", metavar="NSID", help="The name of the schema. [org.example.FOLDER, to be changed]")
@samples_option("100")
@json_option
@run_by("atpub.cli.run.inspect:run_init")
def init() -> None:
    """Write a first manifest for local tar shards: a schema that fits the samples, and datasets.

    DATA are tar files, folders of them, or patterns, in the folder of the manifest. Shards whose names differ in their
    numbers are one dataset: train-*.tar and val-*.tar are two. Shards that are too large for blobs are described in a
    comment. Never replaces a file.

    The manifest can be applied as it is, to a repository in a folder. Editors complete it by atpub.schema.json beside
    it, which its first line names.
    """


@command()
@manifest_options
@json_option
@quiet_option
@click.option("--prune", is_flag=True, help="Drop the entries of files that are not here.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 2 if the lock is out of date.")
@executor_option
@click.option("--index", type=click.Choice(["wids"]), help="Also write an index of each dataset: NAME.wids.json.")
@run_by("atpub.cli.run.lock:run_lock")
def lock() -> None:
    """Record file sizes and checksums in atpub.lock, beside the manifest; commit both.

    The lock holds the size, SHA-256 and number of samples of each local file that the manifest names, and the SHA-256
    of each URL that a checksum file lists. It replaces files that are not here: validate and plan need no data, and
    apply needs only data that is not published yet. A file that is here takes precedence: if it differs from the lock,
    atpub warns, and with --locked it fails.

    The lock keeps the entries of files that are not here if the manifest still names them; --prune removes them.

    Where the manifest has `checksums: {missing: fetch}` or `store`, atpub asks the stores for the checksums of URLs;
    with `fetch`, it reads each shard without one once. Later runs only ask whether anything has changed. If a run
    stops, run it again: it continues. Exits with 1 if a checksum was not found; the lock keeps the others.

    --check, for CI, asks the stores but reads no shard.
    """


@command("import")
@click.argument("uris", nargs=-1, metavar="[URI]...")
@manifest_options
@target_options
@json_option
@quiet_option
@click.option("--all", "everything", is_flag=True, help="Import every record of the account.")
@click.option(
    "--take",
    metavar="ADDRESS",
    multiple=True,
    shell_complete=ADDRESS,
    help="Write what is live into this entry of the manifest.",
)
@click.option("--project", metavar="NAME", help="The project that the entries are for. [the manifest's]")
@click.option("--out", type=OUTPUT, metavar="FILE", help="The manifest to write.")
@click.option("--overwrite", is_flag=True, help="Replace the files of --out and --download if they exist.")
@click.option("--adopt", is_flag=True, help="Let the project own the records after the next apply.")
@click.option("--download", is_flag=True, help="Save blobs beside the manifest, and name them as files.")
@click.option("--lexicons", type=FOLDER, metavar="DIR", help="The folder of the project's own lexicons.")
@run_by("atpub.cli.run.import_records:run")
def import_command() -> None:
    """Write manifest entries for records that are published.

    Each URI names a record, or a collection such as at://lab.example/org.lab.note. Prints the entries, or writes them
    to the file that --out names. The plan of these entries is empty: each describes its record exactly, in a section
    such as `datasets:` if possible, else under `records:`.

    Without --download, blobs are kept by reference, and a dataset of blobs is written under `records:`. With
    --download, it is written under `datasets:`, and the manifest can be applied to another account.

    --take keeps an edit that was made elsewhere: it writes the live values of a record into its entry, in place, and
    shows the diff. Comments, order and quotes stay. `atpub drift` lists such edits.

    Records that other projects own, and records that cannot be expressed as manifest entries, are left out with a
    warning.

    Needs no credentials. If there is a manifest, the entries extend it, and records that it already has are left out.
    """


@command("list")
@manifest_options
@target_options
@json_option
@click.option("--long", is_flag=True, help="Show whole URIs and titles.")
@run_by("atpub.cli.run.published:run_list")
def list_command() -> None:
    """List the datasets of a manifest, or of an account.

    With a manifest, shows the address of each dataset and how it stands: up to date, changed, not published, to be
    removed. With --account alone, shows all datasets of any account. Needs no credentials.
    """


@command()
@click.argument("name", metavar="ADDRESS|URI", shell_complete=ADDRESS)
@manifest_options
@target_options
@click.option("--repository", type=FOLDER, metavar="DIR", help="A repository in a folder. [default: ./.atpub/local]")
@json_option
@click.option("--raw", is_flag=True, help="Print the record alone, as JSON.")
@run_by("atpub.cli.run.published:run_show")
def show() -> None:
    """Show a published record as people read it.

    ADDRESS names an entry of the manifest, such as datasets/digits, or digits if no other entry has that key. A URI
    names a record of any account. Shows a dataset with its license, schema, shards and labels, and the code to load it;
    a record of another collection as JSON. Needs no credentials.
    """


@command()
@click.argument("uri", metavar="URI")
@click.option("--repository", type=FOLDER, metavar="DIR", help="A repository in a folder. [default: ./.atpub/local]")
@click.option("--pds", metavar="URL", help="The account's PDS, instead of looking it up. [ATPUB_PDS]")
@json_option
@quiet_option
@click.option(
    "--out", type=PathParameter(file_okay=False), metavar="DIR", required=True, help="The folder of the files."
)
@click.option("--max-bytes", type=int, metavar="N", help="The most bytes of all shards. [the size in the record]")
@run_by("atpub.cli.run.shards:run_pull")
def pull() -> None:
    """Download and verify the shards of a published dataset.

    URI names a dataset or a label, as `atpub apply` prints it. at://did:web:local.invalid/… is in the repository in
    ./.atpub/local, or in the folder that --repository names.

    Files are named as in the URLs; blobs are KEY-000000.tar and so on. Each is compared with the checksum in the record
    before it gets its name. Files that are there are kept, and no other file is replaced. If a run stops, run it again:
    it continues.

    Needs no credentials.
    """


@command()
@click.argument("what", nargs=-1, metavar="[ADDRESS|URI]...")
@manifest_options
@target_options
@click.option("--repository", type=FOLDER, metavar="DIR", help="A repository in a folder. [default: ./.atpub/local]")
@json_option
@quiet_option
@click.option("--deep", is_flag=True, help="Read all bytes: compare digests, and count samples.")
@click.option("--max-bytes", type=int, metavar="N", help="The most bytes that --deep reads. [1 TiB]")
@executor_option
@run_by("atpub.cli.run.verify:run")
def verify() -> None:
    """Check that published records, blobs and shards are there and intact.

    Verifies what is published, not what is planned: the records of the manifest's entries, of those at an ADDRESS such
    as datasets/digits or labels/*, or those at at:// URIs: records, collections, or whole repositories of any account.

    Each record must be valid, what it refers to must exist, its blobs and shards must be there with their sizes and
    checksums as far as servers state them, and the first sample of each shard must fit the schema. --deep reads every
    byte, computes all digests and counts all samples.

    Exits with 2 if something is wrong, and with 1 if nothing is, but something could not be checked. Needs no
    credentials and changes nothing.
    """
