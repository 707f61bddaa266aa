"""Samples as their readers find them in a shard: consecutive files with one key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

# Both are webdataset.tariterators': what it skips, and where a sample's key ends.
_METADATA = re.compile(r"__[^/]*__($|/)")
_KEY = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")

Sample: TypeAlias = tuple[str, Mapping[str, bytes]]
"""A key, and the bytes of each of its files by extension."""


def split_name(name: str) -> tuple[str, str] | None:
    """Return the key and the extension of a sample's file: `("a/0", "feat.npy")`; None for a file of no sample."""
    found = None if _METADATA.match(name) else _KEY.match(name)
    return None if found is None else (found[1], found[2].lower())


def group_samples(files: Iterable[tuple[str, bytes]]) -> Iterator[Sample]:
    """Yield the samples of a shard's files, given by name in their order; holds one sample at a time."""
    current = ""
    held: dict[str, bytes] = {}
    for name, data in files:
        split = split_name(name)
        if split is None:
            continue
        key, extension = split
        if held and key != current:
            yield current, held
            held = {}
        current = key
        held[extension] = data
    if held:
        yield current, held
