"""Samples as their readers find them in a shard: consecutive files with one key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

# Both are webdataset.tariterators': what it skips, and where a sample's key ends.
_METADATA = re.compile(r"__[^/]*__($|/)")
_KEY = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")

_OF_SHARD: Final = 5
_RESERVED: Final = frozenset(("__key__", "__url__"))
_LARGEST: Final = 1 << 32
_OF_FILE: Final = 1 << 10  # what a name and a place in a dict take, and more

Sample: TypeAlias = tuple[str, Mapping[str, bytes]]
"""A key, and the bytes of each of its files by extension."""


def split_name(name: str) -> tuple[str, str] | None:
    """Return the key and the extension of a sample's file: `("a/0", "feat.npy")`; None for a file of no sample."""
    found = None if _METADATA.match(name) else _KEY.match(name)
    return None if found is None else (found[1], found[2].lower())


class NotASampleError(ValueError):
    """Files with one key are no sample: one of them is there twice or has a reserved name, or they are too many."""


class FirstMembers:
    """The extensions of a shard's first five samples, by which Hugging Face's `webdataset` builder takes or refuses it.

    It skips other files than the `webdataset` package, and distinguishes upper and lower case.
    """

    def __init__(self) -> None:
        self._samples: list[tuple[str, set[str]]] = []
        self._is_over = False

    def add(self, name: str) -> None:
        """Add the next regular file."""
        if self._is_over or name.rpartition("/")[2].startswith((".", "__")) or not (found := _KEY.match(name)):
            return
        if not self._samples or self._samples[-1][0] != found[1]:
            self._is_over = len(self._samples) == _OF_SHARD
            if self._is_over:
                return
            self._samples.append((found[1], set()))
        self._samples[-1][1].add(found[2])

    def find_different(self) -> str | None:
        """Return the key of the first sample whose extensions differ from those of the first."""
        return next((key for key, extensions in self._samples if extensions != self._samples[0][1]), None)


def group_samples(files: Iterable[tuple[str, bytes]]) -> Iterator[Sample]:
    """Yield the samples of a shard's files, given by name in their order; holds one sample at a time.

    Raises NotASampleError.
    """
    current = ""
    held: dict[str, bytes] = {}
    left = _LARGEST
    for name, data in files:
        split = split_name(name)
        if split is None:
            continue
        key, extension = split
        if held and key != current:
            yield current, held
            held, left = {}, _LARGEST
        if extension in _RESERVED:
            raise NotASampleError(f"{name!r} has a name that readers use themselves")
        if extension in held:
            raise NotASampleError(f"{name!r} is twice in one sample")
        left -= len(data) + len(name) + _OF_FILE
        if left < 0:
            raise NotASampleError(f"the sample {key!r} does not fit in memory: it has more than {_LARGEST:,} bytes")
        current = key
        held[extension] = data
    if held:
        yield current, held
