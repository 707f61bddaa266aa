"""The results of `atpub pack`, as text and as JSON."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import RAW, Cid
from atpub.report.problems import FORMAT_VERSION, problem_json
from atpub.report.style import CYAN, FAINT, GREEN, PLAIN, Style
from atpub.suggest import pluralize, size

if TYPE_CHECKING:  # reports read no shards
    from atpub.packing.run import PackedDataset
    from atpub.packing.write import PackedShard


def packed_shard_text(shard: PackedShard, style: Style = PLAIN) -> str:
    """Return a line with the outcome of a shard."""
    status = style("unchanged", FAINT) if shard.status == "unchanged" else f"{style('written', GREEN)}  "
    return f"{status} {style(shard.file.name)} ({pluralize(shard.samples, 'sample')}, {size(shard.size)})"


def packed_text(packed: PackedDataset, style: Style = PLAIN) -> str:
    """Return a line with the numbers of shards, samples and bytes, and the next command."""
    counts = Counter(shard.status for shard in packed.shards)
    parts = [f"{number:,} {status}" for status in ("written", "unchanged") if (number := counts[status])]
    samples = sum(shard.samples for shard in packed.shards)
    total = sum(shard.size for shard in packed.shards)
    held = f"{pluralize(samples, 'sample')}, {size(total)}, {packed.format}"
    line = f"{packed.folder}: {pluralize(len(packed.shards), 'shard')} ({', '.join(parts)}), {held}"
    command = f"atpub init {shlex.quote(str(packed.folder))}"
    return f"{style(line, GREEN)}\n{style('next', CYAN)}: {style(command)}"


def packed_json(packed: PackedDataset) -> JsonObject:
    """Return the shards as JSON, with the CIDs that they have as blobs, and the warnings."""
    return {
        "format_version": FORMAT_VERSION,
        "folder": str(packed.folder),
        "format": packed.format,
        "shards": [_shard_json(shard) for shard in packed.shards],
        "problems": [problem_json(problem) for problem in packed.warnings],
    }


def _shard_json(shard: PackedShard) -> JsonObject:
    return {
        "file": str(shard.file),
        "status": shard.status,
        "samples": shard.samples,
        "size": shard.size,
        "sha256": shard.sha256.hex(),
        "cid": Cid.of_digest(shard.sha256, RAW),
    }
