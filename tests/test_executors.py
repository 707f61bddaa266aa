"""Executors that the user names: on a real Dask cluster, in other processes, and names that are wrong."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from os import getpid, kill
from pathlib import Path
from typing import Any

import pytest

from atpub.errors import Unavailable, Usage
from atpub.executors import open_executor, result_of, submit_batches
from tests.cli.playground import Ran, capture_runs, write_files
from tests.measuring.servers import Server, Stored, running
from tests.shards.tars import samples_tar

Run = Callable[..., Ran]
SHARDS = 120
KILL: int = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has the latter alone
PATTERN = f"d-{{0000..{SHARDS - 1:04}}}.tar"
MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {{image: {{nsid: org.lab.image, version: 1.0.0, fields: {{label: integer}}}}}}
datasets:
  urls: {{schema: image, urls: "{url}/{pattern}", checksums: {{missing: fetch}}}}
  blobs: {{schema: image, blobs: "local-*.tar"}}
"""
PROCESSES = "tests.test_executors:make_processes"


def make_processes() -> Executor:
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))  # fork would copy the threads of the test's server


def make_nothing() -> Any:
    raise RuntimeError("no workers left")


@pytest.fixture
def atpub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    return capture_runs(capsys)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of small shards that all differ, and a project beside it, with some files of its own."""
    objects = {f"/d-{number:04}.tar": Stored(samples_tar(1 + number % 3, size=number)) for number in range(SHARDS)}
    with running(Server(objects)) as made:
        write_files(tmp_path, {"atpub.yaml": MANIFEST.format(url=made.url, pattern=PATTERN)})
        write_files(tmp_path, {f"local-{number}.tar": {"tar": number + 1} for number in range(9)})
        yield made


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Dask cluster of two processes, on this machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = import_module("distributed").LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, host="127.0.0.1"
        )
        with made:
            yield made


@pytest.fixture
def dask(cluster: Any) -> str:
    """The name of the cluster for `--executor`."""
    return f"dask://{cluster.scheduler_address.removeprefix('tcp://')}"


def compare_executors(atpub: Run, *executors: str) -> None:
    """Run the commands by each executor, and compare what they give with what threads do."""
    found: list[object] = []
    for executor in ("threads", *executors):
        Path("atpub.lock").unlink(missing_ok=True)
        locked = atpub("lock", "--json", "--executor", executor)
        assert locked.code == 0, locked.err
        surveyed = atpub("inspect", "--json", ".", *_urls(), "--executor", executor)
        assert surveyed.code == 0, surveyed.err
        if executor == "threads":
            assert atpub("apply", "--yes").code == 0
        verified = atpub("verify", "--deep", "--json", "--executor", executor)
        assert verified.json["shards"] == SHARDS + 9
        found.append((Path("atpub.lock").read_bytes(), locked.json, surveyed.json, verified.json))
    assert all(item == found[0] for item in found[1:])


def _urls() -> list[str]:
    text = Path("atpub.yaml").read_text()
    return [text.split('urls: "')[1].split('"')[0].replace(f"{SHARDS - 1:04}", "0029")]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Dask and tornado
def test_dask_and_other_processes_find_what_threads_find(atpub: Run, server: Server, dask: str) -> None:
    server.objects["/d-0007.tar"].content = samples_tar(1)
    compare_executors(atpub, dask, PROCESSES)
    # Findings are the same, too.
    server.objects["/d-0003.tar"].content = samples_tar(9)
    del server.objects["/d-0004.tar"]
    local, other = (atpub("verify", "--deep", "--json", "--executor", name) for name in ("threads", dask))
    assert (local.code, other.code) == (2, 2)
    assert local.json == other.json
    assert {item["code"] for item in local.json["findings"]} >= {"shard-checksum", "shard-missing"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_killed_worker_loses_nothing(atpub: Run, server: Server, cluster: Any, dask: str) -> None:
    assert atpub("lock").code == 0
    expected = Path("atpub.lock").read_bytes()
    Path("atpub.lock").unlink()
    server.latency, killed = 0.02, list[int]()
    before = server.requests["HEAD"]

    def kill_one() -> None:
        while server.requests["HEAD"] < before + 24:
            time.sleep(0.01)
        killed.append(next(iter(cluster.workers.values())).pid)
        kill(killed[0], KILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    ran = atpub("lock", "--json", "--executor", dask)
    killer.join()
    assert killed
    assert (ran.code, len(ran.json["added"])) == (0, SHARDS + 9)
    assert Path("atpub.lock").read_bytes() == expected


def test_a_worker_that_dies_is_no_traceback(atpub: Run, server: Server) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        with submit_batches(executor, _die, [[1], [2]]) as (first, _), pytest.raises(Unavailable) as caught:
            result_of(first)
        assert "a worker failed: BrokenProcessPool" in caught.value.message
        with pytest.raises(Unavailable, match="takes no work"), submit_batches(executor, _die, [[1]]):
            pass


def _die(batch: object) -> bytes:
    kill(getpid(), KILL)
    return b""


def test_threads_are_the_default() -> None:
    with open_executor("threads") as executor:
        assert executor is None


def test_a_factory_of_the_current_folder(tmp_path: Path, atpub: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    write_files(tmp_path, {"lab_workers.py": "from concurrent.futures import ThreadPoolExecutor as make\nx = 1"})
    with open_executor("lab_workers:make") as executor:
        assert isinstance(executor, ThreadPoolExecutor)
    with pytest.raises(RuntimeError):
        executor.submit(print)  # it is closed
    with pytest.raises(Usage, match="names a int, which cannot be called"), open_executor("lab_workers:x"):
        pass


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("thread", 64, "is no executor"),
        ("", 64, "is no executor"),
        (":make", 64, "is no executor"),
        ("module:", 64, "is no executor"),
        ("no_such_module:make", 64, "No module named 'no_such_module'"),
        ("..x:make", 64, "cannot be imported"),
        ("json:no_such_name", 64, "has no attribute 'no_such_name'"),
        ("json:__name__", 64, "which cannot be called"),
        ("builtins:dict", 64, "returns dict, and no concurrent.futures.Executor"),
        ("tests.test_executors:make_nothing", 1, "makes no executor: RuntimeError: no workers left"),
        ("dask://", 64, "is no address of a Dask scheduler"),
        ("dask://localhost", 64, "is no address of a Dask scheduler"),
        ("dask://localhost:port", 64, "is no address of a Dask scheduler"),
        ("dask://localhost:1/x", 64, "is no address of a Dask scheduler"),
        ("dask://user:secret@localhost:1", 64, "is no address of a Dask scheduler"),
    ],
)
@pytest.mark.parametrize("command", ["lock", "inspect"])
def test_wrong_names(name: str, code: int, text: str, command: str, atpub: Run, tmp_path: Path) -> None:
    write_files(tmp_path, {"d.tar": {"tar": 1}, "atpub.yaml": "{atpub: 1, project: lab, account: local}"})
    ran = atpub(command, "--executor", name, *(["d.tar"] if command == "inspect" else []))
    assert (ran.code, text in ran.err) == (code, True), ran.err
    assert "secret" not in ran.err


def test_no_dask(atpub: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {"d.tar": {"tar": 1}})
    monkeypatch.setitem(sys.modules, "distributed", None)
    ran = atpub("inspect", "d.tar", "--executor", "dask://127.0.0.1:8786")
    assert ran.code == 1
    assert "pip install 'atpub[dask]'" in ran.err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("answers", [False, True])
def test_no_scheduler(answers: bool, atpub: Run, tmp_path: Path) -> None:
    write_files(tmp_path, {"d.tar": {"tar": 1}})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1] if answers else 9  # that one takes the connection, and is silent
        start = time.monotonic()
        ran = atpub("inspect", "d.tar", "--executor", f"dask://127.0.0.1:{port}")
    assert ran.code == 1
    assert f"there is no Dask scheduler at 127.0.0.1:{port}" in ran.err
    assert "start one: dask scheduler" in ran.err
    assert time.monotonic() - start < 15
    assert "Traceback" not in ran.err
