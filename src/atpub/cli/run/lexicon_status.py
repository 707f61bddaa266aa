"""`atpub lex status`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from shutil import get_terminal_size
from typing import Final

from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.lexicons import PublisherLookup
from atpub.atproto.syntax import Nsid
from atpub.cli.connect import TargetOptions, find_account, open_repository
from atpub.cli.output import is_terminal, print_data, print_json, style_for
from atpub.errors import Usage
from atpub.generation.settings import lexicon_folders
from atpub.lexicon_resolution.closure import HeldLexicon
from atpub.lexicon_resolution.shelf import Shelf
from atpub.lexicon_resolution.status import read_status
from atpub.manifest.lexicon_files import why_none
from atpub.report.lexicons import status_json, status_text
from atpub.report.table import UNLIMITED

_DIFFERENCES: Final = 2


def run(
    paths: tuple[Path, ...],
    lock: Path | None,
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
) -> int:
    """Print the status of lexicons; return the exit code."""
    held = _own_lexicons(paths or lexicon_folders(), lock)
    target = find_account(manifests, TargetOptions(account, pds, environment))
    ask = PublisherLookup(ResolverConfig.of(os.environ).dns) if target.folder is None else None
    with closing(open_repository(target, remember=True)) as repository:
        found = read_status(held, repository, ask)
        if as_json:
            print_json(status_json(repository.did, found))
        else:
            width = get_terminal_size().columns if is_terminal(sys.stdout) else UNLIMITED
            print_data(status_text(found, width, style_for(sys.stdout)))
    return 0 if all(item.is_well for item in found) else _DIFFERENCES


def _own_lexicons(folders: Iterable[Path], lock: Path | None) -> dict[Nsid, HeldLexicon]:
    """Return the lexicons in some folders without those that were pulled; raises Usage for a folder without any."""
    held: dict[Nsid, HeldLexicon] = {}
    for folder in folders:
        shelf = Shelf.of(folder, lock)
        found = shelf.read()
        if not found:
            raise Usage(f"{folder} {why_none(folder)}", hint="name folders of lexicons")
        pulled = shelf.read_lock().resolutions
        held |= {nsid: item for nsid, item in found.items() if nsid not in pulled}
    return held
