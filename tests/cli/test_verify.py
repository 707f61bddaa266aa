"""`atpub verify`: a repository that others tamper with, shards on a server, exit codes and output."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from tests.cli.lab import CATS, DIGITS, ENTRY, LABEL, SCHEMA, Lab, edited, path
from tests.cli.playground import Ran, write_files
from tests.cli.terminal import interruptible
from tests.shards.tars import samples_tar
from tests.verifying import servers
from tests.verifying.servers import FaultyServer, running

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri, Did, Nsid, RecordPath, deterministic_tid
from atpub.repository.model import LOCAL_DID, Create, Delete, Update

NOTE = "org.lab.note"
CAT = "https://cdn.lab.example/cats"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    files = {f"/cats-{index}.tar": samples_tar(index + 1, size=1) for index in range(3)}
    with running(FaultyServer(files)) as made:
        yield made


@pytest.fixture
def published(lab: Lab, server: FaultyServer) -> Lab:
    """The lab with its cats on a server, published."""
    lines = [f"{sha256(content).hexdigest()}  {name[1:]}\n" for name, content in server.files.items()]
    (lab.folder / "cats.sha256").write_text("".join(lines))
    lab.change((CAT, f"{server.url}/cats"), ("checksums: none", "checksums: cats.sha256"))
    assert lab.apply().code == 0
    server.requests.clear()
    return lab


def findings(ran: Ran) -> list[tuple[str, str, str | None]]:
    """The severity, code and address of each finding."""
    return [(item["severity"], item["code"], item["address"]) for item in ran.json["findings"]]


def verify(lab: Lab, *args: str) -> Ran:
    return lab.run("verify", "--json", *args)


def uri(where: RecordPath) -> str:
    return str(AtUri.of(LOCAL_DID, where))


def label_path(lab: Lab) -> RecordPath:
    return next(iter(lab.live(LABEL)))


def test_what_is_as_published(published: Lab, server: FaultyServer) -> None:
    assert published.run("verify") == Ran(0, "4 records, 5 shards (51.2 kB read): no findings\n", "")
    assert sorted(server.sent) == sorted(f"{method} {name}" for name in server.files for method in ("HEAD", "GET"))
    ran = published.run("verify", "--deep")
    assert (ran.code, ran.err) == (0, "")
    assert published.run("verify", uri(DIGITS), f"at://{LOCAL_DID}/{SCHEMA}").out.startswith("2 records, 2 shards")
    assert published.run("verify", f"at://{LOCAL_DID}").out.startswith("5 records, 5 shards")
    assert published.run("verify", "labels/*").out == "1 record, 0 shards: no findings\n"


def test_nothing_is_published_yet(lab: Lab) -> None:
    ran = verify(lab)
    assert ran.code == 2
    assert {item[1] for item in findings(ran)} == {"record-missing"}
    assert not (lab.folder / ".atpub").exists()


def test_a_record_that_was_deleted_or_edited(published: Lab) -> None:
    label = label_path(published)
    published.write_elsewhere(Delete(DIGITS), edited(published, CATS))
    ran = verify(published)
    assert ran.code == 2
    assert findings(ran) == [
        ("error", "record-missing", "datasets/digits"),
        ("error", "record-changed", "datasets/cats"),
        ("error", "reference-missing", "labels/digits-1"),
    ]
    assert findings(verify(published, uri(label))) == [("error", "reference-missing", None)]
    assert findings(verify(published, uri(DIGITS))) == [("error", "record-missing", None)]


def test_a_record_that_breaks_its_lexicon(published: Lab) -> None:
    broken: JsonObject = {**published.live(ENTRY)[CATS], "name": 1, "size": {"shards": 7}, "schemaRef": uri(DIGITS)}
    published.write_elsewhere(Update(CATS, broken))
    ran = verify(published, uri(CATS))
    codes = [item["code"] for item in ran.json["findings"]]
    assert codes == ["invalid-record", "reference-kind"]
    assert ran.json["findings"][0]["path"] == ["name"]


def test_blobs_that_are_lost_or_damaged(published: Lab) -> None:
    first, second = sorted((published.folder / ".atpub/local/blobs").iterdir(), key=lambda file: file.stat().st_size)
    size = first.stat().st_size
    first.write_bytes(bytes(size))
    second.unlink()
    ran = verify(published, "datasets/digits")
    assert ran.code == 2
    assert ("error", "shard-missing", "datasets/digits") in findings(ran)
    assert ("error", "shard-checksum", "datasets/digits") not in findings(ran)
    ran = verify(published, "datasets/digits", "--deep")
    assert ("error", "shard-checksum", "datasets/digits") in findings(ran)
    first.write_bytes(bytes(size - 1))
    assert ("error", "shard-size", "datasets/digits") in findings(verify(published, "datasets/digits"))


def test_strong_references_and_unknown_lexicons(published: Lab) -> None:
    digits = published.live(ENTRY)[DIGITS]
    note = path(NOTE, "one")
    gone = uri(path(NOTE, "gone"))
    repository = published.repository()
    record = repository.get_record(DIGITS)
    assert record is not None
    cid = record.cid
    repository.close()
    value: JsonObject = {"$type": NOTE, "best": {"uri": uri(DIGITS), "cid": cid}, "also": [gone, "at://not a uri"]}
    published.write_elsewhere(Create(note, value))
    ran = verify(published, uri(note))
    assert findings(ran) == [("note", "no-lexicon", None), ("error", "reference-missing", None)]
    assert ran.json["findings"][1]["path"] == ["also", 0]
    published.write_elsewhere(Update(DIGITS, {**digits, "description": "Edited."}))
    assert ("error", "reference-changed", None) in findings(verify(published, uri(note)))


@pytest.mark.slow
def test_references_into_other_repositories(published: Lab) -> None:
    note = path(NOTE, "one")
    other = "at://did:web:nowhere.invalid/org.lab.note/one"
    published.write_elsewhere(Create(note, {"$type": NOTE, "see": other}))
    ran = verify(published, uri(note))
    assert findings(ran)[1] in (("error", "reference-missing", None), ("unchecked", "reference-unchecked", None))


@pytest.mark.slow
def test_shards_on_a_server(published: Lab, server: FaultyServer) -> None:
    server.faults = {
        "/cats-0.tar": servers.status(404),
        "/cats-1.tar": servers.page,
        "/cats-2.tar": servers.states(b"other bytes"),
    }
    ran = verify(published, "datasets/cats")
    assert ran.code == 2
    assert [item[1] for item in findings(ran)] == ["shard-missing", "shard-web-page", "shard-checksum"]
    server.faults = {"/cats-0.tar": servers.status(503)}
    ran = verify(published, "datasets/cats")
    assert (ran.code, findings(ran)) == (1, [("unchecked", "shard-unchecked", "datasets/cats")])
    server.faults = {}
    server.files["/cats-2.tar"] = samples_tar(4, size=1)
    assert verify(published, "datasets/cats").code == 0
    ran = verify(published, "datasets/cats", "--deep")
    assert (ran.code, findings(ran)) == (2, [("error", "shard-checksum", "datasets/cats")])
    ran = verify(published, "datasets/cats", "--deep", "--max-bytes", "1")
    assert (ran.code, [item[1] for item in findings(ran)]) == (1, ["shard-unchecked"] * 3)


@pytest.mark.parametrize("deep", [(), ("--deep",)])
def test_samples_that_do_not_fit_the_schema(lab: Lab, server: FaultyServer, deep: tuple[str, ...]) -> None:
    write_files(lab.folder, {"m.tar": {"members": {"0.cls": "7", "0.txt": "seven"}}})
    server.files["/cats-0.tar"] = (lab.folder / "m.tar").read_bytes()
    lab.change((CAT, f"{server.url}/cats"), ("{0..2}", "{0..1}"))
    assert lab.apply().code == 0
    ran = verify(lab, "datasets/cats", *deep)
    assert (ran.code, findings(ran)) == (2, [("error", "schema-mismatch", "datasets/cats")])


def test_sizes_in_the_record(lab: Lab, server: FaultyServer) -> None:
    size = sum(map(len, server.files.values()))
    stated = f"size: {{samples: 7, bytes: {size + 1}, shards: 3}}"
    lab.change((CAT, f"{server.url}/cats"), ("checksums: none", f"checksums: none\n    {stated}"))
    assert lab.apply().code == 0
    assert [item["path"] for item in verify(lab, "datasets/cats").json["findings"]] == [["size", "bytes"]]
    deep = verify(lab, "datasets/cats", "--deep")
    assert [item["path"] for item in deep.json["findings"]] == [["size", "bytes"], ["size", "samples"]]


@pytest.mark.slow
def test_the_output(published: Lab, server: FaultyServer, snapshot: SnapshotAssertion) -> None:
    server.faults = {"/cats-0.tar": servers.status(404), "/cats-1.tar": servers.status(503)}
    published.write_elsewhere(Delete(DIGITS))
    ran = published.run("verify")
    assert ran.out.replace(server.url, "http://server") == snapshot
    text = json.dumps(verify(published).json, indent=1).replace(server.url, "http://server")
    assert text == snapshot


def test_wrong_usage(published: Lab, atpub: Callable[..., Ran], tmp_path: Path) -> None:
    assert atpub("verify", "datasets/dogs").code == 64
    assert atpub("verify", "at://nothing").code == 64
    assert atpub("verify", "--max-bytes", "0").code == 64
    assert atpub("verify", uri(DIGITS), "--repository", "data").code == 1
    (tmp_path / "atpub.yaml").unlink()
    assert atpub("verify").code == 64
    assert atpub("verify", uri(DIGITS)).code == 0


def test_secrets_of_urls_are_not_shown(published: Lab) -> None:
    key = path(ENTRY, deterministic_tid(Nsid(ENTRY), "secret"))
    value = published.live(ENTRY)[CATS]
    shard: JsonObject = {"url": "http://u:hunter22@127.0.0.1:9/d.tar", "checksum": {"algorithm": "none", "digest": ""}}
    storage: JsonObject = {"$type": "science.alt.dataset.storageHttp", "shards": [shard]}
    published.write_elsewhere(Create(key, {**value, "storage": storage, "size": {}}))
    ran = published.run("verify", str(AtUri.of(Did(LOCAL_DID), key)))
    assert ran.code == 1
    assert "hunter22" not in ran.out + ran.err


@pytest.mark.slow
def test_ctrl_c_ends_a_long_read(published: Lab, server: FaultyServer) -> None:
    server.faults = {"/cats-0.tar": servers.endless}
    command = [sys.executable, "-c", "from atpub.cli import main; main()", "verify", "--deep", "datasets/cats"]
    with interruptible():
        process = subprocess.Popen(command, cwd=published.folder, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while server.sent.count("GET /cats-0.tar") < 2 and time.monotonic() < deadline:  # the first byte, then all of it
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130, told
