"""The index of a dataset, as wids reads it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

import pytest
from tests.cli.playground import write_files
from tests.measuring.servers import Server, Stored, running
from tests.shards.tars import Member, make_tar

from atpub.cli.main import run
from atpub.manifest.load import load_manifest
from atpub.measuring.update import update_lock

T = TypeVar("T")

MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {{image: {{nsid: org.lab.image, version: 1.0.0, fields: {{label: integer}}}}}}
datasets:
  cats: {{schema: image, urls: "{url}/c-{{0..2}}.tar", checksums: {{missing: fetch}}}}
  digits: {{schema: image, blobs: "data/d-*.tar"}}
"""
COUNTS = {"0": 3, "1": 1, "2": 4}
SAMPLES = {name: [f"{name}{index}".encode() for index in range(count)] for name, count in COUNTS.items()}


def shard(name: str) -> bytes:
    return make_tar([Member(f"{index:03}.txt", text) for index, text in enumerate(SAMPLES[name])])


@pytest.fixture
def server() -> Iterator[Server]:
    with running(Server({f"/c-{name}.tar": Stored(shard(name)) for name in SAMPLES})) as made:
        yield made


@pytest.fixture
def wids(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package. Of torch, which is large, its datasets only take a base class."""
    for name in ("torch", "torch.distributed", "torch.utils", "torch.utils.data"):
        parent, _, own = name.rpartition(".")
        module: Any = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        if parent:
            setattr(sys.modules[parent], own, module)
    sys.modules["torch.utils.data"].__dict__.update(Dataset=_Dataset, Sampler=object)
    return import_module("wids")


class _Dataset(Generic[T]):
    pass


def texts(dataset: Any) -> list[bytes]:
    return [dataset[index][".txt"].read() for index in range(len(dataset))]


def test_wids_reads_the_same_samples(
    wids: Any, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in SAMPLES:
        (tmp_path / f"data/d-{name}.tar").write_bytes(shard(name))
    (tmp_path / "atpub.yaml").write_text(MANIFEST.format(url=server.url))
    update = update_lock(load_manifest([tmp_path / "atpub.yaml"], environ={}), index=True)
    assert update.failures == ()
    wanted = [text for name in SAMPLES for text in SAMPLES[name]]
    local = wids.ShardListDataset("digits.wids.json", cache_dir=str(tmp_path / "cache"), transformations=[])
    assert texts(local) == wanted
    index = json.loads((tmp_path / "cats.wids.json").read_text())
    assert [row["nsamples"] for row in index["shardlist"]] == [3, 1, 4]
    assert [row["filesize"] for row in index["shardlist"]] == [len(shard(name)) for name in SAMPLES]
    if shutil.which("curl"):
        remote = wids.ShardListDataset("cats.wids.json", cache_dir=str(tmp_path / "web"), transformations=[])
        assert texts(remote) == wanted


def test_samples_that_are_not_counted(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path, {"atpub.yaml": MANIFEST.format(url=server.url), "data/d-0.tar": {"tar": 2}})
    server.objects["/c-1.tar"].headers["X-Linked-ETag"] = f'"{"0" * 64}"'
    assert run(["lock", "--index", "wids"]) == 1
    printed = capsys.readouterr()
    assert "samples are not counted of 1 of 3 shards" in printed.err
    assert "; 1 index file not written." in printed.out
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["digits.wids.json"]
    assert run(["lock", "--index", "wids", "--check"]) == 64
