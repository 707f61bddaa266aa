"""`atpub import`."""

from __future__ import annotations

from pathlib import Path

import click

from atpub.cli.options import TargetOptions, json_option, manifest_options, target_options


@click.command("import")
@click.argument("uris", nargs=-1, metavar="[URI]...")
@manifest_options
@target_options
@json_option
@click.option("--all", "everything", is_flag=True, help="Import every record of the account.")
@click.option("--project", metavar="NAME", help="The project that the entries are for. [the manifest's]")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The file to write.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option("--adopt", is_flag=True, help="Take over the records: the next apply makes them the project's own.")
@click.option("--download", is_flag=True, help="Save blobs beside the manifest, and name them as files.")
@click.option(
    "--lexicons",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="The folder of the project's own lexicons.",
)
def command(
    uris: tuple[str, ...],
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    everything: bool,
    project: str | None,
    out: Path | None,
    overwrite: bool,
    adopt: bool,
    download: bool,
    lexicons: Path | None,
) -> int:
    """Write manifest entries for records that are live already.

    Each URI names a record, or a collection: at://lab.example/org.lab.note. Prints the entries, or writes them to the
    file that --out names. A plan of them is empty: they say the very records, in sections such as `datasets:` where
    these can, and under `records:` else.

    Blobs are kept by reference, and nothing is downloaded: a dataset of blobs then stands under `records:`. With
    --download it stands under `datasets:`, and the manifest can be applied to another account.

    Records that other projects own, and records that no manifest can say, are left out with a warning.

    Needs no credentials. Where there is a manifest, the entries are meant to stand beside it: what it has already is
    left out.
    """
    # Help does not wait for these.
    from atpub.cli.import_run import Asked, bring, find_base

    wanted = Asked(uris, everything, out, overwrite, adopt, download)
    base = find_base(manifests, environment, project, lexicons, wanted, TargetOptions(account, pds, environment))
    bring(base, wanted, as_json=as_json)
    return 0
