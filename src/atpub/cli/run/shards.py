"""`atpub pack` and `atpub pull`."""

from __future__ import annotations

import sys
from pathlib import Path

from atpub.cli.connect import opening
from atpub.cli.interrupt import continuing
from atpub.cli.output import print_data, print_json, style_for, tell, tell_warnings
from atpub.cli.progress import show_progress, tell_step
from atpub.packing.layout import Format
from atpub.packing.run import pack_files
from atpub.packing.write import PackedShard
from atpub.pulling.entries import find_dataset, parse_dataset_uri
from atpub.pulling.run import PulledShard, pull_dataset
from atpub.report.packed import packed_json, packed_shard_text, packed_text
from atpub.report.pulled import pulled_json, pulled_shard_text, pulled_text


def run_pack(
    sources: tuple[str, ...], out: Path, form: Format, max_size: int, name: str | None, *, as_json: bool
) -> None:
    """Pack files into shards, and print each of them."""
    with show_progress() as on_progress:
        packed = pack_files(
            sources, out, name=name, max_size=max_size, form=form, on_shard=_tell_packed, on_progress=on_progress
        )
    tell_warnings(tuple(packed.warnings))
    if as_json:
        print_json(packed_json(packed))
    else:
        print_data(packed_text(packed, style_for(sys.stdout)))


def run_pull(
    uri: str, repository: Path | None, pds: str | None, *, out: Path, max_bytes: int | None, as_json: bool
) -> int:
    """Save the shards of a dataset as files; return the exit code of the first failure, else 0."""
    with continuing("what is missing"), opening(repository, pds) as opened, show_progress() as on_progress:
        dataset = find_dataset(parse_dataset_uri(uri), opened)
        pulled = pull_dataset(dataset, out, max_bytes=max_bytes, on_shard=_tell_pulled, on_progress=on_progress)
    if as_json:
        print_json(pulled_json(pulled))
    else:
        print_data(pulled_text(pulled, style_for(sys.stdout)))
    return pulled.error.exit_code if pulled.error else 0


def _tell_packed(shard: PackedShard) -> None:
    tell_step(packed_shard_text(shard, style_for(sys.stderr)))


def _tell_pulled(item: PulledShard) -> None:
    is_fine = item.status in ("saved", "present") and item.shard.sha256
    (tell_step if is_fine else tell)(pulled_shard_text(item, style_for(sys.stderr)))
