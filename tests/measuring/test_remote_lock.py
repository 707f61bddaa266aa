"""Locking shards at URLs: counted requests and bytes, faults of stores, and runs that break off."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from tests.measuring.servers import PAGE, Server, Stored, running
from tests.shards.tars import samples_tar

from atpub.errors import InvalidInput
from atpub.manifest.load import load_manifest
from atpub.manifest.model import Manifest
from atpub.measuring.journal import JOURNAL_FILE
from atpub.measuring.model import Outcome, ShardTask
from atpub.measuring.run import measure_all
from atpub.measuring.stores import HttpStore
from atpub.measuring.update import LockUpdate, update_lock
from atpub.progress import Completed, Failed, Progress
from atpub.shards.facts import gather
from atpub.shards.lock import read_lock

MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {{image: {{nsid: org.lab.image, version: 1.0.0, fields: {{label: integer}}}}}}
datasets:
  digits:
    schema: image
    urls: "{url}/d-{{{first}..{last}}}.tar"
    checksums: {checksums}
"""


def in_hex(content: bytes) -> str:
    return sha256(content).hexdigest()


@pytest.fixture
def server() -> Iterator[Server]:
    with running(Server()) as made:
        yield made


def fill(server: Server, count: int, size: int = 1) -> list[str]:
    """Put shards that all differ on the server, and return their URLs."""
    names = [f"/d-{number:04d}.tar" for number in range(count)]
    for number, name in enumerate(names):
        server.objects[name] = Stored(samples_tar(2 + number % 3, size=size + number))
    return [f"{server.url}{name}" for name in names]


def project(folder: Path, server: Server, count: int, checksums: str = "{missing: fetch}") -> Manifest:
    text = MANIFEST.format(url=server.url, first="0000", last=f"{count - 1:04d}", checksums=checksums)
    (folder / "atpub.yaml").write_text(text)
    return load_manifest([folder / "atpub.yaml"], environ={})


def codes(update: LockUpdate) -> dict[str, str]:
    return {problem.message.split("/d-")[1][:4]: problem.code for problem in update.failures}


@pytest.mark.slow
def test_a_thousand_shards_are_read_once(tmp_path: Path, server: Server) -> None:
    urls = fill(server, 1000)
    server.latency = 0.02
    manifest = project(tmp_path, server, 1000)
    seen: list[Progress] = []
    update = update_lock(manifest, on_progress=seen.append)
    assert (len(update.added), update.failures, update.warnings) == (1000, [], [])
    assert server.requests == {"HEAD": 1000, "GET": 1000}
    assert server.sent == update.read == sum(len(stored.content) for stored in server.objects.values())
    assert 16 <= server.most_at_once <= 32
    assert {event.file for event in seen if isinstance(event, Completed)} == set(urls)
    lock = read_lock(tmp_path)
    assert lock is not None
    for name, stored in server.objects.items():
        facts = lock.stored[server.url + name]
        assert lock.urls[server.url + name] == in_hex(stored.content)
        assert (facts.size, facts.etag) == (len(stored.content), stored.etag)
    assert lock.stored[urls[0]].samples == 2
    text = (tmp_path / "atpub.lock").read_text()
    # Nothing has changed: HEADs only, and no byte of a body.
    server.reset()
    again = update_lock(manifest)
    assert again.is_current
    assert (server.requests, server.sent) == ({"HEAD": 1000}, 0)
    assert (tmp_path / "atpub.lock").read_text() == text
    assert not (tmp_path / JOURNAL_FILE).exists()
    # One has changed: that one is read.
    server.reset()
    server.objects["/d-0007.tar"] = Stored(samples_tar(9, size=3))
    third = update_lock(manifest)
    assert third.changed == [f"{server.url}/d-0007.tar"]
    assert dict(server.paths) == {"/d-0007.tar": 1}


def test_what_the_lock_has_is_all_that_others_need(tmp_path: Path, server: Server) -> None:
    fill(server, 3)
    manifest = project(tmp_path, server, 3)
    (problem,) = gather(manifest).problems
    assert (problem.code, problem.hint) == ("checksum-not-locked", "run `atpub lock`, and commit atpub.lock")
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (9, 16)
    assert not server.requests
    update_lock(manifest)
    server.reset()
    facts = gather(manifest, lock=read_lock(tmp_path), locked=True)
    assert (facts.problems, server.requests) == ((), {})
    (shards,) = facts.shards.values()
    assert getattr(shards, "samples", None) == 2 + 3 + 4
    assert getattr(shards, "size", None) == sum(len(stored.content) for stored in server.objects.values())


