"""`atpub verify`."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.syntax import AtUri, SyntaxViolation
from atpub.cli.connect import TargetOptions, find_target, open_repository, opening
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, style_for
from atpub.cli.progress import show_progress
from atpub.desired import read_manifest
from atpub.errors import Usage
from atpub.executors import open_executor
from atpub.generated import LEXICONS
from atpub.manifest.model import Manifest
from atpub.report.verified import verification_json, verification_text
from atpub.verifying.batches import MOST_BYTES, BatchReader
from atpub.verifying.repositories import Repositories
from atpub.verifying.run import Selection, select_entries, select_uris, verify_records

_FINDINGS: Final = 2  # as of `inventory verify`
_UNCHECKED: Final = 1


def run(
    what: tuple[str, ...],
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    repository: Path | None,
    deep: bool,
    max_bytes: int | None,
    executor: str,
    as_json: bool,
) -> int:
    """Print what is wrong with published records; return the exit code."""
    if max_bytes is not None and max_bytes < 1:
        raise Usage(f"{max_bytes} is no number of bytes", hint="give 1 or more")
    uris = [_parse(text) for text in what if text.startswith("at://")]
    addresses = [text for text in what if not text.startswith("at://")]
    is_of_manifest = bool(addresses) or not uris
    if repository and not uris:
        hint = f"name the account: --account local:{repository}"
        raise Usage("--repository is about at:// URIs", hint=hint)
    if account and not is_of_manifest:
        raise Usage("an at:// URI names its account itself", hint="leave out --account, or give an address")
    if max_bytes is not None and not deep:
        raise Usage("--max-bytes is an option of --deep", hint="add --deep")
    manifest = read_manifest(manifests, environment, environ()) if is_of_manifest or manifests else None
    with ExitStack() as stack:
        open_named = stack.enter_context(opening(repository, pds))
        open_other = stack.enter_context(opening(None, None, {}))
        named = {uri.authority for uri in uris}  # --repository and --pds are about these alone
        repositories = Repositories(
            lambda uri: (open_named if uri.authority in named else open_other)(uri), time.monotonic
        )
        selection = Selection(())
        if manifest is not None and is_of_manifest:
            target = find_target(manifest, TargetOptions(account, pds, environment))
            own = stack.enter_context(closing(open_repository(target, remember=True)))  # which may not exist yet
            selection += select_entries(manifest, addresses, own, repositories)
        selection += select_uris(uris, repositories)
        opened = stack.enter_context(open_executor(executor))
        reader = BatchReader(max_bytes or MOST_BYTES, opened, stack.enter_context(show_progress()))
        found = verify_records(selection, _lexicons(manifest), repositories, reader, deep=deep)
    if as_json:
        print_json(verification_json(found))
    else:
        print_data(verification_text(found, style_for(sys.stdout)))
    return _FINDINGS if found.count("error") else _UNCHECKED if found.count("unchecked") else 0


def _parse(text: str) -> AtUri:
    try:
        return AtUri.parse(text)
    except SyntaxViolation:
        hint = (
            "such as at://lab.example.org/science.alt.dataset.entry/3jzfcijpj2z2a, a collection or at://lab.example.org"
        )
        raise Usage(f"{text[:200]!r} is not an at:// URI", hint=hint) from None


def _lexicons(manifest: Manifest | None) -> Lexicons:
    return manifest.lexicons if manifest else LEXICONS.lexicons
