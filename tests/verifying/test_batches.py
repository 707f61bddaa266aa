"""Looking at shards at URLs and in files: every way in which a server fails, limits, and few requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from tests.shards.tars import FORMATS, Member, make_tar, samples_tar
from tests.verifying import servers
from tests.verifying.servers import FaultyServer, running

from atpub.atproto.xrpc.exchange import Timeouts
from atpub.progress import Advanced, Completed, Ended, Progress, Started
from atpub.pulling.download import Url
from atpub.verifying.batches import BatchReader
from atpub.verifying.first_sample import HEAD_BYTES
from atpub.verifying.model import DataLocation, Depth, Reading
from atpub.verifying.reading import read_batch, read_found

TAR = samples_tar(3, size=1)
DIGEST = sha256(TAR).hexdigest()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with running(FaultyServer({"/d.tar": TAR})) as made:
        yield made


def at(server: FaultyServer, depth: Depth, path: str = "/d.tar") -> DataLocation:
    return DataLocation(Url(server.url + path), path[1:], depth, HEAD_BYTES, is_tar=True)


def look(location: DataLocation, max_bytes: int = 1 << 30) -> Reading:
    return BatchReader(max_bytes).look_at([location])[location]


def test_a_shard_is_asked_for_once_and_read_once(server: FaultyServer) -> None:
    assert look(at(server, "head")) == Reading(size=len(TAR))
    assert server.sent == ["HEAD /d.tar"]
    server.requests.clear()
    found = look(at(server, "sample"))
    assert (found.size, found.sha256, found.samples) == (len(TAR), None, None)
    assert found.first is not None
    assert server.requests == [("HEAD", "/d.tar", None), ("GET", "/d.tar", f"bytes=0-{HEAD_BYTES - 1}")]
    server.requests.clear()
    found = look(at(server, "whole"))
    assert (found.size, found.sha256, found.samples, found.read) == (len(TAR), DIGEST, 3, len(TAR))
    assert found.first is not None
    assert server.requests == [("HEAD", "/d.tar", None), ("GET", "/d.tar", None)]


@pytest.mark.slow
@pytest.mark.parametrize("depth", ["head", "sample", "whole"])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (servers.status(404), "missing"),
        (servers.status(410), "missing"),
        (servers.status(403), "refused"),
        (servers.status(503), "unreachable"),
        (servers.page, "web-page"),
        (servers.redirect("/login"), "web-page"),
        (servers.redirect("/d.tar"), "redirect-loop"),
        (servers.redirect("/nothing"), "missing"),
        (servers.redirect("http://xn--/d.tar"), "unreachable"),
    ],
)
def test_faults_of_servers(server: FaultyServer, depth: Depth, fault: servers.Fault, expected: str) -> None:
    server.faults = {"/d.tar": fault, "/login": servers.page}
    assert look(at(server, depth)).fault == expected


@pytest.mark.parametrize("depth", ["head", "sample", "whole"])
def test_a_server_without_head_is_asked_for_a_byte(server: FaultyServer, depth: Depth) -> None:
    server.faults = {"/d.tar": servers.without_head}
    assert look(at(server, depth)).size == len(TAR)
    assert server.requests[1] == ("GET", "/d.tar", "bytes=0-0")


def test_an_empty_shard(server: FaultyServer) -> None:
    server.files["/d.tar"] = b""
    assert look(at(server, "head")).size == 0
    found = look(at(server, "sample"))
    assert (found.size, found.fault) == (0, "")


def test_the_digest_that_a_store_states(server: FaultyServer) -> None:
    server.faults = {"/d.tar": servers.states(b"other")}
    assert look(at(server, "head")).sha256 == sha256(b"other").hexdigest()
    assert look(at(server, "whole")).sha256 == DIGEST


def test_an_answer_that_breaks_off_is_no_judgement(server: FaultyServer) -> None:
    server.files["/d.tar"] = samples_tar(200, size=1000)
    server.faults = {"/d.tar": servers.break_off}
    assert look(at(server, "whole")).fault == "unreachable"


def test_an_answer_without_an_end_is_given_up(server: FaultyServer) -> None:
    server.faults = {"/d.tar": servers.endless}
    found = look(at(server, "whole"), max_bytes=1 << 20)
    assert found.fault == "oversized"
    assert found.read <= (1 << 20) + (1 << 16)
    assert look(at(server, "sample")).fault in ("", "oversized")


@pytest.mark.slow
def test_a_silent_server_is_given_up(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atpub.verifying.reading._ASK", Timeouts.of(0.3))
    over = threading.Event()
    names = [f"/d-{index}.tar" for index in range(100)]
    server.faults = {name: servers.stall(over) for name in names}
    batch = [at(server, "head", name) for name in names]
    found = read_found(read_batch(batch))
    over.set()
    assert [item.fault for item in found] == ["unreachable"] * 3 + ["skipped"] * 97


def test_no_server_at_all() -> None:
    gone = DataLocation(Url("http://127.0.0.1:9/d.tar"), "d", "whole", HEAD_BYTES, is_tar=True)
    assert look(gone).fault == "unreachable"
    assert look(replace(gone, source=Url("hdfs://bucket/d.tar"))).fault == "unreadable"
    assert look(replace(gone, source=Url("file:///etc/passwd"))).fault == "unreadable"
    for malformed in ("http://[/d.tar", "http://xn--/d.tar", "http:///d.tar", "http://a:b/d.tar"):
        assert look(replace(gone, source=Url(malformed))).fault == "unreachable"


def test_the_limit_of_bytes_is_for_all_together(server: FaultyServer) -> None:
    server.files |= {"/e.tar": TAR, "/f.tar": TAR}
    locations = [at(server, "whole", path) for path in server.files]
    found = BatchReader(2 * len(TAR)).look_at(locations)
    assert [found[item].fault for item in locations] == ["", "", "oversized"]
    assert sum(item.read for item in found.values()) == 2 * len(TAR)


@pytest.mark.parametrize("depth", ["head", "sample", "whole"])
def test_files(tmp_path: Path, depth: Depth) -> None:
    file = tmp_path / "d.tar"
    location = DataLocation(file, "d.tar", depth, len(TAR), len(TAR), is_tar=True)
    assert look(location).fault == "missing"
    file.mkdir()
    assert look(location).fault == "missing"
    file.rmdir()
    file.write_bytes(TAR[:-512])
    assert look(location).size == len(TAR) - 512
    file.write_bytes(TAR)
    found = look(location)
    assert (found.size, found.samples) == (len(TAR), 3 if depth == "whole" else None)


def test_one_shard_may_be_looked_at_in_several_ways(server: FaultyServer) -> None:
    locations = [at(server, "head"), at(server, "sample"), at(server, "whole")]
    found = BatchReader().look_at([*locations, *locations])
    assert [found[item].size for item in locations] == [len(TAR)] * 3
    assert [found[item].first is not None for item in locations] == [False, True, True]
    assert len(server.requests) == 3


def test_a_damaged_tar_is_reported(server: FaultyServer) -> None:
    server.files["/d.tar"] = TAR[:700]
    assert look(at(server, "whole")).tar is not None
    server.files["/d.tar"] = b"\x1f\x8b" + bytes(1000)
    for depth in ("sample", "whole"):
        found = look(at(server, depth))
        assert found.tar is not None
        assert found.tar[0] == "tar-compressed"


@pytest.mark.parametrize("blocks", range(8))
@pytest.mark.parametrize("form", FORMATS[1:])
def test_long_headers_stand_anywhere(server: FaultyServer, form: int, blocks: int) -> None:
    """Also where those of one member begin in one MiB and end in the next."""
    members = [Member("0.bin", bytes((1 << 20) - 512 * (blocks + 1))), Member(f"{'d' * 90}/{'l' * 180}.bin", b"1")]
    server.files["/d.tar"] = make_tar(members, form)
    found = look(at(server, "whole"))
    assert (found.tar, found.samples) == (None, 2)
    assert found.sha256 == sha256(server.files["/d.tar"]).hexdigest()


@pytest.mark.parametrize("fault", [None, servers.chunked])
def test_a_cut_off_tar_is_described_by_its_own_size(server: FaultyServer, fault: servers.Fault | None) -> None:
    server.files["/d.tar"] = TAR[:700]
    server.faults = {"/d.tar": fault} if fault else {}
    for depth in ("sample", "whole"):
        found = look(at(server, depth))
        assert found.tar is not None
        assert " of 700, " in found.tar[1]


def test_any_executor_reads(server: FaultyServer, tmp_path: Path) -> None:
    file = tmp_path / "e.tar"
    file.write_bytes(TAR)
    locations = [at(server, "whole"), DataLocation(file, "e.tar", "whole", len(TAR), len(TAR), is_tar=True)]
    with ProcessPoolExecutor(1) as executor:
        found = BatchReader(executor=executor).look_at(locations)
    assert [found[item].sha256 for item in locations] == [DIGEST, DIGEST]


def test_progress(server: FaultyServer) -> None:
    sent: list[Progress] = []
    BatchReader(on_progress=sent.append).look_at([at(server, "whole"), at(server, "head", "/nothing.tar")])
    assert sent[0] == Started("verify", 2)
    assert sent[-1] == Ended("verify")
    assert {item.file for item in sent if isinstance(item, Completed)} == {"d.tar", "nothing.tar"}
    assert {item.size for item in sent if isinstance(item, Advanced)} == {len(TAR)}
