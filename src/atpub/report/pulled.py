"""The results of `atpub pull`, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from atpub.atproto.data import JsonObject
from atpub.report.problems import FORMAT_VERSION, error_json
from atpub.report.style import FAINT, GREEN, PLAIN, RED, Style
from atpub.suggest import pluralize, size

if TYPE_CHECKING:
    from atpub.pulling.run import PulledDataset, PulledShard


def pulled_shard_text(item: PulledShard, style: Style = PLAIN) -> str:
    """Return a line with the outcome of a shard."""
    name = style(item.shard.name)
    unchecked = "" if item.shard.sha256 else "; no checksum to verify it by"
    match item.status:
        case "saved":
            more = f", {size(item.continued)} of it from an earlier run" if item.continued else ""
            return f"{style('saved', GREEN)}   {name} ({size(item.size)}{more}{unchecked})"
        case "present":
            return f"{style('present', FAINT)} {name} (already here{unchecked})"
        case "failed":
            assert item.error is not None
            hint = f" ({style(item.error.hint)})" if item.error.hint else ""
            return f"{style('failed', RED)}  {name}: {style(item.error.message)}{hint}"
        case "skipped":
            return f"{style('skipped', FAINT)} {name} (not tried: too many failures)"


def pulled_text(pulled: PulledDataset, style: Style = PLAIN) -> str:
    """Return a line with the numbers of shards and bytes."""
    counts = Counter(item.status for item in pulled.shards)
    written = sum(item.size for item in pulled.shards if item.status == "saved")
    parts = [f"{counts['saved']} saved ({size(written)})"]
    parts += [f"{counts['present']} already here"] if counts["present"] else []
    parts += [f"{counts['failed']} failed"] if counts["failed"] else []
    parts += [f"{counts['skipped']} not tried"] if counts["skipped"] else []
    line = f"{pulled.folder}: {pluralize(len(pulled.shards), 'shard')}: {', '.join(parts)}"
    return style(line, RED if pulled.error else GREEN)


def pulled_json(pulled: PulledDataset) -> JsonObject:
    """Return the outcome of each shard as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "uri": str(pulled.dataset.uri),
        "folder": str(pulled.folder),
        "shards": [_shard_json(item) for item in pulled.shards],
    }


def _shard_json(item: PulledShard) -> JsonObject:
    return {
        "file": str(item.file),
        "status": item.status,
        "size": item.size,
        "continued": item.continued,
        "sha256": item.shard.sha256,
        "error": error_json(item.error)["error"] if item.error else None,
    }
