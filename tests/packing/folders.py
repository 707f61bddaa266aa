"""Folders of samples, and what readers find in shards."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from atpub.manifest.members import attribute_name
from atpub.packing.layout import Format
from atpub.packing.run import pack_files

webdataset: Any = import_module("webdataset")  # it has no types
msgpack: Any = import_module("msgpack")

Samples = Mapping[str, Mapping[str, bytes]]
"""The files of each sample by extension, by key."""


def write_samples(folder: Path, samples: Samples, *, backwards: bool = False) -> Path:
    files = [(f"{key}.{extension}", data) for key, files in samples.items() for extension, data in files.items()]
    for name, data in reversed(files) if backwards else files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def pack(source: Path, out: Path, form: Format = "members", **options: Any) -> dict[str, bytes]:
    """Pack, and return the bytes of each shard."""
    packed = pack_files([str(source)], out, form=form, name=options.pop("name", "x"), **options)
    assert [shard.size for shard in packed.shards] == [shard.file.stat().st_size for shard in packed.shards]
    return shards_in(out)


def shards_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def raw_samples(folder: Path) -> dict[str, dict[str, bytes]]:
    """The files of each sample, as webdataset groups them."""
    found = read(folder)
    assert len({sample["__key__"] for sample in found}) == len(found)
    return {item["__key__"]: {name: data for name, data in item.items() if name[:2] != "__"} for item in found}


def read(folder: Path, *, decode: bool = False) -> list[dict[str, Any]]:
    """The samples of all shards; `webdataset.WebDataset` is the same, but leaves files open."""
    found: list[dict[str, Any]] = []
    for file in sorted(folder.glob("*.tar")):
        with file.open("rb") as stream:
            files = webdataset.tariterators.tar_file_expander([{"url": str(file), "stream": stream}])
            samples = webdataset.tariterators.group_by_keys(files)
            found.extend(webdataset.decode()(samples) if decode else samples)
    return found


def decoded_fields(folder: Path, form: Format) -> list[dict[str, Any]]:
    """The values of each sample: of members as webdataset decodes them, of msgpack as it unpacks them."""
    if form == "msgpack":
        return [msgpack.unpackb(sample["msgpack"]) for sample in read(folder)]
    return [
        {attribute_name(name): value for name, value in sample.items() if name[:2] != "__"}
        for sample in read(folder, decode=True)
    ]


def headers(shard: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(shard)) as tar:
        return tar.getmembers()