FAULTS: dict[str, tuple[list[str], str]] = {
    # Faults that pass:
    "resets": (["reset", "reset"], ""),
    "busy": (["status:503", "status:429:0"], ""),
    "cut": (["", "cut:600"], ""),
    "cut-twice": (["", "cut:600", "cut:100"], ""),
    "cut, no ranges": (["", "cut:600", "no-range"], ""),
    "no HEAD": (["no-head"], ""),
    "stall": (["stall:1"], ""),
    # Faults that stay:
    "gone": (["=status:404"], "shard-missing"),
    "private": (["=status:403"], "shard-private"),
    "down": (["=status:503"], "shard-unavailable"),
    "wait long": (["=status:429:86400"], "shard-unavailable"),
    "unreachable": (["=reset"], "shard-unavailable"),
    "truncated": (["", "=cut:600"], "shard-truncated"),
    "longer than it is": (["", "=long"], "shard-changed"),
    "page": (["=page"], "html-page"),
    "login": (["=redirect:/login"], "html-page"),
    "changed": (["", "changed"], "shard-changed"),
    "loop": (["=redirect:/loop"], "shard-unavailable"),
}


@pytest.mark.slow
def test_each_fault_is_of_its_shard(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fault of the table, on 10 shards each of 300: the others are locked, and nothing half read is."""
    monkeypatch.setattr(
        "atpub.measuring.update.ShardTask",
        partial(ShardTask, seconds=0.5),
    )
    fill(server, 300)
    server.objects["/login"] = Stored(PAGE, {"Content-Type": "text/html"})
    server.objects["/loop"] = Stored(b"", always="redirect:/loop")
    expected: dict[str, str] = {}
    for row, (faults, code) in enumerate(FAULTS.values()):
        for number in range(row * 10, row * 10 + 10):
            stored = server.objects[f"/d-{number:04d}.tar"]
            stored.faults = [fault for fault in faults if not fault.startswith("=")]
            last = faults[-1]
            stored.always_after = last[1:] if last.startswith("=") else ""
            if code:
                expected[f"{number:04d}"] = code
    update = update_lock(project(tmp_path, server, 300))
    assert codes(update) == expected
    lock = read_lock(tmp_path)
    assert lock is not None
    assert lock.urls == {
        f"{server.url}{name}": in_hex(stored.content)
        for name, stored in server.objects.items()
        if name.startswith("/d-") and name[3:7] not in expected
    }
    for problem in update.failures:
        assert server.url in problem.message
        assert problem.place is not None
        assert (problem.place.line, problem.place.column) == (9, 16)
        assert problem.hint
    # What passes, passes: the next run reads those alone.
    for stored in server.objects.values():
        stored.faults, stored.always_after, stored.always = [], "", ""
    server.reset()
    assert update_lock(project(tmp_path, server, 300)).failures == []
    assert {path[3:7] for path in server.paths} == expected.keys()


def test_kept_from_the_lock_where_a_store_is_down(tmp_path: Path, server: Server) -> None:
    fill(server, 4)
    manifest = project(tmp_path, server, 4)
    update_lock(manifest)
    text = (tmp_path / "atpub.lock").read_text()
    server.objects["/d-0002.tar"].always = "status:404"
    update = update_lock(manifest)
    assert codes(update) == {"0002": "shard-missing"}
    assert (tmp_path / "atpub.lock").read_text() == text


@pytest.mark.slow
def test_a_host_that_never_answers_is_given_up(tmp_path: Path, server: Server) -> None:
    fill(server, 400)
    for stored in server.objects.values():
        stored.always = "reset"
    update = update_lock(project(tmp_path, server, 400))
    assert set(codes(update).values()) == {"shard-unavailable"}
    assert len(update.failures) == 400
    assert server.requests["HEAD"] < 4 * 150


@pytest.mark.parametrize("checksums", ["{missing: store}", "{missing: fetch}"])
def test_as_the_store_states(checksums: str, tmp_path: Path, server: Server) -> None:
    fill(server, 3)
    for stored in server.objects.values():
        stored.headers["X-Linked-ETag"] = f'"{in_hex(stored.content)}"'
    assert len(update_lock(project(tmp_path, server, 3, checksums)).added) == 3
    assert (server.requests, server.sent) == ({"HEAD": 3}, 0)
    del server.objects["/d-0001.tar"].headers["X-Linked-ETag"]
    (tmp_path / "atpub.lock").unlink()
    update = update_lock(project(tmp_path, server, 3, checksums))
    assert codes(update) == ({"0001": "no-stated-checksum"} if "store" in checksums else {})


def test_only_what_no_file_has_is_asked_for(tmp_path: Path, server: Server) -> None:
    fill(server, 4)
    for number in range(2):
        content = server.objects[f"/d-{number:04d}.tar"].content
        (tmp_path / f"d-{number:04d}.tar.sha256").write_text(in_hex(content))
    manifest = project(tmp_path, server, 4, '{file: ["d-*.tar.sha256"], missing: fetch}')
    assert len(update_lock(manifest).lock.urls) == 4
    assert server.requests == {"HEAD": 2, "GET": 2}
    none = project(tmp_path, server, 4, '{file: "d-*.tar.sha256", missing: none}')
    server.reset()
    (shards,) = gather(none).shards.values()
    digests = [digest for _, digest in getattr(shards, "shards", ())]
    assert [digest is None for digest in digests] == [False, False, True, True]
    assert not update_lock(none).failures
    assert not server.requests


def test_without_validators_a_shard_is_read_each_time(tmp_path: Path, server: Server) -> None:
    fill(server, 2)
    for stored in server.objects.values():
        stored.has_etag = False
    manifest = project(tmp_path, server, 2)
    update_lock(manifest)
    assert update_lock(manifest).is_current
    assert set(server.paths.values()) == {2}
    # Last-Modified is enough, together with the size.
    for stored in server.objects.values():
        stored.headers["Last-Modified"] = "Mon, 30 Nov 2026 12:00:00 GMT"
    update_lock(manifest)
    server.reset()
    assert update_lock(manifest).is_current
    assert server.sent == 0


def test_what_stands_in_for_a_shard(tmp_path: Path, server: Server) -> None:
    fill(server, 5)
    contents = [PAGE, b"", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", b"PK\x03\x04rest", b"x" * 600]
    for number, content in enumerate(contents):
        server.objects[f"/d-{number:04d}.tar"] = Stored(content)
    update = update_lock(project(tmp_path, server, 5))
    assert codes(update) == {"0000": "html-page", "0001": "tar-empty", "0002": "git-lfs-pointer"}
    assert {problem.code for problem in update.warnings} == {"tar-compressed", "not-a-tar"}
    assert len(update.lock.urls) == 2


def test_a_check_reads_and_writes_nothing(tmp_path: Path, server: Server) -> None:
    fill(server, 3)
    manifest = project(tmp_path, server, 3)
    update = update_lock(manifest, check=True)
    assert (len(update.added), update.failures) == (3, [])
    assert [path.name for path in tmp_path.iterdir()] == ["atpub.yaml"]
    update_lock(manifest)
    assert update_lock(manifest, check=True).is_current
    server.objects["/d-0001.tar"] = Stored(samples_tar(9, size=3))
    server.reset()
    changed = update_lock(manifest, check=True)
    assert (changed.changed, server.sent) == ([f"{server.url}/d-0001.tar"], 0)


@pytest.mark.parametrize("has_executor", [False, True])
def test_each_shard_ends_in_the_progress(has_executor: bool, tmp_path: Path, server: Server) -> None:
    fill(server, 3)
    server.objects["/d-0001.tar"].always = "status:404"
    manifest, seen = project(tmp_path, server, 3), list[Progress]()
    with ThreadPoolExecutor(1) as executor:
        update_lock(manifest, executor=executor if has_executor else None, on_progress=seen.append)
    assert [event.file for event in seen if isinstance(event, Failed)] == [f"{server.url}/d-0001.tar"]
    assert len([event for event in seen if isinstance(event, Completed)]) == 2
    # What a check leaves unread has not failed.
    server.objects["/d-0002.tar"] = Stored(samples_tar(9, size=3))
    seen.clear()
    update_lock(manifest, check=True, on_progress=seen.append)
    assert [event.file for event in seen if isinstance(event, Failed)] == [f"{server.url}/d-0001.tar"]


@pytest.mark.slow
@pytest.mark.parametrize("has_executor", [False, True])
def test_an_error_of_the_caller_ends_the_work(has_executor: bool, server: Server) -> None:
    """It ends before the error is caught, whoever keeps the error."""
    server.latency = 0.02
    tasks = [ShardTask(url, url) for url in fill(server, 400)]

    def refuse(outcome: Outcome) -> None:
        raise InvalidInput(())

    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(InvalidInput) as caught:
            measure_all(tasks, refuse, executor=executor if has_executor else None)
        executor.shutdown()
        asked = server.requests.total()
        time.sleep(0.2)
        assert asked == server.requests.total() < 400, caught


def test_another_executor(tmp_path: Path, server: Server) -> None:
    """Tasks go to another process and back: they are pickled, and take no callback."""

    class Pickling(ThreadPoolExecutor):
        def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
            return super().submit(*pickle.loads(pickle.dumps((fn, *args))), **kwargs)

    fill(server, 40)
    with Pickling(2) as executor:
        assert len(update_lock(project(tmp_path, server, 40), executor=executor).added) == 40


@pytest.mark.slow
def test_another_executor_gives_up_a_silent_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As threads do: after the first batches, the others are not asked for."""
    slow = partial(HttpStore, tries=2, pause=lambda _: time.sleep(0.02))
    monkeypatch.setattr("atpub.measuring.measure.HttpStore", slow)
    server = Server(url="http://127.0.0.1:9")
    with ThreadPoolExecutor(1) as executor:
        update = update_lock(project(tmp_path, server, 400), executor=executor)
    assert {problem.code for problem in update.failures} == {"shard-unavailable"}
    asked = [problem for problem in update.failures if "was not asked for" not in problem.message]
    assert (len(update.failures), 32 <= len(asked) < 200) == (400, True)


KILLED = """\
import sys
from pathlib import Path
from atpub.manifest.load import load_manifest
from atpub.measuring.update import update_lock
update_lock(load_manifest([Path("atpub.yaml")], environ={}))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_after_a_kill_no_shard_is_measured_twice(tmp_path: Path, server: Server) -> None:
    fill(server, 400)
    manifest = project(tmp_path, server, 400)
    server.latency = 0.02
    journal = tmp_path / JOURNAL_FILE
    for wanted in (40, 150):
        process = subprocess.Popen([sys.executable, "-c", KILLED], cwd=tmp_path)
        while not journal.exists() or journal.read_text().count(" {") < wanted:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "atpub.lock").exists()
    lines = [line.partition(" ")[2] for line in journal.read_text().splitlines() if line]
    measured = {json.loads(line)["url"].removeprefix(server.url) for line in lines if line.endswith("}")}
    assert len(measured) >= 150
    before = dict(server.paths)
    update = update_lock(manifest)
    assert (update.failures, len(update.lock.urls)) == ([], 400)
    assert {path for path in measured if server.paths[path] != before[path]} == set()
    assert not journal.exists()


def test_a_damaged_journal_costs_only_time(tmp_path: Path, server: Server) -> None:
    fill(server, 3)
    manifest = project(tmp_path, server, 3)
    right = {f"{server.url}{name}": in_hex(stored.content) for name, stored in server.objects.items()}
    url = f"{server.url}/d-0000.tar"
    wrong = json.dumps({"url": url, "sha256": "0" * 64, "source": "read", "size": 1, "etag": '"x"'})
    (tmp_path / JOURNAL_FILE).write_bytes(
        f"00000000 {wrong}\n".encode() + b"\xff\xfe\n[[[[\n12345678 {}\n" + wrong.encode()
    )
    assert update_lock(manifest).lock.urls == right
    (tmp_path / JOURNAL_FILE).mkdir()
    (tmp_path / "atpub.lock").unlink()
    assert update_lock(manifest).lock.urls == right


@pytest.mark.parametrize(
    ("checksums", "code", "column"),
    [
        ("{missing: fetchh}", "wrong-value", 26),
        ("{missing: [fetch]}", "wrong-value", 26),
        ("{file: 3}", "wrong-type", 23),
        ("{file: a.sha256, d-0.tar: abc}", "one-of", 17),
        ("{file: nowhere.sha256, missing: fetch}", "file-missing", 16),
    ],
)
def test_wrong_manifests(checksums: str, code: str, column: int, tmp_path: Path, server: Server) -> None:
    with pytest.raises(InvalidInput) as caught:
        update_lock(project(tmp_path, server, 2, checksums))
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert (problem.code, problem.place.line, problem.place.column) == (code, 9, column)
    assert not server.requests
