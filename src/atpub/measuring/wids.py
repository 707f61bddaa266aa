"""The index of a dataset for `wids.ShardListDataset`, which finds a sample by its number without reading all shards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from atpub.atproto.data import Json
from atpub.manifest.model import Address
from atpub.problems import Problem
from atpub.shards.facts import Facts, LocalShards
from atpub.shards.lock import Lock, StoreFacts
from atpub.suggest import short_list

INDEX_START: Final = re.compile(rb'\s*\{\s*"__kind__": ?"wids-shard-index')
"""What an index begins with."""

_Shard = tuple[str, int, int | None]
"""The URL or relative path of a shard, its samples, and its bytes."""


def index_file(address: Address) -> str:
    """Return the name of a dataset's index, which is beside the manifest."""
    return f"{address.key}.wids.json"


def build_indexes(facts: Facts, lock: Lock, folder: Path) -> Iterator[tuple[Address, str | Problem]]:
    """Yield the index of each dataset, or the problem that the samples of a shard were not counted."""
    for address, shards in facts.shards.items():
        known: dict[str, tuple[int | None, int | None]] = {}
        if isinstance(shards, LocalShards):
            for file, found in shards.files:
                known[file.relative_to(folder).as_posix()] = (found.samples, found.size)
        else:
            for url in facts.urls[address]:
                stored = lock.stored.get(url, StoreFacts())
                known[url] = (stored.samples, stored.size)
        yield address, _build(address, known)


def _build(address: Address, known: Mapping[str, tuple[int | None, int | None]]) -> str | Problem:
    counted = [(name, samples, size) for name, (samples, size) in known.items() if samples is not None]
    if len(counted) < len(known) or not known:
        missing = [name for name, (samples, _) in known.items() if samples is None]
        message = f"{address}: no index, since samples are not counted of {len(missing):,} of {len(known):,} shards"
        hint = "only shards that are read are counted: `missing: fetch`, where the store states no checksum"
        return Problem("samples-unknown", f"{message}: {short_list(missing)}", hint=hint)
    return _dump(address.key, counted)


def _dump(name: str, shards: Sequence[_Shard]) -> str:
    rows = [_row(shard) for shard in shards]
    index: dict[str, Json] = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": name, "shardlist": [*rows]}
    return json.dumps(index, indent=2, ensure_ascii=False) + "\n"


def _row(shard: _Shard) -> dict[str, Json]:
    url, samples, size = shard
    return {"url": url, "nsamples": samples, **({} if size is None else {"filesize": size})}
