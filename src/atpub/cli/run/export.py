"""`atpub export`."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import Final

from atpub.atomic_files import replacing, require_own
from atpub.cli.connect import find_target, open_repository
from atpub.cli.options import TargetOptions
from atpub.cli.output import print_data
from atpub.pipeline import read_manifest
from atpub.report.style import size

_CAR_HEADER: Final = re.compile(rb"(?s).{1,2}\xa2\x65roots")  # the header's length and its first key


def run(
    manifests: tuple[str, ...], environment: str | None, account: str | None, pds: str | None, *, file: Path
) -> None:
    """Write a repository to a CAR file."""
    require_own(file, "a CAR file", _CAR_HEADER)
    target = find_target(read_manifest(manifests, environment), TargetOptions(account, pds, environment))
    with closing(open_repository(target)) as repository, replacing(file) as new, new.open("wb") as stream:
        repository.export_car(stream)
    print_data(f"{file}: {size(file.stat().st_size)}, the repository of {repository.did}.")
