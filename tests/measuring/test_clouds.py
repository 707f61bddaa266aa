"""`atpub lock` of shards in Azure and Google Cloud Storage, as Azurite and fake-gcs-server offer them."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path

import pytest
from tests.cli.playground import Ran, capture_runs
from tests.measuring.clouds import BUCKET, PUBLIC_BUCKET, Cloud, serving_azure, serving_google
from tests.pds.reference import Unreachable
from tests.shards.tars import Member, make_tar, samples_tar

from atpub import load
from atpub.errors import Unavailable
from atpub.manifest.load import load_manifest
from atpub.measuring import object_stores
from atpub.measuring.measure import measure_shard
from atpub.measuring.model import FailedShard, MeasuredShard, Outcome, ShardFailure, ShardTask
from atpub.measuring.stores import all_chunks
from atpub.measuring.update import LockUpdate, update_lock

pytestmark = pytest.mark.slow
Run = Callable[..., Ran]
SAMPLES = [[Member(f"{number}.msgpack", b"\x81\xa5label" + bytes([number]))] for number in range(2)]
MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {{image: {{nsid: org.lab.image, version: 1.0.0, fields: {{label: integer}}}}}}
datasets: {{digits: {{schema: image, urls: {urls}, checksums: {{missing: {missing}}}}}}}
"""
SERVING: dict[str, Callable[[], AbstractContextManager[Cloud]]] = {"az": serving_azure, "gs": serving_google}
IS_INTEL_MAC = sys.platform == "darwin" and platform.machine() == "x86_64"
NO_BUILD = pytest.mark.skipif(IS_INTEL_MAC, reason="fake-gcs-server has no build for Macs of Intel")


