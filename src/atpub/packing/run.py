"""The run of `atpub pack`: find the files of samples, check them, and write them to shards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias

from atpub.errors import InvalidInput, Usage
from atpub.packing.convert import NotConvertible, read_map, to_members, to_msgpack
from atpub.packing.layout import (
    END,
    FileGroup,
    Format,
    check_files,
    group_files,
    member_length,
    oversized,
)
from atpub.packing.sources import Sources, Stamps, find_sources, read_file
from atpub.packing.write import PackedMember, PackedShard, ShardWriter, sample_length
from atpub.problems import Problem
from atpub.progress import Ended, OnProgress, Started, ignore
from atpub.shards.sample_types import MSGPACK
from atpub.storage.blobs import LARGEST_SHARD
from atpub.suggest import short_list

_MOST_PROBLEMS: Final = 100


@dataclass(frozen=True, slots=True)
class PackedDataset:
    """The shards in their order, their format, and warnings."""

    folder: Path
    format: Format
    shards: Sequence[PackedShard]
    warnings: Sequence[Problem] = ()


OnShard: TypeAlias = Callable[[PackedShard], object]


def pack_files(
    paths: Sequence[str],
    folder: Path,
    *,
    name: str | None = None,
    max_size: int = LARGEST_SHARD,
    form: Format = "members",
    on_shard: OnShard = lambda _: None,
    on_progress: OnProgress = ignore,
) -> PackedDataset:
    """Write the samples in folders and tars to shards `NAME-000000.tar` and so on; `on_shard` is told of each.

    Members are sorted by key and extension, and their time, owner and mode are fixed. A shard gets its name when it is
    complete. Raises InvalidInput with every problem of the sources, before anything is written, and with the first
    problem of a conversion; FileConflict where another file has the name of a shard; and Usage.
    """
    found = find_sources(paths)
    _check(found, paths, form, max_size)
    shard_name = _choose_name(name, found)
    _check_folder(folder, found)
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(member_length(file.name, file.size) for file in found.files)
    on_progress(Started("pack", -(-total // max_size), total))
    try:
        samples = (_encode(sample, form, max_size, found.stamps) for sample in group_files(found.files))
        shards: list[PackedShard] = []
        for shard in ShardWriter(folder, shard_name, max_size, found.stamps, on_progress).write(samples):
            on_shard(shard)
            shards.append(shard)
    finally:
        on_progress(Ended("pack"))
    return PackedDataset(folder, form, shards, [*found.warnings, *_left_over(folder, shard_name, len(shards))])


def _check(found: Sources, paths: Sequence[str], form: Format, max_size: int) -> None:
    """Sort the files; raise InvalidInput with what is wrong with them."""
    found.files.sort()
    checks = islice(check_files(found.files, form, max_size), _MOST_PROBLEMS)
    problems = [*found.problems, *checks]
    if not found.files and not problems:
        hint = "a sample's files are KEY.EXTENSION: 000001.jpg, 000001.cls"
        problems.append(Problem("no-samples", f"{', '.join(paths)}: no file of a sample", hint=hint))
    if problems:
        raise InvalidInput(tuple(problems))


def _choose_name(name: str | None, found: Sources) -> str:
    if name is None and len(found.names) != 1:
        hint = "name them: --name train"
        raise Usage(f"the shards could be named {' or '.join(sorted(found.names))}", hint=hint)
    chosen = name if name is not None else next(iter(found.names))
    if not re.fullmatch(r"(?!\.)[^/\\\0-\x1f\x7f]+", chosen):
        raise Usage(f"{chosen!r} cannot begin the names of shards", hint="name them: --name train")
    return chosen


def _check_folder(folder: Path, found: Sources) -> None:
    for source in found.folders:
        if folder.resolve().is_relative_to(source.resolve()):
            hint = "write elsewhere: shards among their sources would be packed by the next run"
            raise Usage(f"--out {folder} is inside of {source}", hint=hint)


def _encode(sample: FileGroup, form: Format, max_size: int, stamps: Stamps) -> Sequence[PackedMember]:
    """Return the members of a sample in the format; raises InvalidInput if it cannot have it, or is too large."""
    key, files = sample
    is_msgpack = files[0].extension == MSGPACK
    if form == "members" and not is_msgpack:
        return [PackedMember(file.name, file.size, file) for file in files]
    contents = {file.extension: b"".join(read_file(file, stamps)) for file in files}
    try:
        converted = _convert(contents, form, is_msgpack=is_msgpack)
    except NotConvertible as error:
        file = next((file for file in files if file.extension == error.extension), files[0])
        raise InvalidInput((Problem(error.code, f"{file}: {error}", hint=error.hint),)) from None
    parts = [PackedMember(f"{key}.{extension}", len(data), data) for extension, data in sorted(converted.items())]
    if (length := sample_length(parts)) + len(END) > max_size:
        raise InvalidInput((oversized(key, length, max_size, files[0]),))
    return parts


def _convert(contents: Mapping[str, bytes], form: Format, *, is_msgpack: bool) -> Mapping[str, bytes]:
    if not is_msgpack:
        return {MSGPACK: to_msgpack(contents)}
    if form == "members":
        return to_members(contents[MSGPACK])
    read_map(contents[MSGPACK])
    return contents


def _left_over(folder: Path, name: str, count: int) -> Iterator[Problem]:
    """Yield the warning of shards that an earlier run has written after these."""
    shards = re.compile(rf"{re.escape(name)}-(\d{{6}})\.tar")
    names = sorted(item.name for item in folder.iterdir())
    others = [item for item in names if (at := shards.fullmatch(item)) and int(at[1]) >= count]
    if others:
        message = f"{folder}: {short_list(others)} of another run follow these shards"
        yield Problem("left-over", message, hint="remove what is not of this dataset", severity="warning")
