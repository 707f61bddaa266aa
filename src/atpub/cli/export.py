"""`atpub export`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from atpub.cli.options import TargetOptions, manifest_options, target_options

CAR = click.Path(path_type=Path, dir_okay=False)


@click.command("export")
@manifest_options
@target_options
@click.option("--car", "file", type=CAR, metavar="FILE", required=True, help="The file to write.")
def command(
    manifests: tuple[str, ...], environment: str | None, account: str | None, pds: str | None, *, file: Path
) -> int:
    """Write the account's whole repository to a CAR file.

    It holds every record, whoever has made it, but no blobs. Needs no credentials.
    """
    # Help does not wait for these.
    import re

    from atpub.cli.files import replacing, require_own
    from atpub.cli.output import print_data
    from atpub.cli.targets import find, open_repository
    from atpub.pipeline import read_manifest
    from atpub.report.style import size

    require_own(file, "a CAR file", re.compile(rb"(?s).{1,2}\xa2\x65roots"))  # its header's length, and its first key
    where = find(read_manifest(manifests, environment), TargetOptions(account, pds, environment))
    with closing(open_repository(where)) as repository, replacing(file) as new, new.open("wb") as stream:
        repository.export_car(stream)
    print_data(f"{file}: {size(file.stat().st_size)}, the repository of {repository.did}.")
    return 0
