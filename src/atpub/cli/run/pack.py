"""`atpub pack`."""

from __future__ import annotations

import sys
from pathlib import Path

from atpub.cli.output import print_data, print_json, style_for, tell, tell_warnings
from atpub.cli.progress import show_progress
from atpub.packing.layout import Format
from atpub.packing.run import pack_files
from atpub.packing.write import PackedShard
from atpub.report.packed import packed_json, packed_shard_text, packed_text


def run(sources: tuple[str, ...], out: Path, form: Format, max_size: int, name: str | None, *, as_json: bool) -> None:
    """Pack files into shards, and print each of them."""
    with show_progress() as on_progress:
        packed = pack_files(
            sources, out, name=name, max_size=max_size, form=form, on_shard=_tell_shard, on_progress=on_progress
        )
    tell_warnings(tuple(packed.warnings))
    if as_json:
        print_json(packed_json(packed))
    else:
        print_data(packed_text(packed, style_for(sys.stdout)))


def _tell_shard(shard: PackedShard) -> None:
    tell(packed_shard_text(shard, style_for(sys.stderr)))
