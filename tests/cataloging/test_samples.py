"""The first samples of a dataset, read over HTTP: few bytes are received, and what is wrong is said."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.catalog.datasets import dataset
from tests.servers import QuietHandler, serving
from tests.shards.tars import Member, make_tar

from atpub.catalog.model import SampleSet
from atpub.cataloging import samples
from atpub.cataloging.samples import read_samples
from atpub.published.model import ShardView
from atpub.pulling.download import new_client
from atpub.repository.local import LocalRepository

Chunks = Callable[[], Iterator[bytes]]


def tar(count: int, size: int = 1) -> bytes:
    return make_tar(
        [
            member
            for number in range(count)
            for member in (Member(f"{number:04}.bin", bytes(size)), Member(f"{number:04}.cls", b"%d" % (number % 3)))
        ]
    )


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Callable[..., SampleSet]]:
    """Reads samples of a dataset whose only shard is at a URL that sends these chunks."""
    sent: list[Chunks] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                for chunk in sent[0]():
                    self.wfile.write(chunk)
            except OSError:
                pass  # the client has read enough

    def read(chunks: Chunks, shown: int = 5, is_stopped: Callable[[], bool] = bool) -> SampleSet:
        sent[:] = [chunks]
        shard = ShardView("a.tar", f"{url}/a.tar", None, None, None)
        with new_client() as client, closing(LocalRepository(tmp_path / "r")) as repository:
            return read_samples(replace(dataset(), shards=[shard]), repository, client, shown, is_stopped)

    with serving(Handler) as url:
        yield read


def test_the_first_samples_are_shown_and_more_are_counted(read: Callable[..., SampleSet]) -> None:
    found = read(lambda: iter([tar(300)]))
    assert [sample.key for sample in found.shown] == ["0000", "0001", "0002", "0003", "0004"]
    assert (found.looked_at, len(found.columns["cls"]), found.problem) == (200, 200, None)


def test_large_samples_are_not_counted_beyond_those_shown(read: Callable[..., SampleSet]) -> None:
    found = read(lambda: iter([tar(20, size=1 << 20)]))
    assert len(found.shown) == 5
    assert found.looked_at < 8


def test_a_shard_without_end_is_left(read: Callable[..., SampleSet], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "_MOST", 1 << 20)
    first = tar(3)[: 3 * 4 * 512]
    endless = make_tar([Member("0009.bin", bytes(8 << 20))])[:512]

    def chunks() -> Iterator[bytes]:
        yield first + endless
        while True:
            yield bytes(1 << 16)

    found = read(chunks)
    assert found.shown
    assert found.problem is not None


@pytest.mark.parametrize("data", [b"", b"<html>", gzip.compress(tar(3)), make_tar([]), bytes(2000), tar(3)[:700]])
def test_what_is_no_shard_is_said(read: Callable[..., SampleSet], data: bytes) -> None:
    found = read(lambda: iter([data]))
    assert found.problem is not None
    assert len(found.shown) <= 1


def test_a_reader_that_is_stopped_reads_no_further(read: Callable[..., SampleSet]) -> None:
    stopped = iter([False, False, True])
    data = tar(400)

    def chunks() -> Iterator[bytes]:
        yield data
        while True:  # without end, and of no sample
            yield bytes(1 << 16)

    assert read(chunks, shown=1000, is_stopped=lambda: next(stopped)).looked_at < 400


def test_a_cut_shard_shows_what_came(read: Callable[..., SampleSet]) -> None:
    found = read(lambda: iter([tar(4)[: 2 * 4 * 512 + 700]]))
    assert found.shown
    assert "could not be read" in str(found.problem)


@pytest.mark.parametrize("url", ["s3://bucket/a.tar", "file:///etc/passwd", "pipe:cat x", "", "http://127.0.0.1:1/a"])
def test_no_other_url_is_read(tmp_path: Path, url: str) -> None:
    found = replace(dataset(), shards=[ShardView("a.tar", url, None, None, None)])
    with new_client() as client, closing(LocalRepository(tmp_path / "r")) as repository:
        assert "could not be read" in str(read_samples(found, repository, client, 5).problem)


def test_a_dataset_without_shards(tmp_path: Path) -> None:
    with new_client() as client, closing(LocalRepository(tmp_path / "r")) as repository:
        assert read_samples(replace(dataset(), shards=[]), repository, client, 5).problem
