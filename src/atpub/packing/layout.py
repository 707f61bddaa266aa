"""The samples of a run in their order, the bytes that they take in a shard, and what forbids to pack them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Final, Literal, TypeAlias

from atpub.packing.model import SourceFile
from atpub.problems import Problem
from atpub.shards.headers import BLOCK
from atpub.shards.sample_types import MSGPACK

Format: TypeAlias = Literal["members", "msgpack"]
FileGroup: TypeAlias = tuple[str, Sequence[SourceFile]]
"""The key of a sample, and its files by extension."""

END: Final = bytes(2 * BLOCK)
"""What ends an archive."""

_PLAIN_NAME: Final = 100
_PLAIN_SIZE: Final = 1 << 33
PICKLES: Final = frozenset(("pyd", "pickle", "pkl"))
"""The extensions of pickles, which can run code where they are read."""


def group_files(files: Iterable[SourceFile]) -> Iterator[FileGroup]:
    """Yield the samples of files that are sorted by key and extension."""
    for key, members in groupby(files, lambda file: file.key):
        yield key, list(members)


def member_header(name: str, size: int) -> bytes:
    """Return the header of a member: ustar, and after a pax header only where ustar has no room for it."""
    info = tarfile.TarInfo(name)  # mode 0644, owner, group and time 0
    info.size = size
    try:
        return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    except ValueError:
        return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def member_length(name: str, size: int) -> int:
    """Return how many bytes of a shard a member takes."""
    is_plain = len(name.encode()) <= _PLAIN_NAME and size < _PLAIN_SIZE
    return (BLOCK if is_plain else len(member_header(name, size))) + size + padding(size)


def padding(size: int) -> int:
    """Return the number of zeros after the bytes of a member."""
    return -size % BLOCK


def check_files(files: Sequence[SourceFile], form: Format, max_size: int) -> Iterator[Problem]:
    """Yield what forbids to pack the files, which are sorted by key and extension."""
    for file, other in pairwise(files):
        if file[:2] == other[:2]:
            message = f"{other}: {file.name} is there twice, first in {file}"
            yield Problem("tar-duplicate", message, hint="rename or remove one: readers refuse a member twice")
    for key, members in group_files(files):
        yield from _check_sample(key, members, form, max_size)


def _check_sample(key: str, files: Sequence[SourceFile], form: Format, max_size: int) -> Iterator[Problem]:
    extensions = {file.extension for file in files}
    if MSGPACK in extensions and len(extensions) > 1:
        message = f"{files[0]}: sample {key!r} has msgpack beside other members, and readers take one of them"
        yield Problem("mixed-formats", message, hint="remove one")
    if form == "msgpack":
        yield from (_pickle(file) for file in files if file.extension.rpartition(".")[2] in PICKLES)
    is_converted = (form == "msgpack") != (MSGPACK in extensions)
    lengths = [file.size if is_converted else member_length(file.name, file.size) for file in files]
    if sum(lengths) + len(END) > max_size:
        yield oversized(key, sum(lengths), max_size, files[0])


def _pickle(file: SourceFile) -> Problem:
    message = f"{file}: a pickle is never unpickled, and msgpack cannot hold one"
    return Problem("pickle-member", message, hint="write the value as json or npy, or pack with --format members")


def oversized(key: str, size: int, max_size: int, file: SourceFile) -> Problem:
    """Return the problem of a sample of so many bytes, which no shard has room for."""
    message = f"{file}: sample {key!r} takes {size + len(END):,} bytes, and a shard has at most {max_size:,}"
    hint = "raise --max-size (a PDS takes blobs of at most 50 MiB), or make the sample smaller"
    return Problem("sample-too-large", message, hint=hint)