@pytest.fixture(scope="module", params=["az", pytest.param("gs", marks=NO_BUILD)])
def server(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    try:
        with SERVING[request.param]() as cloud:
            yield cloud
    except Unreachable as reason:
        if os.environ.get("ATPUB_REQUIRE_PDS") == "1":
            raise
        pytest.skip(f"Azurite: {reason}")


@pytest.fixture
def cloud(server: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cloud:
    """A store to which the environment leads, with its credentials, and no other."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in {**server.environ, **server.credentials}.items():
        monkeypatch.setenv(name, value)
    object_stores.open_other_store.cache_clear()
    return server


@pytest.fixture
def atpub(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    return capture_runs(capsys)


def lock(folder: Path, missing: str, *urls: str) -> LockUpdate:
    (folder / "atpub.yaml").write_text(MANIFEST.format(urls=list(urls), missing=missing))
    return update_lock(load_manifest([folder / "atpub.yaml"], environ={}))


def in_hex(content: bytes) -> str:
    return sha256(content).hexdigest()


def measure(url: str) -> Outcome:
    return measure_shard(ShardTask(url, None))


def test_a_shard_is_read_once_and_again_when_it_has_changed(cloud: Cloud, tmp_path: Path) -> None:
    shards = {cloud.url("a%20b/é%25-0.tar"): samples_tar(3), cloud.url("d-1.tar"): samples_tar(200)}
    cloud.put(BUCKET, "a b/é%-0.tar", samples_tar(3))
    cloud.put(BUCKET, "d-1.tar", samples_tar(200))
    update = lock(tmp_path, "fetch", *shards)
    assert (update.failures, update.read) == ([], sum(map(len, shards.values())))
    assert update.lock.urls == {url: in_hex(content) for url, content in shards.items()}
    for url, content in shards.items():
        known = update.lock.stored[url]
        assert (known.size, known.samples) == (len(content), 3 if "é" in url else 200)
        assert known.etag
        assert known.modified

    assert cloud.requests("d-1.tar", 2) == ["HEAD", "GET"]
    again = lock(tmp_path, "fetch", *shards)
    assert (again.is_current, again.read) == (True, 0)
    assert cloud.requests("d-1.tar", 3) == ["HEAD", "GET", "HEAD"]

    cloud.put(BUCKET, "d-1.tar", samples_tar(201))
    changed = lock(tmp_path, "fetch", *shards)
    assert (changed.changed, changed.read) == ([cloud.url("d-1.tar")], len(samples_tar(201)))
    assert changed.lock.urls[cloud.url("d-1.tar")] == in_hex(samples_tar(201))


def test_no_store_states_a_sha256(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put(BUCKET, "d-0.tar", samples_tar(2))
    (problem,) = lock(tmp_path, "store", cloud.url("d-0.tar")).failures
    assert problem.code == "no-stated-checksum"


@pytest.mark.parametrize("bucket", [BUCKET, "no-such-bucket"])
def test_what_is_not_there(cloud: Cloud, bucket: str) -> None:
    found = measure(cloud.url("none.tar", bucket))
    assert isinstance(found, FailedShard)
    assert found.problem.code == "shard-missing"
    assert found.problem.message == f"{cloud.url('none.tar', bucket)} is not there"


def test_an_object_that_is_replaced_while_it_is_read(cloud: Cloud) -> None:
    """Azure refuses the rest of it; fake-gcs-server sends that of the new one, which has another ETag."""
    cloud.put(BUCKET, "d.tar", samples_tar(2))
    task, store = ShardTask(cloud.url("d.tar"), None), object_stores.ObjectStore()
    stated = store.ask(task)
    assert b"".join(store.open(task, stated, 100)) == samples_tar(2)[100:]
    assert b"".join(all_chunks(store, task, stated)) == samples_tar(2)
    cloud.put(BUCKET, "d.tar", samples_tar(3))
    with pytest.raises(ShardFailure) as raised:
        list(store.open(task, stated, 100))
    assert raised.value.problem.code == "shard-changed"


def test_the_public_reads_without_credentials(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of a project or an account are no credentials: nothing looks for any at the machine's own service."""
    for name in cloud.credentials:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "lab")
    for bucket in (PUBLIC_BUCKET, BUCKET):
        cloud.put(bucket, "d.tar", samples_tar(2))
    found = measure(cloud.url("d.tar", PUBLIC_BUCKET))
    assert isinstance(found, MeasuredShard)
    assert found.sha256 == in_hex(samples_tar(2))
    if cloud.scheme == "az":  # the other emulator has no private buckets
        private = measure(cloud.url("d.tar"))
        assert isinstance(private, FailedShard)
        assert private.problem.code == "shard-private"
        assert private.problem.hint.startswith("the environment has no credentials: set AZURE_STORAGE_ACCOUNT_KEY")


def test_only_the_first_samples_are_inspected(cloud: Cloud, atpub: Run) -> None:
    shard = make_tar([Member(f"{number}.bin", bytes(1 << 20)) for number in range(8)])
    cloud.put(BUCKET, "large.tar", shard)
    (found,) = atpub("inspect", cloud.url("large.tar"), "--samples", "2", "--json").json["shards"]
    assert (found["samples"], found["looked_at"], found["bytes"]) == (None, 2, len(shard))


def test_commands_of_a_newcomer(cloud: Cloud, atpub: Run, tmp_path: Path) -> None:
    """`lock` writes what `plan` then needs, without a request; `lock --check` reads no shard."""
    cloud.put(BUCKET, "new.tar", samples_tar(2))
    (tmp_path / "atpub.yaml").write_text(MANIFEST.format(urls=[cloud.url("new.tar")], missing="fetch"))
    assert atpub("lock", "--check").code == 2
    assert cloud.requests("new.tar", 1) == ["HEAD"]
    assert atpub("lock").code == 0
    plan = atpub("plan", "--json").json
    assert cloud.requests("new.tar", 3) == ["HEAD", "HEAD", "GET"]
    (entry,) = [change for change in plan["changes"] if change["address"] == "datasets/digits"]
    assert entry["value"]["size"] == {"samples": 2, "bytes": len(samples_tar(2)), "shards": 1}


def test_shards_of_a_published_dataset(cloud: Cloud, atpub: Run, tmp_path: Path) -> None:
    """`pull`, `load`, `verify` and `inspect` read what `apply` has published."""
    shards = {f"train/d-{number}.tar": make_tar(SAMPLES[number]) for number in range(2)}
    for key, content in shards.items():
        cloud.put(BUCKET, key, content)
    (tmp_path / "atpub.yaml").write_text(MANIFEST.format(urls=[cloud.url("train/d-{0..1}.tar")], missing="none"))
    atpub("apply", "--yes")
    (uri,) = [item["uri"] for item in atpub("list", "--json").json["datasets"]]

    assert atpub("pull", uri, "--out", "out").code == 0
    assert [(tmp_path / "out" / Path(key).name).read_bytes() for key in shards] == list(shards.values())
    assert [sample.label for sample in load(uri)] == [0, 1]
    assert atpub("verify", uri, "--deep").code == 0
    assert [item["samples"] for item in atpub("inspect", uri, "--json").json["shards"]] == [1, 1]


def test_what_is_not_there_of_a_published_dataset(cloud: Cloud, atpub: Run, tmp_path: Path) -> None:
    url = cloud.url("none.tar")
    (tmp_path / "atpub.yaml").write_text(MANIFEST.format(urls=[url], missing="none"))
    atpub("apply", "--yes")
    (uri,) = [item["uri"] for item in atpub("list", "--json").json["datasets"]]
    assert f"{url} is not there" in atpub("pull", uri, "--out", "out").err
    assert [item["code"] for item in atpub("verify", uri, "--json").json["findings"]] == ["shard-missing"]
    with pytest.raises(Unavailable, match="is not there"):
        list(load(uri))
