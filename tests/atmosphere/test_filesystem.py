"""Shards as files of fsspec: listed, read, verified, and sought in."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.atmosphere.samples import SCHEMA, shard
from tests.pulling.servers import ShardServer, running
from tests.shards.tars import Member, make_tar

import atpub
from atpub import AtmosphereClient, AtUri, DatasetPublisher, LabelPublisher
from atpub.errors import InvalidArgument, Unavailable, Usage

fsspec: Any = import_module("fsspec")
ENTRY = "science.alt.dataset.entry"
BIG = make_tar([Member(f"{number:04}.bin", os.urandom(100_000 + 512 * (number % 3))) for number in range(30)])


@pytest.fixture
def server() -> Iterator[ShardServer]:
    with running(ShardServer({"/d-0.tar": BIG, "/d-1.tar": shard("a", "b")})) as made:
        yield made


def publish(client: AtmosphereClient, server: ShardServer, *, checksums: bool = True) -> AtUri:
    urls = [server.url + path for path in server.files]
    digests = {path[1:]: sha256(content).hexdigest() for path, content in server.files.items()}
    given: Any = digests if checksums else "none"
    return DatasetPublisher(client).publish_with_urls(urls, SCHEMA, name="cats", checksums=given)


def test_blobs(client: AtmosphereClient) -> None:
    uri = DatasetPublisher(client).publish_with_blobs([BIG, shard("a")], SCHEMA, name="cats")
    fs = atpub.open_fs(uri, client=client)
    names = fs.ls("", detail=False)
    assert names == [f"{uri.rkey}-{number:06}.tar" for number in range(2)]
    assert fs.info(names[0])["size"] == fs.size(names[0]) == len(BIG)
    assert fs.info(names[0])["sha256"] == sha256(BIG).hexdigest()
    assert fs.cat_file(names[0]) == BIG
    assert fs.cat_file(names[0], 1000, 2000) == BIG[1000:2000]
    with fs.open(names[0]) as file, tarfile.open(fileobj=file) as tar:
        first, *_, last = tar.getmembers()
        for member in (last, first):
            assert len(io.BytesIO(read(tar, member)).getvalue()) == member.size


def read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    found = tar.extractfile(member)
    assert found
    return found.read()


def test_urls_are_streamed_once_in_order(local: AtmosphereClient, server: ShardServer) -> None:
    fs = atpub.open_fs(publish(local, server), client=local)
    assert fs.ls("", detail=False) == ["d-0.tar", "d-1.tar"]
    for mode in ("r:", "r|", "r:*"):
        server.requests.clear()
        with fs.open("d-0.tar") as file, tarfile.open(fileobj=file, mode=mode) as tar:
            contents = [read(tar, member) for member in tar]
        assert [len(content) for content in contents] == [100_000 + 512 * (number % 3) for number in range(30)]
        assert server.requests == [("/d-0.tar", None)]


def test_a_seek_back_reads_a_verified_copy(local: AtmosphereClient, server: ShardServer) -> None:
    fs = atpub.open_fs(publish(local, server), client=local)
    with fs.open("d-0.tar") as file:
        assert file.read(2_000_000) == BIG[:2_000_000]
        file.seek(5)
        assert file.read(10) == BIG[5:15]
        assert len(server.requests) == 2
        assert file.seek(-7, io.SEEK_END) == len(BIG) - 7
        assert file.read() == BIG[-7:]
        assert (file.seek(0), file.read()) == (0, BIG)
        assert len(server.requests) == 2
        with pytest.raises(ValueError, match="before the start"):
            file.raw.seek(-1)


def test_other_bytes_are_refused_before_or_at_the_end(local: AtmosphereClient, server: ShardServer) -> None:
    fs = atpub.open_fs(publish(local, server), client=local)
    server.files["/d-0.tar"] = BIG[:-5] + b"other"
    with fs.open("d-0.tar") as file:
        assert file.read(3000) == BIG[:3000]
        with pytest.raises(Unavailable, match=r"d-0\.tar is not what its checksum says"):
            file.read()
    with fs.open("d-0.tar") as file, pytest.raises(Unavailable, match="is not what its checksum says"):
        file.seek(-3, io.SEEK_END)
    with pytest.raises(Unavailable):
        fs.cat_file("d-0.tar")
    server.files["/d-0.tar"] = BIG[:5000]
    with fs.open("d-0.tar") as file, pytest.raises(Unavailable, match="is not what its checksum says"):
        file.read()


@pytest.mark.parametrize("has_ranges", [True, False])
def test_without_verification_seeking_asks_for_ranges(
    local: AtmosphereClient, server: ShardServer, has_ranges: bool
) -> None:
    server.has_ranges = has_ranges
    fs = atpub.open_fs(publish(local, server), client=local, verify=False)
    server.files["/d-0.tar"] = changed = BIG[:-5] + b"other"
    with fs.open("d-0.tar") as file:
        assert file.seek(-7, io.SEEK_END) == len(BIG) - 7
        server.requests.clear()
        assert (file.read(), file.read()) == (changed[-7:], b"")
        file.seek(1000)
        assert file.read(10) == BIG[1000:1010]
        assert (
            server.requests == [("/d-0.tar", f"bytes={len(BIG) - 7}-"), ("/d-0.tar", "bytes=1000-")]
            if has_ranges
            else True
        )
        file.seek(len(BIG) + 5)
        assert file.read() == b""
    server.length = 0
    with fs.open("d-0.tar") as file, pytest.raises(io.UnsupportedOperation, match="does not state the size"):
        file.seek(0, io.SEEK_END)


@pytest.mark.slow
def test_random_reads_are_those_of_the_file(local: AtmosphereClient, server: ShardServer) -> None:
    import random

    dice = random.Random(1)
    for verify in (True, False):
        fs = atpub.open_fs(publish(local, server), client=local, verify=verify)
        with fs.open("d-0.tar") as file:
            real = io.BytesIO(BIG)
            for _ in range(300):
                offset, whence = dice.randrange(0, len(BIG) + 100), dice.choice([0, 0, 1, 2])
                if whence == 1:
                    offset = dice.randrange(-min(real.tell(), 5000), 5000)
                if whence == 2:
                    offset = -dice.randrange(len(BIG))
                assert file.seek(offset, whence) == real.seek(offset, whence)
                count = dice.choice([1, 512, 70_000, 300_000])
                assert file.read(count) == real.read(count)


def test_without_a_checksum(local: AtmosphereClient, server: ShardServer) -> None:
    fs = atpub.open_fs(publish(local, server, checksums=False), client=local)
    assert fs.info("d-0.tar")["sha256"] is None
    assert fs.size("d-0.tar") == len(BIG)  # as the server states it
    with fs.open("d-0.tar") as file:
        assert file.read() == BIG
        assert (file.seek(9), file.read(3)) == (9, BIG[9:12])


def test_the_protocol_of_fsspec(local: AtmosphereClient, server: ShardServer, tmp_path: Path) -> None:
    uri = publish(local, server)
    label = LabelPublisher(local).publish("cats", uri)
    for folder in (uri, label):
        with fsspec.open(f"{folder}/d-1.tar", repository=tmp_path / "repository") as file:
            assert file.read() == server.files["/d-1.tar"]
        fs, path = fsspec.url_to_fs(str(folder), repository=tmp_path / "repository")
        assert [Path(name).name for name in fs.ls(path, detail=False)] == ["d-0.tar", "d-1.tar"]
        assert (fs.isdir(path), fs.isfile(f"{path}/d-0.tar"), fs.exists(f"{path}/x")) == (True, True, False)
        assert fs.glob(f"{path}/*-1.tar") == [f"{path}/d-1.tar"]
        assert fs.modified(f"{path}/d-0.tar") <= datetime.now(UTC)
        assert fs.find(path) == [f"{path}/d-0.tar", f"{path}/d-1.tar"]
    target = tmp_path / "copy.tar"
    fs.get(f"{path}/d-1.tar", str(target))
    assert target.read_bytes() == server.files["/d-1.tar"]


def test_webdataset_reads_it(local: AtmosphereClient, server: ShardServer) -> None:
    expander: Any = import_module("webdataset.tariterators")
    fs = atpub.open_fs(publish(local, server), client=local)
    opened = ({"url": name, "stream": fs.open(name)} for name in fs.ls("", detail=False))
    samples = list(expander.group_by_keys(expander.tar_file_expander(opened)))
    assert [sample["__key__"] for sample in samples][-3:] == ["0029", "000000", "000001"]


def test_errors(local: AtmosphereClient, server: ShardServer, tmp_path: Path) -> None:
    uri = publish(local, server)
    fs = atpub.open_fs(uri, client=local)
    with pytest.raises(FileNotFoundError, match=r"no such shard; it has d-0\.tar, d-1\.tar"):
        fs.open("d-2.tar")
    with pytest.raises(IsADirectoryError, match="add the name of a shard, d-0"):
        fs.open("")
    for change, given in ((fs.rm, ["d-0.tar"]), (fs.open, ["x", "wb"]), (fs.mkdir, ["x"]), (fs.touch, ["x"])):
        with pytest.raises(OSError, match="read-only"):
            change(*given)
    with pytest.raises(InvalidArgument, match="is not the at:// URI of a record"):
        atpub.open_fs("https://lab.example.org")
    with pytest.raises(FileNotFoundError, match="there is no record"):
        atpub.open_fs(f"at://{local.did}/{ENTRY}/3jzfcijpj2z2a", client=local)
    with pytest.raises(Usage, match="is not the URI of a dataset"):
        atpub.open_fs(f"at://{local.did}/org.lab.note/x", client=local)
    with pytest.raises(InvalidArgument, match="names the repository already"):
        atpub.open_fs(uri, client=local, repository=tmp_path)
    with pytest.raises(Usage, match="is not the URI of a dataset or of a shard in it") as wrong:
        fsspec.open("at://lab.example.org").open()
    assert "such as at://" in wrong.value.hint
    with pytest.raises(FileNotFoundError, match="there is no repository"):
        atpub.open_fs(uri, repository=tmp_path / "nothing")


@pytest.mark.slow
def test_without_fsspec() -> None:
    code = (
        "import sys; sys.modules['fsspec'] = None\nimport atpub\n"
        "try: atpub.open_fs('at://did:web:local.invalid/science.alt.dataset.entry/x')\n"
        "except atpub.AtpubError as error: print(error, error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "open_fs needs fsspec pip install 'atpub[fs]'\n", done.stderr
