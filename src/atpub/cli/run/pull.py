"""`atpub pull`."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path

from atpub.atproto.syntax import AtUri
from atpub.cli.connect import open_repository
from atpub.cli.output import print_data, print_json, style_for, tell
from atpub.cli.progress import show_progress
from atpub.pulling.entries import find_dataset, parse_dataset_uri
from atpub.pulling.run import PulledShard, pull_dataset
from atpub.report.pulled import pulled_json, pulled_shard_text, pulled_text
from atpub.repository.interface import Repository
from atpub.target import Target


def run(uri: str, repository: Path | None, pds: str | None, *, out: Path, max_bytes: int | None, as_json: bool) -> int:
    """Save the shards of a dataset as files; return the exit code of the first failure, else 0."""
    server = pds or os.environ.get("ATPUB_PDS")

    def opened(at: AtUri) -> Repository:
        target = Target.of_authority(at.authority, server, repository)
        found = stack.enter_context(closing(open_repository(target, remember=True)))
        target.check_exists(found)
        return found

    with ExitStack() as stack:
        dataset = find_dataset(parse_dataset_uri(uri), opened)
        on_progress = stack.enter_context(show_progress())
        pulled = pull_dataset(dataset, out, max_bytes=max_bytes, on_shard=_tell_shard, on_progress=on_progress)
    if as_json:
        print_json(pulled_json(pulled))
    else:
        print_data(pulled_text(pulled, style_for(sys.stdout)))
    return pulled.error.exit_code if pulled.error else 0


def _tell_shard(item: PulledShard) -> None:
    tell(pulled_shard_text(item, style_for(sys.stderr)))
